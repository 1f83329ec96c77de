//! `/v1/signals` and `/v1/instances/{id}/signals`

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::extract::{Body, instance_id};
use super::payload;
use super::problem::Problem;
use crate::host::{Host, Signal, Target};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSignal {
    name: String,
    payload: Option<Box<RawValue>>,
    dedup_key: Option<String>,
}

/// The same with its target. Not flattened: raw JSON does not pass through a flattened field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyedSignal {
    correlation_key: String,
    name: String,
    payload: Option<Box<RawValue>>,
    dedup_key: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Accepted {
    accepted: bool,
    duplicate: bool,
}

pub(super) async fn to_instance(
    State(host): State<Host>,
    Path(id): Path<String>,
    Body(signal): Body<NewSignal>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    send(&host, Target::Id(instance_id(&id)?), signal).await
}

pub(super) async fn to_key(
    State(host): State<Host>,
    Body(KeyedSignal { correlation_key, name, payload, dedup_key }): Body<KeyedSignal>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    send(&host, Target::Key(correlation_key), NewSignal { name, payload, dedup_key }).await
}

async fn send(host: &Host, target: Target, signal: NewSignal) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let payload = signal.payload.as_deref().map_or(Ok(b"null".to_vec()), |json| payload::bytes("payload", json))?;
    let signal = Signal { name: signal.name, payload, dedup_key: signal.dedup_key };
    let accepted = host.signal(host.default_tenant(), target, signal).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { accepted: true, duplicate: accepted.duplicate })))
}
