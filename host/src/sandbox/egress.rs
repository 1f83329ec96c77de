//! Outgoing HTTP of guests: only to addresses that an operator allowed, through the host's own client.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::StepLimits;

/// Largest body that a guest may send. Source: the limits table of the trust model.
const REQUEST_BODY_BYTES_MAX: usize = 1 << 20;
/// Largest body that a guest may receive.
const RESPONSE_BODY_BYTES_MAX: usize = 4 << 20;

/// One `host:port` that guests may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    host: String,
    port: u16,
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not HOST:PORT");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() || host.chars().any(|c| c.is_control() || c == '/' || c == '*') {
            return Err(wrong());
        }
        Ok(Self { host: host.to_ascii_lowercase(), port })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// What guests of this host may reach. Empty by default: nothing.
#[derive(Clone, Debug, Default)]
pub struct EgressPolicy(Arc<[Destination]>);

impl EgressPolicy {
    /// Allows exactly these.
    pub fn allow(destinations: Vec<Destination>) -> Self {
        Self(destinations.into())
    }

    /// Whether nothing is allowed, so that `wasi:http` is not even linked.
    pub fn denies_all(&self) -> bool {
        self.0.is_empty()
    }

    fn allows(&self, uri: &http::Uri) -> bool {
        let Some(host) = uri.host() else { return false };
        let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default_port);
        self.0.iter().any(|allowed| allowed.port == port && allowed.host.eq_ignore_ascii_case(host))
    }
}

/// The hook that every outgoing request of one attempt passes.
#[derive(Debug)]
pub(super) struct Egress {
    policy: EgressPolicy,
    requests_left: u32,
    request_time: Duration,
}

impl Egress {
    pub(super) fn new(policy: EgressPolicy, limits: &StepLimits) -> Self {
        Self { policy, requests_left: limits.requests_max, request_time: limits.request_time }
    }

    fn admit(&mut self, uri: &http::Uri) -> Result<(), Error> {
        if !self.policy.allows(uri) {
            return Err(Error::HttpRequestDenied);
        }
        self.requests_left = self.requests_left.checked_sub(1).ok_or(Error::ConnectionLimitReached)?;
        Ok(())
    }
}

type Sending = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = Result<(http::Response<WasiBody>, Sending), Error>;

impl WasiHttpHooks for Egress {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Sending,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        let admitted = self.admit(request.uri());
        let time = self.request_time;
        let within = |asked: Option<Duration>| Some(asked.map_or(time, |asked| asked.min(time)));
        let asked = options.unwrap_or_default();
        let options = RequestOptions {
            connect_timeout: within(asked.connect_timeout),
            first_byte_timeout: within(asked.first_byte_timeout),
            between_bytes_timeout: within(asked.between_bytes_timeout),
        };
        Box::new(async move {
            admitted?;
            let request = request.map(|body| capped(body, REQUEST_BODY_BYTES_MAX));
            let sent = wasmtime_wasi_http::default_send_request(request, Some(options));
            let (response, sending) =
                tokio::time::timeout(time, sent).await.map_err(|_| Error::HttpResponseTimeout)??;
            let response = response.map(|body| capped(body.boxed_unsync(), RESPONSE_BODY_BYTES_MAX));
            Ok((response, Box::new(sending) as Sending))
        })
    }
}

/// The same body, which fails once it is over `bytes_max`.
fn capped(body: WasiBody, bytes_max: usize) -> WasiBody {
    Limited::new(body, bytes_max)
        .map_err(move |error| match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(_) => Error::HttpResponseBodySize(Some(bytes_max as u64)),
        })
        .boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_allowed_is_reached() {
        let policy = EgressPolicy::allow(vec!["127.0.0.1:8080".parse().unwrap(), "Pay.example:443".parse().unwrap()]);
        for (uri, expected) in [
            ("http://127.0.0.1:8080/charges", true),
            ("http://127.0.0.1:8081/charges", false),
            ("http://127.0.0.1/", false),
            ("https://pay.example/", true),
            ("http://pay.example/", false),
            ("http://pay.example.evil:443/", false),
            ("http://pay.example@evil:443/", false),
            ("/charges", false),
        ] {
            assert_eq!(policy.allows(&uri.parse().unwrap()), expected, "{uri}");
        }
        assert!(EgressPolicy::default().denies_all());
    }

    #[test]
    fn a_destination_is_a_host_and_a_port() {
        for text in ["", "host", "host:", ":80", "host:99999", "ho/st:1", "*:80"] {
            assert!(text.parse::<Destination>().is_err(), "{text:?}");
        }
        assert_eq!("Pay.Example:443".parse::<Destination>().unwrap().to_string(), "pay.example:443");
    }
}
