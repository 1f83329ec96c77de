//! One instance of the engine in memory.

use std::collections::BTreeSet;

use crate::{ErrorInfo, Scope, Signal, Status, Wake};

/// An instance as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of an instance, as the host shows them")]
pub struct Instance {
    pub status: Status,
    pub held: bool,
    pub step: String,
    pub state: Vec<u8>,
    pub attempt: u32,
    pub faults: u32,
    pub visit: i64,
    pub wake: Wake,
    pub priority: i16,
    /// Milliseconds on the model's clock, of one that is runnable.
    pub eligible_at_ms: u64,
    pub awaits: Vec<String>,
    /// Milliseconds on the model's clock, of one that is parked.
    pub await_deadline_ms: Option<u64>,
    /// Oldest first.
    pub inbox: Vec<Signal>,
    /// Deduplication keys of signals that it was sent.
    pub known: BTreeSet<String>,
    pub correlation_key: Option<String>,
    pub scope: Scope,
    pub result: Option<Vec<u8>>,
    pub error: Option<ErrorInfo>,
}

impl Instance {
    /// Makes a parked instance runnable.
    pub(super) fn wake(&mut self, wake: Wake, now_ms: u64) {
        self.status = Status::Runnable;
        self.wake = wake;
        self.eligible_at_ms = now_ms;
        self.await_deadline_ms = None;
    }

    /// Ends it.
    pub(super) fn end(&mut self, status: Status, result: Option<Vec<u8>>, error: Option<ErrorInfo>) {
        self.status = status;
        self.result = result;
        self.error = error;
        self.awaits.clear();
        self.await_deadline_ms = None;
        self.held = false;
    }
}
