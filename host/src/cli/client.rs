//! A client of gd-host's HTTP API: addresses, the token, and what an answer means.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde_json::Value;

use super::duration;
use super::error::Error;
use super::problem::Problem;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Chosen: every route but deploy and wait answers in milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Chosen: compiling the largest component takes tens of seconds on a small machine.
const DEPLOY_TIMEOUT: Duration = Duration::from_secs(300);
/// Chosen: ten thousand starts take a few seconds on a small machine.
const BATCH_TIMEOUT: Duration = Duration::from_secs(120);
/// Chosen: a page of 1000 instances is under 1 MiB, one instance under a few MiB.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A gd-host, by its address and token.
pub(crate) struct Client {
    http: reqwest::Client,
    /// Always http or https, without query, fragment or credentials; its path is the prefix of every route.
    base: Url,
    token: Option<String>,
}

/// An answer with a success status.
pub(crate) struct Answer {
    /// The HTTP status, 200 to 299.
    pub(crate) status: u16,
    /// The body as it came: one JSON document.
    pub(crate) text: String,
    /// The body, parsed.
    pub(crate) value: Value,
}

impl Client {
    /// A client of the gd-host at `url`, which may have a path prefix and a trailing slash. An empty token is none.
    ///
    /// # Errors
    /// [`Error::Usage`] when `url` is not an http or https address.
    pub(crate) fn new(url: &str, token: Option<&str>) -> Result<Self, Error> {
        let base = base(url)?;
        let token = token.filter(|token| !token.is_empty()).map(str::to_owned);
        if token.as_ref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(Error::argument("the token has characters that no token has; check --token and GD_TOKEN"));
        }
        Ok(Self { http: http_client(&base)?, base, token })
    }

    /// Reads the resource at `/v1/{segments}`; each segment is percent-encoded.
    pub(crate) async fn get(&self, segments: &[&str], query: &[(&str, String)]) -> Result<Answer, Error> {
        self.send(self.request(Method::GET, segments)?.query(query), ANSWER_TIMEOUT).await
    }

    /// Like [`Client::get`], for a route that holds its answer back for up to `hold`.
    pub(crate) async fn get_held(
        &self,
        segments: &[&str],
        query: &[(&str, String)],
        hold: Duration,
    ) -> Result<Answer, Error> {
        self.send(self.request(Method::GET, segments)?.query(query), hold + ANSWER_TIMEOUT).await
    }

    /// Posts `body` as JSON to `/v1/{segments}`.
    pub(crate) async fn post(&self, segments: &[&str], body: &impl Serialize) -> Result<Answer, Error> {
        self.send(self.request(Method::POST, segments)?.json(body), ANSWER_TIMEOUT).await
    }

    /// Posts to `/v1/{segments}` without a body.
    pub(crate) async fn post_empty(&self, segments: &[&str]) -> Result<Answer, Error> {
        self.send(self.request(Method::POST, segments)?, ANSWER_TIMEOUT).await
    }

    /// Posts lines of JSON to `/v1/{segments}`.
    pub(crate) async fn post_lines(&self, segments: &[&str], lines: String) -> Result<Answer, Error> {
        let request = self.request(Method::POST, segments)?.header(CONTENT_TYPE, "application/x-ndjson");
        self.send(request.body(lines), BATCH_TIMEOUT).await
    }

    /// Puts `body` as JSON at `/v1/{segments}`.
    pub(crate) async fn put(&self, segments: &[&str], body: &impl Serialize) -> Result<Answer, Error> {
        self.send(self.request(Method::PUT, segments)?.json(body), ANSWER_TIMEOUT).await
    }

    /// Deletes `/v1/{segments}`.
    pub(crate) async fn delete(&self, segments: &[&str], query: &[(&str, String)]) -> Result<Answer, Error> {
        self.send(self.request(Method::DELETE, segments)?.query(query), ANSWER_TIMEOUT).await
    }

    /// Deploys the component `bytes`.
    pub(crate) async fn post_component(&self, bytes: Vec<u8>) -> Result<Answer, Error> {
        let request = self.request(Method::POST, &["deployments"])?;
        self.send(request.header(CONTENT_TYPE, "application/wasm").body(bytes), DEPLOY_TIMEOUT).await
    }

    fn request(&self, method: Method, segments: &[&str]) -> Result<RequestBuilder, Error> {
        let request = self.http.request(method, address(&self.base, segments)?);
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    }

    async fn send(&self, request: RequestBuilder, within: Duration) -> Result<Answer, Error> {
        let transport = |error| self.transport(error, within);
        let response = request.timeout(within).send().await.map_err(transport)?;
        let status = response.status().as_u16();
        let body = self.body(response, within).await?;
        self.answer(status, body)
    }

    async fn body(&self, mut response: Response, within: Duration) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.transport(error, within))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(self.unexpected(response.status().as_u16(), "more than 64 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn answer(&self, status: u16, body: Vec<u8>) -> Result<Answer, Error> {
        let text = String::from_utf8(body).map_err(|_| self.unexpected(status, "a body that is not UTF-8"))?;
        if !(200..300).contains(&status) {
            return Err(match Problem::read(status, &text) {
                Some(problem) => Error::Api(problem),
                None => self.unexpected(status, "no problem document"),
            });
        }
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Answer { status, text, value }),
            Err(_) => Err(self.unexpected(status, "a body that is not JSON")),
        }
    }

    /// The address as the user wrote it, more or less.
    fn shown(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    fn unexpected(&self, status: u16, what: &str) -> Error {
        Error::Unexpected { url: self.shown(), status, what: what.to_owned() }
    }

    fn transport(&self, error: reqwest::Error, within: Duration) -> Error {
        let url = self.shown();
        if error.is_timeout() && !error.is_connect() {
            return Error::Timeout { url, within: duration::format(within) };
        }
        let reason = if error.is_timeout() { "no connection within 5s".to_owned() } else { cause(&error) };
        Error::Unreachable { url, reason }
    }
}

