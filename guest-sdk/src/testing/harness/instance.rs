//! An instance as a test looks at it.

use std::fmt;
use std::time::Duration;

use gd_core::{Decision, Status};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Row, convert};
use crate::{ErrorInfo, json};

/// An instance as it stands. What it asserts, it asserts with where the instance is, how it came there, and what to do next.
#[derive(Clone, Copy)]
pub struct Instance<'a> {
    pub(super) row: &'a Row,
    pub(super) now_ms: u64,
}

/// A committed attempt.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Past {
    /// The step that ran.
    pub step: String,
    /// Tries of this visit before.
    pub attempt: u32,
    /// How it ended: `next`, `retry`, `await`, `schedule_children`, `done`, `stop` or `fault`.
    pub outcome: &'static str,
    /// The fault, or the reason of a stop.
    pub error: Option<ErrorInfo>,
}

impl Past {
    pub(super) fn of(row: &Row, decision: &Decision) -> Self {
        let error = decision.error.clone().map(convert::error);
        Self { step: row.step.clone(), attempt: row.attempt, outcome: decision.outcome.word(), error }
    }
}

impl<'a> Instance<'a> {
    /// Its id, as steps see it.
    pub fn id(&self) -> String {
        self.row.id.to_string()
    }

    /// Where it is.
    pub fn status(&self) -> Status {
        self.row.status
    }

    /// The step that runs next, or that ran last.
    pub fn step(&self) -> &'a str {
        &self.row.step
    }

    /// Tries of its visit so far.
    pub fn attempt(&self) -> u32 {
        self.row.attempt
    }

    /// The signals that it is parked for.
    pub fn awaits(&self) -> &'a [String] {
        &self.row.awaits
    }

    /// How long it would wait from now on: until it may run, or until its await's timeout. None if it waits for something else.
    pub fn waits(&self) -> Option<Duration> {
        let until_ms = match self.row.status {
            Status::Runnable => Some(self.row.eligible_at_ms),
            Status::AwaitingSignal => self.row.deadline_ms,
            _ => None,
        };
        until_ms.map(|ms| Duration::from_millis(ms.saturating_sub(self.now_ms)))
    }

    /// Its committed attempts, oldest first.
    pub fn history(&self) -> &'a [Past] {
        &self.row.history
    }

    /// Why it ended without a result.
    pub fn error(&self) -> Option<ErrorInfo> {
        self.row.error.clone().map(convert::error)
    }

    /// Its last committed state.
    ///
    /// # Panics
    /// If that is no `T`.
    #[track_caller]
    pub fn state<T: DeserializeOwned>(&self) -> T {
        json::decode(&self.row.state).unwrap_or_else(|error| panic!("the state of {self} is another one: {error}"))
    }

    /// Its result.
    ///
    /// # Panics
    /// If it has none, or that is no `T`.
    #[track_caller]
    pub fn result<T: DeserializeOwned>(&self) -> T {
        let Some(result) = &self.row.result else { panic!("{self}; it has no result.{}", self.advice()) };
        json::decode(result).unwrap_or_else(|error| panic!("the result of {self} is another one: {error}"))
    }

    /// Asserts where it is.
    #[track_caller]
    pub fn assert_status(&self, expected: Status) -> &Self {
        assert!(self.row.status == expected, "{self}, and not {}.{}", expected.word(), self.advice());
        self
    }

    /// Asserts which step runs next, or ran last.
    #[track_caller]
    pub fn assert_step(&self, expected: &str) -> &Self {
        assert!(self.row.step == expected, "{self}, and not at `{expected}`.{}", self.advice());
        self
    }

    /// Asserts that it is parked for a signal of this name, among others perhaps.
    #[track_caller]
    pub fn assert_awaits(&self, name: &str) -> &Self {
        let awaits = self.row.status == Status::AwaitingSignal && self.row.awaits.iter().any(|awaited| awaited == name);
        assert!(awaits, "{self}, and does not await `{name}`.{}", self.advice());
        self
    }

    /// Asserts that it is done, with this result.
    #[track_caller]
    pub fn assert_result(&self, expected: impl Serialize) -> &Self {
        self.assert_status(Status::Done);
        let (found, expected) = (self.result::<Value>(), value(expected));
        assert!(found == expected, "{self}; its result is {found}, and not {expected}");
        self
    }

    /// Asserts its last committed state.
    #[track_caller]
    pub fn assert_state(&self, expected: impl Serialize) -> &Self {
        let (found, expected) = (self.state::<Value>(), value(expected));
        assert!(found == expected, "{self}; its state is {found}, and not {expected}");
        self
    }

    /// Asserts that it failed with an error of this code, or of this kind: `no-reply`, `trap`.
    #[track_caller]
    pub fn assert_error(&self, code_or_kind: &str) -> &Self {
        self.assert_status(Status::Failed);
        let error = self.row.error.as_ref();
        let is = error.is_some_and(|error| error.code.as_deref() == Some(code_or_kind) || error.kind == code_or_kind);
        assert!(is, "{self}, and its error is no `{code_or_kind}`");
        self
    }

    fn advice(&self) -> String {
        let next = match self.row.status {
            Status::Runnable | Status::Executing => "run it: `harness.drain()`",
            Status::AwaitingSignal if self.row.deadline_ms.is_some() => {
                "send it a signal: `harness.signal(…)`, or have its time run out: `harness.fire_timeouts()`; then drain"
            }
            Status::AwaitingSignal => "it waits for ever; send it a signal: `harness.signal(…)`, then drain",
            Status::AwaitingChildren => "one of its children has not ended: look at `harness.instances()`",
            Status::Done | Status::Failed | Status::Cancelled => "it has ended",
        };
        let went = self.row.history.iter().map(|past| {
            let error = past.error.as_ref().map(|error| format!(" ({}: {})", error.kind, error.message));
            format!("\n  {} [{}]: {}{}", past.step, past.attempt, past.outcome, error.unwrap_or_default())
        });
        let went: String = went.collect();
        let went = if went.is_empty() { "\n  no step has run yet".to_owned() } else { format!("\nits steps:{went}") };
        format!("\nnext: {next}{went}")
    }
}

/// Where it is, in words.
impl fmt::Display for Instance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.row;
        let key = row.key.as_ref().map(|key| format!(", key {key}")).unwrap_or_default();
        write!(f, "instance {} ({}{key}) is {} at `{}`", row.id, row.fsm, row.status.word(), row.step)?;
        if row.status == Status::AwaitingSignal {
            write!(f, " for {}", row.awaits.join(" or "))?;
        }
        if let Some(wait) = self.waits().filter(|wait| !wait.is_zero()) {
            write!(f, ", for {wait:?} from now at most")?;
        }
        if let Some(error) = &row.error {
            let code = error.code.as_ref().map(|code| format!(", {code}")).unwrap_or_default();
            write!(f, " ({}{code}: {})", error.kind, error.message)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Instance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[track_caller]
fn value(expected: impl Serialize) -> Value {
    serde_json::to_value(expected).unwrap_or_else(|error| panic!("what is expected cannot be said in JSON: {error}"))
}
