//! A request, put together and sent.

use std::time::Duration;

use serde::Serialize;

use super::url::Url;
use super::{Error, Response};
use crate::{Ctx, json};

/// How long a call may take when it does not say. Chosen: half of the host's own limit for one call.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// How large a response body may be when the request does not say: the host's own default limit.
const BODY_BYTES_MAX_DEFAULT: usize = 4 << 20;

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Reads.
    Get,
    /// Does something, each time it comes unless an idempotency key says otherwise.
    Post,
    /// Puts something in place; the second time changes nothing.
    Put,
    /// Removes; the second time changes nothing.
    Delete,
}

/// A request that is not sent yet.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) timeout: Duration,
    pub(super) body_bytes_max: usize,
}

impl Request {
    pub(super) fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: TIMEOUT_DEFAULT,
            body_bytes_max: BODY_BYTES_MAX_DEFAULT,
        }
    }

    /// What it does.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Adds a header. A name or value that HTTP cannot carry makes `send` fail.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds the header `Idempotency-Key` with the key of this visit, the same for each attempt at it.
    pub fn idempotency_key(self, ctx: &Ctx) -> Self {
        self.header("idempotency-key", ctx.idempotency_key())
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to a value as JSON, and `Content-Type` with it.
    ///
    /// # Errors
    /// [`Error::Json`] if JSON cannot say the value.
    pub fn json(self, value: &impl Serialize) -> Result<Self, Error> {
        let body = json::encode(value)
            .map_err(|error| Error::Json { what: "the request's body", reason: error.to_string() })?;
        Ok(self.header("content-type", json::CONTENT_TYPE).body(body))
    }

    /// How long the call may take, up to the last byte of the response. Default 10 s; the host's own limit, 20 s unless it
    /// was set otherwise, and the attempt's deadline hold as well.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many bytes of body the response may have. Default 4 MiB, as the host's own limit.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.body_bytes_max = bytes;
        self
    }

    /// Sends the request and reads the response to its end. One attempt may make 32 calls by default.
    ///
    /// # Errors
    /// If there is no complete response; [`Error::is_transient`] says whether trying again may help.
    pub fn send(self) -> Result<Response, Error> {
        let url = Url::parse(&self.url).map_err(|reason| self.invalid(reason))?;
        send(&self, &url)
    }

    /// Address, headers and body, for who answers it in a test.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn parts(&self) -> (&str, &[(String, String)], &[u8]) {
        (&self.url, &self.headers, &self.body)
    }

    pub(super) fn invalid(&self, reason: impl Into<String>) -> Error {
        Error::Invalid { url: self.url.clone(), reason: reason.into() }
    }
}

#[cfg(target_arch = "wasm32")]
fn send(request: &Request, url: &Url<'_>) -> Result<Response, Error> {
    super::wasi::send(request, url)
}

#[cfg(not(target_arch = "wasm32"))]
fn send(request: &Request, _url: &Url<'_>) -> Result<Response, Error> {
    crate::testing::answer(request).unwrap_or_else(|| Err(Error::NoNetwork { url: request.url.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http;
    use crate::testing;

    #[test]
    fn a_request_carries_what_it_was_given() {
        let request = http::post("https://pay.example/charges")
            .header("x-shop", "7")
            .idempotency_key(&testing::ctx())
            .json(&[1, 2])
            .unwrap();
        let expected = [("x-shop", "7"), ("idempotency-key", "1-0"), ("content-type", "application/json")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(request.headers, expected);
        assert_eq!(request.body, b"[1,2]");
    }

    #[test]
    fn a_native_build_says_that_it_has_no_network() {
        let error = http::get("https://pay.example").send().unwrap_err();
        assert_eq!(error, Error::NoNetwork { url: "https://pay.example".to_owned() });
        assert!(!error.is_transient());
    }

    #[test]
    fn a_url_that_is_none_is_refused_before_anything_is_sent() {
        let error = http::get("pay.example/charges").send().unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot send a request to `pay.example/charges`: the URL has no http:// or https://"
        );
    }
}
