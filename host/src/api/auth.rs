//! Who may call: at present one token for everything, or none on an address that only this machine reaches.

use std::fmt;
use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, ORIGIN};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::problem::Problem;

/// The token that requests must carry. Kept as a hash; never shown.
#[derive(Clone)]
pub struct ApiToken([u8; 32]);

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken(…)")
    }
}

impl ApiToken {
    /// Remembers a token.
    pub fn new(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    fn admits(&self, token: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(token).into();
        self.0.ct_eq(&given).into()
    }
}

/// Whether a request that carries no token comes from a program here, and not from a web page that a browser here shows: those
/// name their origin, or reach this address under a name of their own.
fn from_this_machine(headers: &HeaderMap) -> bool {
    let loopback = |name: &str| {
        let name = name.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(name, |(name, _)| name);
        let address = name.trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    };
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(HOST).is_none_or(loopback);
    let origin = text(ORIGIN).is_none_or(|origin| origin.split_once("://").is_some_and(|(_, name)| loopback(name)));
    host && origin
}

pub(super) async fn check(State(token): State<Option<ApiToken>>, request: Request, next: Next) -> Response {
    let Some(token) = token else {
        return match from_this_machine(request.headers()) {
            true => next.run(request).await,
            false => Problem::unauthorized("without a token, this host answers this machine's own programs alone")
                .into_response(),
        };
    };
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    match given.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(given) if token.admits(given) => next.run(request).await,
        Some(_) => Problem::unauthorized("the token is not the one that this host expects").into_response(),
        None => Problem::unauthorized("this host expects a bearer token").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_token_a_web_page_reaches_nothing() {
        for (host, origin, expected) in [
            ("localhost:7070", None, true),
            ("127.0.0.1:7070", None, true),
            ("[::1]:7070", None, true),
            ("127.0.0.1:7070", Some("http://localhost:7070"), true),
            ("127.0.0.1:7070", Some("https://evil.example"), false),
            ("127.0.0.1:7070", Some("null"), false),
            ("rebound.example:7070", None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(from_this_machine(&headers), expected, "{host} {origin:?}");
        }
    }
}
