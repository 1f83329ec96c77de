//! What operators and authors see of an attempt: an event, metrics, and its log. Never a payload or a state.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gd_core::{AttemptOutcome, ErrorInfo, Version};
use metrics::{Histogram, counter, histogram};
use serde::{Serialize, Serializer};

use super::micros;
use crate::sandbox::LogLine;
use crate::store::{Claimed, DEFAULT_TENANT};
use crate::telemetry::metrics as names;

/// Bytes of a fault's message in an event; the history has all of it.
const MESSAGE_SHOWN_MAX: usize = 1 << 10;

/// What is told of one attempt.
pub(super) struct Attempted<'a> {
    pub(super) claimed: &'a Claimed,
    pub(super) fsm: &'a str,
    pub(super) outcome: AttemptOutcome,
    pub(super) to_step: Option<&'a str>,
    /// The fault, or the reason of a `stop`.
    pub(super) error: Option<&'a ErrorInfo>,
    /// The kind of a fault, also where a handler took it.
    pub(super) fault: Option<&'static str>,
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    pub(super) log: &'a [LogLine],
}

/// Tells of attempts, and keeps the metrics that it has looked up: one for each version, step and kind of ending.
#[derive(Default)]
pub(crate) struct Events(Mutex<HashMap<(i32, Version), Steps>>);

type Steps = HashMap<String, HashMap<&'static str, Histogram>>;

impl Events {
    /// An attempt was committed.
    pub(super) fn attempted(&self, told: &Attempted<'_>) {
        let kind = told.fault.unwrap_or(told.outcome.word());
        self.step_seconds(told, kind, |seconds| seconds.record(told.wall));
        if told.fault.is_some() {
            counter!(names::GUEST_FAULT, "tenant" => DEFAULT_TENANT, "fsm" => told.fsm.to_owned(), "kind" => kind)
                .increment(1);
        }
        tell(told, told.outcome.word());
    }

    /// An attempt was not committed: the instance is somebody else's by now.
    pub(super) fn stale(&self, told: &Attempted<'_>) {
        counter!(names::STALE, "tenant" => DEFAULT_TENANT).increment(1);
        let claimed = told.claimed;
        tracing::warn!(instance = %claimed.id, claim = %claimed.claim, "outcome.stale: the instance is no longer this worker's");
        tell(told, "stale");
    }

    fn step_seconds(&self, told: &Attempted<'_>, kind: &'static str, record: impl FnOnce(&Histogram)) {
        let claimed = told.claimed;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = known.entry((claimed.fsm, claimed.version)).or_default();
        if let Some(seconds) = steps.get(&claimed.step).and_then(|kinds| kinds.get(kind)) {
            return record(seconds);
        }
        let seconds = histogram!(
            names::STEP, "tenant" => DEFAULT_TENANT, "fsm" => told.fsm.to_owned(), "version" => claimed.version.to_string(),
            "step" => claimed.step.clone(), "kind" => kind
        );
        record(&seconds);
        steps.entry(claimed.step.clone()).or_default().insert(kind, seconds);
    }
}

fn tell(told: &Attempted<'_>, outcome: &'static str) {
    let Attempted { claimed, fsm, .. } = told;
    if let Some(kind) = told.fault {
        let message = told.error.map(|error| shortened(&error.message)).unwrap_or_default();
        tracing::info!(instance = %claimed.id, fsm, step = claimed.step, attempt = claimed.attempt, kind, message, "guest.fault");
    }
    tracing::debug!(
        target: "gd_host::step",
        instance = %claimed.id, fsm, version = %claimed.version, step = claimed.step, attempt = claimed.attempt, outcome,
        to_step = told.to_step.unwrap_or_default(), kind = told.error.map(|error| error.kind.as_str()).unwrap_or_default(),
        message = told.error.map(|error| shortened(&error.message)).unwrap_or_default(),
        duration_us = micros(told.wall), cpu_us = micros(told.cpu), "step.stop"
    );
    for LogLine { level, message, fields } in told.log {
        let fields: String = fields.iter().map(|(key, value)| format!(" {key}={value}")).collect();
        tracing::debug!(
            target: "gd_host::guest", instance = %claimed.id, fsm, step = claimed.step, level = level.word(), "{message}{fields}"
        );
    }
}

fn shortened(message: &str) -> &str {
    let cut = (0..=MESSAGE_SHOWN_MAX.min(message.len())).rev().find(|&at| message.is_char_boundary(at)).unwrap_or(0);
    &message[..cut]
}

/// The log of an attempt as it is stored: a JSON array; empty when nothing was said.
pub(super) fn stored(log: &[LogLine]) -> Vec<u8> {
    if log.is_empty() {
        return Vec::new();
    }
    let lines: Vec<Line<'_>> = log.iter().map(Line::from).collect();
    // Strings alone cannot fail to become JSON.
    serde_json::to_vec(&lines).unwrap_or_default()
}

#[derive(Serialize)]
struct Line<'a> {
    level: &'static str,
    message: &'a str,
    #[serde(serialize_with = "object", skip_serializing_if = "<[_]>::is_empty")]
    fields: &'a [(String, String)],
}

impl<'a> From<&'a LogLine> for Line<'a> {
    fn from(line: &'a LogLine) -> Self {
        Self { level: line.level.word(), message: &line.message, fields: &line.fields }
    }
}

fn object<S: Serializer>(fields: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(key, value)| (key, value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::LogLevel;

    #[test]
    fn a_log_is_stored_as_json_whatever_the_guest_wrote() {
        let line = |level, message: &str, fields: &[(&str, &str)]| LogLine {
            level,
            message: message.into(),
            fields: fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        };
        let log = [line(LogLevel::Info, "a \"b\"\0", &[("k", "v")]), line(LogLevel::Stderr, "", &[])];
        let expected =
            r#"[{"level":"info","message":"a \"b\"\u0000","fields":{"k":"v"}},{"level":"stderr","message":""}]"#;
        assert_eq!(String::from_utf8(stored(&log)).unwrap(), expected);
        assert!(stored(&[]).is_empty());
    }
}
