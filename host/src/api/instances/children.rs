//! The children of an instance.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::answer::Error;
use super::list::{HistoryParams, LIMIT_MAX, Page};
use crate::api::extract::{Params, instance_id};
use crate::api::problem::Problem;
use crate::host::Host;
use crate::store::ChildRow;

/// What callers see of a child that was not made because its key was taken; the id is the holder's.
const DUPLICATE: &str = "duplicate";

#[derive(Serialize)]
pub(in crate::api) struct Child {
    id: String,
    round: u32,
    index: u32,
    fsm: String,
    status: &'static str,
    step: Option<String>,
    /// Rounds of children that it has made itself.
    rounds: u32,
    error: Option<Error>,
}

impl From<ChildRow> for Child {
    fn from(row: ChildRow) -> Self {
        Self {
            id: row.id.to_string(),
            round: row.round,
            index: row.index,
            fsm: row.fsm,
            status: row.status.map_or(DUPLICATE, gd_core::Status::word),
            step: row.step,
            rounds: row.rounds,
            error: row.error.map(Error::from),
        }
    }
}

pub(in crate::api) async fn children(
    State(host): State<Host>,
    Path(id): Path<String>,
    Params(params): Params<HistoryParams>,
) -> Result<Json<Page<Child>>, Problem> {
    let limit = params.limit.unwrap_or(200).clamp(1, LIMIT_MAX);
    let after = params.cursor.as_deref().map_or(Ok((-1, -1)), cursor)?;
    let rows = host.children(host.default_tenant(), instance_id(&id)?, after, limit).await?;
    let end = rows.last().filter(|_| rows.len() == limit as usize);
    let next = end.map(|row| format!("{}.{}", row.round, row.index));
    Ok(Json(Page { items: rows.into_iter().map(Child::from).collect(), next }))
}

fn cursor(text: &str) -> Result<(i32, i32), Problem> {
    let parts = text.split_once('.').and_then(|(round, index)| Some((round.parse().ok()?, index.parse().ok()?)));
    parts
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "invalid-argument", "the cursor is not one of this API's"))
}
