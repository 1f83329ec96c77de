//! Refusals and failures as `application/problem+json`.

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::host::Error;

/// What a caller gets instead of an answer.
#[derive(Debug)]
pub(super) struct Problem(Box<Document>);

#[derive(Debug, Serialize)]
struct Document {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// The instance that is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Where the instance stands that was to be acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_status: Option<&'static str>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Document {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            hint: None,
            id: None,
            instance_status: None,
        }))
    }

    pub(super) fn unauthorized(detail: &str) -> Self {
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
        problem.0.hint = Some("send `authorization: Bearer TOKEN`; the CLI takes --token or GD_TOKEN".into());
        problem
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let mut problem = Self::new(status(error.code()), error.code(), error.to_string());
        problem.0.hint = error.hint();
        if let Error::Duplicate { holder, .. } = &error {
            problem.0.id = Some(holder.to_string());
        }
        if let Error::Ended { id, status } = &error {
            (problem.0.id, problem.0.instance_status) = (Some(id.to_string()), Some(status.word()));
        }
        problem
    }
}

fn status(code: &str) -> StatusCode {
    match code {
        "not_found" | "no-input" | "no_target" | "unknown-fsm" | "unknown-version" | "unknown-limit" => {
            StatusCode::NOT_FOUND
        }
        "duplicate" | "inbox-full" | "ended" => StatusCode::CONFLICT,
        "payload-too-large" | "component-too-large" => StatusCode::PAYLOAD_TOO_LARGE,
        "invalid-component" | "foreign-import" | "invalid-descriptor" | "egress-not-granted" => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        "database-unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        "internal" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::error!(code = self.0.code, detail = self.0.detail, "a request failed");
        }
        let mut response = (status, Json(self.0)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

pub(super) async fn no_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such route")
}

pub(super) async fn no_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "invalid-argument", "this route does not take this method")
}
