//! Cancel, pause and resume.

use axum::Json;
use axum::extract::{Path, State};
use gd_core::Status;
use serde::{Deserialize, Serialize};

use crate::api::extract::{OptionalBody, instance_id};
use crate::api::problem::Problem;
use crate::host::Host;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Cancel {
    reason: Option<String>,
}

#[derive(Serialize)]
pub(in crate::api) struct Controlled {
    id: String,
    status: &'static str,
    held: bool,
}

pub(in crate::api) async fn cancel(
    State(host): State<Host>,
    Path(id): Path<String>,
    OptionalBody(cancel): OptionalBody<Cancel>,
) -> Result<Json<Controlled>, Problem> {
    let id = instance_id(&id)?;
    host.cancel(host.default_tenant(), id, cancel.reason.as_deref()).await?;
    Ok(Json(Controlled { id: id.to_string(), status: Status::Cancelled.word(), held: false }))
}

pub(in crate::api) async fn pause(
    State(host): State<Host>,
    Path(id): Path<String>,
) -> Result<Json<Controlled>, Problem> {
    let id = instance_id(&id)?;
    let paused = host.pause(host.default_tenant(), id).await?;
    Ok(Json(Controlled { id: id.to_string(), status: paused.status.word(), held: paused.held }))
}

pub(in crate::api) async fn resume(
    State(host): State<Host>,
    Path(id): Path<String>,
) -> Result<Json<Controlled>, Problem> {
    let id = instance_id(&id)?;
    let resumed = host.resume(host.default_tenant(), id).await?;
    Ok(Json(Controlled { id: id.to_string(), status: resumed.status.word(), held: resumed.held }))
}
