//! Whether the process lives, and whether it can do its work.

use axum::extract::State;
use axum::http::StatusCode;

use crate::host::Host;

pub(super) async fn alive() -> &'static str {
    "ok"
}

pub(super) async fn ready(State(host): State<Host>) -> (StatusCode, String) {
    match host.ready().await {
        Ok(()) => (StatusCode::OK, "ready".into()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}
