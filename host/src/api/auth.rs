//! Who may call: at present one token for everything, or none on an address that only this machine reaches.

use std::fmt;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
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

pub(super) async fn check(State(token): State<Option<ApiToken>>, request: Request, next: Next) -> Response {
    let Some(token) = token else { return next.run(request).await };
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    match given.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(given) if token.admits(given) => next.run(request).await,
        Some(_) => Problem::unauthorized("the token is not the one that this host expects").into_response(),
        None => Problem::unauthorized("this host expects a bearer token").into_response(),
    }
}
