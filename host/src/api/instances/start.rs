//! Starting an instance.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use gd_core::{RateLimit, Scope};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::extract::Body;
use crate::api::payload;
use crate::api::problem::Problem;
use crate::api::time;
use crate::host::{self, Error, Host, Start};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewInstance {
    fsm: String,
    step: Option<String>,
    state: Option<Box<RawValue>>,
    args: Option<Box<RawValue>>,
    queue: Option<String>,
    priority: Option<i64>,
    eligible_at: Option<String>,
    schedule_at: Option<String>,
    schedule_in_ms: Option<u64>,
    correlation_key: Option<String>,
    correlation_scope: Option<Value>,
    version: Option<i32>,
    concurrency_key: Option<String>,
    rate_limit: Option<GivenRateLimit>,
    weight: Option<i64>,
}

/// `"name"`, `"name:partition"`, or `{"name", "partition"}`.
#[derive(Deserialize)]
#[serde(untagged)]
enum GivenRateLimit {
    Text(String),
    Parts(RateLimitParts),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateLimitParts {
    name: String,
    partition: Option<String>,
}

#[derive(Serialize)]
pub(in crate::api) struct StartedInstance {
    id: String,
    fsm: String,
    version: i32,
}

pub(in crate::api) async fn start(
    State(host): State<Host>,
    Body(new): Body<NewInstance>,
) -> Result<(StatusCode, Json<StartedInstance>), Problem> {
    let started = host.start(host.default_tenant(), new.into_start()?).await?;
    Ok((StatusCode::CREATED, Json(started.into())))
}

impl From<host::StartedInstance> for StartedInstance {
    fn from(started: host::StartedInstance) -> Self {
        Self { id: started.id.to_string(), fsm: started.fsm, version: started.version.0 }
    }
}

impl NewInstance {
    pub(super) fn into_start(self) -> Result<Start, Error> {
        let state = self.state.or(self.args).map(|json| payload::bytes("state", &json)).transpose()?;
        let (due_ms, delay_ms) = due(self.eligible_at, self.schedule_at, self.schedule_in_ms)?;
        let priority = self.priority.unwrap_or(0);
        let priority = i16::try_from(priority).map_err(|_| {
            Error::InvalidArgument(format!("priority {priority} is not in {}..={}", i16::MIN, i16::MAX))
        })?;
        let weight = |weight| {
            u32::try_from(weight)
                .map_err(|_| Error::InvalidArgument(format!("the weight {weight} is not a weight, which is 1 or more")))
        };
        let (scope, shared_key) = scope(self.correlation_scope)?;
        Ok(Start {
            fsm: self.fsm,
            step: self.step,
            state,
            queue: self.queue,
            priority,
            due_ms,
            delay_ms,
            correlation_key: self.correlation_key,
            scope,
            shared_key,
            concurrency_key: self.concurrency_key,
            rate_limit: self.rate_limit.map(RateLimit::from),
            weight: self.weight.map(weight).transpose()?,
            version: self.version,
        })
    }
}

impl From<GivenRateLimit> for RateLimit {
    fn from(given: GivenRateLimit) -> Self {
        match given {
            GivenRateLimit::Parts(RateLimitParts { name, partition }) => Self { name, partition },
            GivenRateLimit::Text(text) => match text.split_once(':') {
                Some((name, partition)) => Self { name: name.into(), partition: Some(partition.into()) },
                None => Self { name: text, partition: None },
            },
        }
    }
}

/// `eligible_at` wins over `schedule_at`, that over `schedule_in_ms`.
fn due(
    eligible_at: Option<String>,
    schedule_at: Option<String>,
    schedule_in_ms: Option<u64>,
) -> Result<(Option<i64>, u64), Error> {
    if let Some(at) = eligible_at {
        return Ok((Some(time::millis("eligible_at", &at)?), 0));
    }
    if let Some(at) = schedule_at {
        return Ok((Some(time::millis("schedule_at", &at)?), 0));
    }
    Ok((None, schedule_in_ms.unwrap_or(0)))
}

/// How long a key stays taken, and whether it is shared. Absent or `"live"`: unique among live instances. A list: kept beyond these ends
/// too; it must hold `live`, or all the live statuses by name. The empty list: not unique.
fn scope(value: Option<Value>) -> Result<(Scope, bool), Error> {
    const LIVE: [&str; 4] = ["runnable", "executing", "awaiting_signal", "awaiting_children"];
    let words: Vec<String> = match value {
        None | Some(Value::Null) => return Ok((Scope::default(), false)),
        Some(Value::String(word)) if word == "live" => return Ok((Scope::default(), false)),
        Some(value) => serde_json::from_value(value)
            .map_err(|_| Error::InvalidScope("correlation_scope is \"live\" or a list of statuses".into()))?,
    };
    if words.is_empty() {
        return Ok((Scope::default(), true));
    }
    let has = |word: &str| words.iter().any(|given| given == word);
    if !has("live") && !LIVE.into_iter().all(has) {
        let missing: Vec<&str> = LIVE.into_iter().filter(|word| !has(word)).collect();
        return Err(Error::InvalidScope(format!(
            "correlation_scope omits the live status {}: an instance that comes back to it would break the commit; list \"live\"",
            missing.join(", ")
        )));
    }
    let known = |word: &&String| {
        ["live", "done", "failed", "cancelled"].contains(&word.as_str()) || LIVE.contains(&word.as_str())
    };
    if let Some(word) = words.iter().find(|word| !known(word)) {
        return Err(Error::InvalidScope(format!("correlation_scope names {word:?}, which is not a status")));
    }
    Ok((Scope { on_done: has("done"), on_failed: has("failed"), on_cancelled: has("cancelled") }, false))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_scope_holds_every_live_status() {
        let kept = |on_done, on_failed| (Scope { on_done, on_failed, on_cancelled: false }, false);
        for (given, expected) in [
            (json!(null), Ok(kept(false, false))),
            (json!("live"), Ok(kept(false, false))),
            (json!(["live", "done"]), Ok(kept(true, false))),
            (json!(["runnable", "executing", "awaiting_signal", "awaiting_children", "failed"]), Ok(kept(false, true))),
            (json!([]), Ok((Scope::default(), true))),
            (json!(["done"]), Err("invalid-scope")),
            (json!(["runnable", "done"]), Err("invalid-scope")),
            (json!(["live", "dead"]), Err("invalid-scope")),
            (json!(7), Err("invalid-scope")),
        ] {
            assert_eq!(scope(Some(given.clone())).map_err(|error| error.code()), expected, "{given}");
        }
    }
}
