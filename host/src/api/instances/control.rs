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
    /// Whether everything live that it has started as children ends with it.
    #[serde(default)]
    children: bool,
}

#[derive(Serialize)]
pub(in crate::api) struct Cancelled {
    #[serde(flatten)]
    controlled: Controlled,
    /// How many were cancelled, with the instance itself.
    cancelled: u64,
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
) -> Result<Json<Cancelled>, Problem> {
    let id = instance_id(&id)?;
    let (tenant, reason) = (host.default_tenant(), cancel.reason.as_deref());
    let (status, cancelled) = if cancel.children {
        let family = host.cancel_family(tenant, id, reason).await?;
        (family.status, family.cancelled)
    } else {
        host.cancel(tenant, id, reason).await?;
        (Status::Cancelled, 1)
    };
    let controlled = Controlled { id: id.to_string(), status: status.word(), held: false };
    Ok(Json(Cancelled { controlled, cancelled }))
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
