//! `/v1/limits`: rate limits and concurrency limits by name.

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};

use super::extract::{Body, Params};
use super::problem::Problem;
use super::time::rfc3339;
use crate::host::Host;
use crate::store::{Limit, LimitKind, LimitRow};

#[derive(Serialize)]
pub(super) struct Page {
    items: Vec<Row>,
    next: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Row {
    name: String,
    #[serde(flatten)]
    limit: Shown,
    /// Set by every host's configuration, not for this tenant.
    default: bool,
    changed_at: String,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Shown {
    Rate { allowed: u32, period_ms: u64, burst: u32 },
    Concurrency { slots: u16 },
}

/// A limit as it is written, here and in a configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Given {
    Rate { allowed: u32, period_ms: u64, burst: Option<u32> },
    Concurrency { slots: u16 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    kind: Kind,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Rate,
    Concurrency,
}

#[derive(Serialize)]
pub(super) struct Removed {
    name: String,
    kind: &'static str,
    /// The default that counts from now on.
    counts: Option<Row>,
}

pub(super) async fn list(State(host): State<Host>) -> Result<Json<Page>, Problem> {
    let items = host.limits(host.default_tenant()).await?.into_iter().map(Row::from).collect();
    Ok(Json(Page { items, next: None }))
}

pub(super) async fn set(
    State(host): State<Host>,
    Path(name): Path<String>,
    Body(given): Body<Given>,
) -> Result<Json<Row>, Problem> {
    Ok(Json(host.set_limit(host.default_tenant(), &name, given.into()).await?.into()))
}

pub(super) async fn remove(
    State(host): State<Host>,
    Path(name): Path<String>,
    Params(which): Params<Which>,
) -> Result<Json<Removed>, Problem> {
    let kind = match which.kind {
        Kind::Rate => LimitKind::Rate,
        Kind::Concurrency => LimitKind::Concurrency,
    };
    let counts = host.remove_limit(host.default_tenant(), &name, kind).await?.map(Row::from);
    Ok(Json(Removed { name, kind: kind.word(), counts }))
}

impl From<Given> for Limit {
    fn from(given: Given) -> Self {
        match given {
            Given::Rate { allowed, period_ms, burst } => {
                Self::Rate { allowed, period_ms, burst: burst.unwrap_or(allowed.max(1)) }
            }
            Given::Concurrency { slots } => Self::Concurrency { slots },
        }
    }
}

impl From<LimitRow> for Row {
    fn from(row: LimitRow) -> Self {
        let limit = match row.limit {
            Limit::Rate { allowed, period_ms, burst } => Shown::Rate { allowed, period_ms, burst },
            Limit::Concurrency { slots } => Shown::Concurrency { slots },
        };
        Self { name: row.name, limit, default: row.default, changed_at: rfc3339(row.changed_at_ms) }
    }
}
