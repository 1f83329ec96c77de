//! `/metrics`: what happened on this host since it started, for Prometheus.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::telemetry;

pub(super) async fn metrics() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], telemetry::metrics::render())
}