/// The innermost cause: reqwest wraps it several times, and only this one says something to a person.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn http_client(base: &Url) -> Result<reqwest::Client, Error> {
    // reqwest brings no cryptography of its own here. An error means that the process has chosen one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // No redirects: the token and the body of a POST are meant for this address and no other.
    let mut builder =
        reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).redirect(reqwest::redirect::Policy::none());
    if base.scheme() == "http" {
        // Without TLS the certificates of the system are not needed, and a machine without any must do.
        builder = builder.tls_certs_only([]);
    }
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| Error::Client(cause(&error)))
}

fn base(url: &str) -> Result<Url, Error> {
    // What may hold a password is not repeated.
    let shown = if url.contains('@') { String::new() } else { format!(" {url:?}") };
    let wrong = |why: &str| Error::Usage {
        code: "invalid-argument",
        detail: format!("the address of gd-host{shown} {why}"),
        hint: Some("write it as http://HOST:PORT, with --url or GD_URL"),
    };
    let mut base = Url::parse(url).map_err(|error| wrong(&format!("is not a URL: {error}")))?;
    if !matches!(base.scheme(), "http" | "https") {
        return Err(wrong("does not begin with http:// or https://"));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(Error::argument("the address of gd-host contains a user or password; use --token or GD_TOKEN"));
    }
    base.set_query(None);
    base.set_fragment(None);
    Ok(base)
}

fn address(base: &Url, segments: &[&str]) -> Result<Url, Error> {
    // Url leaves these out of a path, and the request would reach another route.
    if let Some(bad) = segments.iter().find(|segment| matches!(**segment, "" | "." | "..")) {
        return Err(Error::argument(format!("{bad:?} is not a name or id")));
    }
    let mut url = base.clone();
    let mut path = url.path_segments_mut().map_err(|()| Error::argument("the address of gd-host has no path"))?;
    path.pop_if_empty().push("v1").extend(segments);
    drop(path);
    Ok(url)
}

fn is_loopback(base: &Url) -> bool {
    let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_and_a_trailing_slash_are_kept_and_segments_encoded() {
        let check = |url: &str, segments: &[&str], expected: &str| {
            assert_eq!(address(&base(url).unwrap(), segments).unwrap().as_str(), expected);
        };
        check("http://127.0.0.1:7070", &["instances", "42"], "http://127.0.0.1:7070/v1/instances/42");
        check("http://127.0.0.1:7070/", &["fsms"], "http://127.0.0.1:7070/v1/fsms");
        check("https://h/flows/gd", &["fsms"], "https://h/flows/gd/v1/fsms");
        check("https://h/flows/gd/?x=1#y", &["fsms"], "https://h/flows/gd/v1/fsms");
        check("http://h", &["fsms", "a/b ?#%2e"], "http://h/v1/fsms/a%2Fb%20%3F%23%252e");
    }

    #[test]
    fn a_name_that_would_leave_its_route_is_refused() {
        let base = base("http://h").unwrap();
        for name in ["", ".", ".."] {
            assert!(matches!(address(&base, &["fsms", name]), Err(Error::Usage { .. })), "{name:?}");
        }
    }

    #[test]
    fn an_address_that_is_not_http_is_a_usage_error() {
        for url in ["", "127.0.0.1:7070", "localhost:7070", "ftp://h", "ftp://user:pass@h", "http://user:pass@h"] {
            let error = Client::new(url, None).err().unwrap();
            assert!(matches!(error, Error::Usage { .. }), "{url}");
            assert!(!error.to_string().contains("pass@"), "{error}");
        }
        assert!(matches!(Client::new("http://h", Some("a\nb")), Err(Error::Usage { .. })));
    }

    #[test]
    fn only_this_machine_is_reached_around_a_proxy() {
        for (url, expected) in [
            ("http://127.0.0.1:1", true),
            ("http://localhost", true),
            ("http://[::1]:1", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example", false),
        ] {
            assert_eq!(is_loopback(&base(url).unwrap()), expected, "{url}");
        }
    }
}
