//! Instances and attempts as callers see them.

use serde::Serialize;

use crate::api::payload::Payload;
use crate::api::time::rfc3339;
use crate::store::{HistoryRow, InstanceRow, InstanceSummary, LogRow};

/// An instance without its payloads.
#[derive(Serialize)]
pub(in crate::api) struct Summary {
    id: String,
    fsm: String,
    version: i32,
    status: &'static str,
    held: bool,
    step: String,
    attempt: u32,
    faults: u32,
    visit: i64,
    claim: i64,
    queue: String,
    priority: i16,
    eligible_at: Option<String>,
    awaits: Vec<String>,
    await_deadline: Option<String>,
    correlation_key: Option<String>,
    concurrency_key: Option<String>,
    rate_limit: Option<String>,
    weight: u32,
    parent: Option<String>,
    error: Option<Error>,
    created_at: String,
    updated_at: String,
}

/// An instance with its payloads.
#[derive(Serialize)]
pub(in crate::api) struct Instance {
    #[serde(flatten)]
    summary: Summary,
    state: Box<serde_json::value::RawValue>,
    result: Option<Box<serde_json::value::RawValue>>,
}

/// What one attempt logged.
#[derive(Serialize)]
pub(super) struct Log {
    claim: i64,
    visit: i64,
    attempt: u32,
    step: String,
    version: i32,
    at: String,
    lines: Box<serde_json::value::RawValue>,
}

#[derive(Serialize)]
pub(super) struct Error {
    kind: String,
    message: String,
    code: Option<String>,
}

/// One attempt.
#[derive(Serialize)]
pub(super) struct Attempt {
    claim: i64,
    visit: i64,
    attempt: u32,
    step: String,
    version: i32,
    wake: &'static str,
    outcome: &'static str,
    to_step: Option<String>,
    duration_us: Option<i64>,
    cpu_us: Option<i64>,
    worker: String,
    at: String,
    error: Option<Error>,
}

impl From<InstanceSummary> for Summary {
    fn from(row: InstanceSummary) -> Self {
        Self {
            id: row.id.to_string(),
            fsm: row.fsm,
            version: row.version,
            status: row.status.word(),
            held: row.held,
            step: row.step,
            attempt: row.attempt,
            faults: row.faults,
            visit: row.visit,
            claim: row.claim,
            queue: row.queue,
            priority: row.priority,
            eligible_at: row.eligible_at_ms.map(rfc3339),
            awaits: row.awaits,
            await_deadline: row.await_deadline_ms.map(rfc3339),
            correlation_key: row.correlation_key,
            concurrency_key: row.concurrency_key,
            rate_limit: row.rate_limit,
            weight: row.weight,
            parent: row.parent.map(|parent| parent.to_string()),
            error: row.error.map(Error::from),
            created_at: rfc3339(row.created_at_ms),
            updated_at: rfc3339(row.updated_at_ms),
        }
    }
}

impl From<InstanceRow> for Instance {
    fn from(row: InstanceRow) -> Self {
        Self { summary: row.summary.into(), state: raw(row.state), result: row.result.map(raw) }
    }
}

impl From<HistoryRow> for Attempt {
    fn from(row: HistoryRow) -> Self {
        Self {
            claim: row.claim,
            visit: row.visit,
            attempt: row.attempt,
            step: row.step,
            version: row.version,
            wake: row.wake.word(),
            outcome: row.outcome.word(),
            to_step: row.to_step,
            duration_us: row.duration_us,
            cpu_us: row.cpu_us,
            worker: format!("{:x}", row.worker),
            at: rfc3339(row.at_ms),
            error: row.error.map(Error::from),
        }
    }
}

impl From<LogRow> for Log {
    fn from(row: LogRow) -> Self {
        Self {
            claim: row.claim,
            visit: row.visit,
            attempt: row.attempt,
            step: row.step,
            version: row.version,
            at: rfc3339(row.at_ms),
            lines: serde_json::from_slice(&row.lines).unwrap_or_else(|_| serde_json::value::RawValue::NULL.to_owned()),
        }
    }
}

impl From<gd_core::ErrorInfo> for Error {
    fn from(error: gd_core::ErrorInfo) -> Self {
        Self { kind: error.kind, message: error.message, code: error.code }
    }
}

/// Raw, because a flattened struct would take a payload apart and put its numbers together again.
fn raw(bytes: Vec<u8>) -> Box<serde_json::value::RawValue> {
    serde_json::value::to_raw_value(&Payload(bytes)).unwrap_or_else(|_| serde_json::value::RawValue::NULL.to_owned())
}
