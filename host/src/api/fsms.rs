//! `/v1/fsms`

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::extract::Body;
use super::problem::Problem;
use super::time::rfc3339;
use crate::host::{Error, Host};
use crate::registry::hex;
use crate::store::{HistoryLevel, VersionRow};

#[derive(Serialize)]
pub(super) struct Fsms {
    items: Vec<Fsm>,
    next: Option<String>,
}

#[derive(Serialize)]
struct Fsm {
    fsm: String,
    routed_version: i32,
    versions: i64,
    live: i64,
    history: &'static str,
}

pub(super) async fn list(State(host): State<Host>) -> Result<Json<Fsms>, Problem> {
    let fsms = host.fsms(host.default_tenant()).await?;
    let items = fsms
        .into_iter()
        .map(|row| Fsm {
            history: row.history().word(),
            fsm: row.fsm,
            routed_version: row.routed_version,
            versions: row.versions,
            live: row.live,
        })
        .collect();
    Ok(Json(Fsms { items, next: None }))
}

pub(super) async fn get(State(host): State<Host>, Path(fsm): Path<String>) -> Result<Json<Value>, Problem> {
    let versions = host.versions(host.default_tenant(), &fsm).await?;
    let routed = versions.first().map(|version| version.routed_version);
    let history = versions.first().map(|version| version.history().word());
    let versions: Vec<Value> = versions.iter().map(version).collect();
    Ok(Json(
        json!({ "fsm": fsm, "routed_version": routed, "running": "pin", "history": history, "versions": versions }),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct History {
    level: String,
}

pub(super) async fn set_history(
    State(host): State<Host>,
    Path(fsm): Path<String>,
    Body(History { level }): Body<History>,
) -> Result<Json<Value>, Problem> {
    let Some(level) = HistoryLevel::from_word(&level) else {
        let known = HistoryLevel::ALL.map(HistoryLevel::word).join(", ");
        return Err(Error::InvalidArgument(format!("{level:?} is no level of history; there are {known}")).into());
    };
    host.set_history(host.default_tenant(), &fsm, level).await?;
    Ok(Json(json!({ "fsm": fsm, "history": level.word() })))
}

fn version(row: &VersionRow) -> Value {
    let live: i64 = row.steps.as_object().map_or(0, |steps| steps.values().filter_map(Value::as_i64).sum());
    let said = |field: &str| row.descriptor.get(field).cloned().unwrap_or(Value::Null);
    json!({
        "version": row.version,
        "digest": format!("sha256:{}", hex(&row.digest)),
        "deployed_at": rfc3339(row.deployed_at_ms),
        "form": said("form"),
        "initial_step": said("initial_step"),
        "state_version": said("state_version"),
        "sdk": said("sdk"),
        "live": live,
        "steps": row.steps,
    })
}
