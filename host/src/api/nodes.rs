//! `/v1/nodes`: which hosts work on this database.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::problem::Problem;
use super::time::rfc3339;
use crate::host::Host;

#[derive(Serialize)]
pub(super) struct Nodes {
    items: Vec<Node>,
    next: Option<String>,
}

#[derive(Serialize)]
struct Node {
    worker: String,
    host: String,
    alive: bool,
    started_at: String,
    beat_at: String,
    holds: i64,
}

pub(super) async fn list(State(host): State<Host>) -> Result<Json<Nodes>, Problem> {
    let items = host.workers().await?.into_iter().map(|row| Node {
        worker: format!("{:x}", row.worker.0),
        host: row.host,
        alive: row.alive,
        started_at: rfc3339(row.started_at_ms),
        beat_at: rfc3339(row.beat_at_ms),
        holds: row.holds,
    });
    Ok(Json(Nodes { items: items.collect(), next: None }))
}
