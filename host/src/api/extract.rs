//! Reading requests: whatever is wrong with one becomes a problem with a code.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use gd_core::InstanceId;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::host::Error;

/// Bytes beyond the limit that are read, to be able to say so. Chosen: twice the largest body that is taken anywhere.
const DISCARD_MAX: usize = 128 << 20;
/// How long that may take.
const DISCARD_TIME: Duration = Duration::from_secs(10);

/// A JSON body, whatever its content type says.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Raw(bytes) = Raw::from_request(request, state).await?;
        json(&bytes).map(Self)
    }
}

/// A JSON body that may be left out.
pub(super) struct OptionalBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Raw(bytes) = Raw::from_request(request, state).await?;
        if bytes.is_empty() { Ok(Self(T::default())) } else { json(&bytes).map(Self) }
    }
}

pub(super) fn json<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        let detail = format!("the body is not the JSON that is expected: {error}");
        Problem::new(StatusCode::BAD_REQUEST, "invalid-json", detail)
    })
}

/// The largest body of a route's requests, in bytes. A layer leaves it.
#[derive(Clone, Copy)]
pub(super) struct BodyMax(pub(super) usize);

/// The body as it is.
pub(super) struct Raw(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let max = request.extensions().get().map_or(0, |BodyMax(max)| *max);
        let mut body = request.into_body();
        let read = Limited::new(&mut body, max).collect().await;
        let refused = match read {
            Ok(body) => return Ok(Self(body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => {
                let detail = format!("the body is larger than the {max} bytes that are taken here");
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large", detail)
            }
            Err(error) => {
                let detail = format!("the body cannot be read: {error}");
                Problem::new(StatusCode::BAD_REQUEST, "invalid-argument", detail)
            }
        };
        // Who still sends when the connection is closed never sees the answer.
        tokio::time::timeout(DISCARD_TIME, discard(body)).await.ok();
        Err(refused)
    }
}

/// Reads what is left of a body, as far as that is worth an answer.
async fn discard(mut body: axum::body::Body) {
    let mut left = DISCARD_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(less) => left = less,
            None => return,
        }
    }
}

/// The query string.
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::from_request_parts(parts, state).await.map_err(|rejection: QueryRejection| {
            Problem::new(StatusCode::BAD_REQUEST, "invalid-argument", rejection.body_text())
        })?;
        Ok(Self(query.0))
    }
}

/// An instance's id from a path. What is not one of ours exists as little as one that was never given out.
pub(super) fn instance_id(text: &str) -> Result<InstanceId, Problem> {
    text.parse().map_err(|_| Error::NotFound(format!("{text:?}")).into())
}
