//! Lists, in pages.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use gd_core::{InstanceId, Status};
use serde::{Deserialize, Serialize};

use super::answer::{Attempt, Log, Summary};
use crate::api::extract::{Params, instance_id};
use crate::api::payload::Payload;
use crate::api::problem::Problem;
use crate::host::Host;
use crate::store::Filter;

/// Rows of one page at most.
pub(super) const LIMIT_MAX: u32 = 1_000;
/// Logs of one page at most: each may be 64 KiB.
const LOGS_MAX: u32 = 100;

#[derive(Serialize)]
pub(in crate::api) struct Page<T> {
    pub(super) items: Vec<T>,
    /// Where the next page begins; opaque. None after the last page.
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ListParams {
    fsm: Option<String>,
    status: Option<String>,
    step: Option<String>,
    queue: Option<String>,
    key: Option<String>,
    version: Option<i32>,
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(in crate::api) async fn list(
    State(host): State<Host>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Summary>>, Problem> {
    let limit = params.limit.unwrap_or(50).clamp(1, LIMIT_MAX);
    let before = InstanceId(cursor(params.cursor.as_deref(), i64::MAX)?);
    let status = params.status.as_deref().map(status).transpose()?;
    let filter = Filter {
        fsm: params.fsm,
        status,
        step: params.step,
        queue: params.queue,
        key: params.key,
        version: params.version,
    };
    let rows = host.list(host.default_tenant(), before, limit, &filter).await?;
    let next = (rows.len() == limit as usize).then(|| rows.last().map(|row| row.id.to_string())).flatten();
    Ok(Json(Page { items: rows.into_iter().map(Summary::from).collect(), next }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct HistoryParams {
    pub(super) limit: Option<u32>,
    pub(super) cursor: Option<String>,
}

pub(in crate::api) async fn history(
    State(host): State<Host>,
    Path(id): Path<String>,
    Params(params): Params<HistoryParams>,
) -> Result<Json<Page<impl Serialize>>, Problem> {
    let limit = params.limit.unwrap_or(200).clamp(1, LIMIT_MAX);
    let after = cursor(params.cursor.as_deref(), -1)?;
    let rows = host.history(host.default_tenant(), instance_id(&id)?, after, limit).await?;
    let next = (rows.len() == limit as usize).then(|| rows.last().map(|row| row.claim.to_string())).flatten();
    Ok(Json(Page { items: rows.into_iter().map(Attempt::from).collect(), next }))
}

pub(in crate::api) async fn input(
    State(host): State<Host>,
    Path((id, claim)): Path<(String, String)>,
) -> Result<Json<Payload>, Problem> {
    let wrong =
        |_| Problem::new(StatusCode::BAD_REQUEST, "invalid-argument", "a claim is a number; the history has them");
    let claim = claim.parse().map_err(wrong)?;
    Ok(Json(Payload(host.input(host.default_tenant(), instance_id(&id)?, claim).await?)))
}

pub(in crate::api) async fn logs(
    State(host): State<Host>,
    Path(id): Path<String>,
    Params(params): Params<HistoryParams>,
) -> Result<Json<Page<impl Serialize>>, Problem> {
    let limit = params.limit.unwrap_or(50).clamp(1, LOGS_MAX);
    let after = cursor(params.cursor.as_deref(), -1)?;
    let rows = host.logs(host.default_tenant(), instance_id(&id)?, after, limit).await?;
    let next = (rows.len() == limit as usize).then(|| rows.last().map(|row| row.claim.to_string())).flatten();
    Ok(Json(Page { items: rows.into_iter().map(Log::from).collect(), next }))
}

fn cursor(cursor: Option<&str>, start: i64) -> Result<i64, Problem> {
    let wrong = |_| Problem::new(StatusCode::BAD_REQUEST, "invalid-argument", "the cursor is not one of this API's");
    cursor.map_or(Ok(start), |text| text.parse().map_err(wrong))
}

fn status(word: &str) -> Result<Status, Problem> {
    Status::from_word(word).ok_or_else(|| {
        let known: Vec<&str> = Status::ALL.iter().map(|status| status.word()).collect();
        let detail = format!("{word:?} is not a status; there are {}", known.join(", "));
        Problem::new(StatusCode::BAD_REQUEST, "invalid-argument", detail)
    })
}
