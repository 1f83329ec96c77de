//! `/v1/instances`

mod answer;
mod batch;
mod children;
mod control;
mod list;
mod start;
mod why;

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::extract::{Params, instance_id};
use super::problem::Problem;
use crate::host::{Host, Until};

pub(super) use batch::start_many;
pub(super) use children::children;
pub(super) use control::{cancel, pause, resume};
pub(super) use list::{history, input, list, logs};
pub(super) use start::start;
pub(super) use why::why;

/// Longest wait of one request, in milliseconds: below what proxies between here and the caller usually allow.
const WAIT_MS_MAX: u64 = 60_000;
const WAIT_MS_DEFAULT: u64 = 30_000;

pub(super) async fn get(State(host): State<Host>, Path(id): Path<String>) -> Result<Json<answer::Instance>, Problem> {
    let instance = host.get(host.default_tenant(), instance_id(&id)?).await?;
    Ok(Json(instance.into()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    timeout_ms: Option<u64>,
    until: Option<UntilWord>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum UntilWord {
    Settled,
    Terminal,
}

pub(super) async fn wait(
    State(host): State<Host>,
    Path(id): Path<String>,
    Params(wait): Params<Wait>,
) -> Result<(StatusCode, Json<answer::Instance>), Problem> {
    let until = match wait.until {
        Some(UntilWord::Settled) => Until::Settled,
        Some(UntilWord::Terminal) | None => Until::Terminal,
    };
    let time = Duration::from_millis(wait.timeout_ms.unwrap_or(WAIT_MS_DEFAULT).min(WAIT_MS_MAX));
    let waited = host.wait(host.default_tenant(), instance_id(&id)?, until, time).await?;
    let status = if waited.reached { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(waited.instance.into())))
}
