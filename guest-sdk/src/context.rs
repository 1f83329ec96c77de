//! What a step knows beside its state.

use std::time::Duration;

use crate::bindings::gd::fsm::types::Context;
use crate::{Child, EffectResult, Signal, Wake};

/// The attempt that runs: a consistent snapshot of the instance, its inbox and its children.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub(crate) inner: Context,
}

impl Ctx {
    pub(crate) fn new(inner: Context) -> Self {
        Self { inner }
    }

    /// The instance; opaque.
    pub fn instance_id(&self) -> &str {
        &self.inner.instance_id
    }

    /// The tenant that owns the instance.
    pub fn tenant(&self) -> &str {
        &self.inner.tenant
    }

    /// The deployed version that runs, from 1.
    pub fn version(&self) -> u32 {
        self.inner.version
    }

    /// The name of the step that runs.
    pub fn step(&self) -> &str {
        &self.inner.step
    }

    /// Tries of this visit before this one, whatever caused them: a retry, a fault, or a worker's death. To count tries of
    /// one kind, keep a count in the state.
    pub fn attempt(&self) -> u32 {
        self.inner.attempt
    }

    /// Faults in a row before this attempt; 0 after any committed outcome.
    pub fn faults(&self) -> u32 {
        self.inner.faults
    }

    /// Counts the steps the instance has entered; stays over retries and recovery.
    pub fn visit(&self) -> u64 {
        self.inner.visit
    }

    /// Equal over all attempts of this visit and never used again. A step may run again after the effect it had outside:
    /// send this along, and let the other side recognise the repetition.
    pub fn idempotency_key(&self) -> &str {
        &self.inner.idempotency_key
    }

    /// What made the step run now.
    pub fn wake(&self) -> Wake {
        self.inner.wake
    }

    /// The signals whose names were awaited, oldest first; empty when the timeout woke the step. They are consumed when the
    /// instance goes on with `next`, `schedule_children` or an end, and stay for `retry` and `await_signal`.
    pub fn awaited(&self) -> &[Signal] {
        &self.inner.awaited
    }

    /// The rest of the inbox, oldest first.
    pub fn others(&self) -> &[Signal] {
        &self.inner.others
    }

    /// The oldest signal of this name in the whole inbox, awaited or not.
    ///
    /// What is among the [`Ctx::others`] wakes the instance at once when the step awaits its name; what the step was handed
    /// as [`Ctx::awaited`] does not, so that a step which awaits again waits for something new.
    pub fn received(&self, name: &str) -> Option<&Signal> {
        let inbox = self.inner.awaited.iter().chain(&self.inner.others);
        inbox.filter(|signal| signal.name == name).min_by_key(|signal| signal.received_at_ms)
    }

    /// All children of all rounds that have ended, by round and index.
    pub fn children(&self) -> &[Child] {
        &self.inner.children
    }

    /// What became of the instances started and the signals sent by the step before.
    pub fn effect_results(&self) -> &[EffectResult] {
        &self.inner.effect_results
    }

    /// The key that the instance was started with: its address for signals.
    pub fn correlation_key(&self) -> Option<&str> {
        self.inner.correlation_key.as_deref()
    }

    /// The parent's instance id, for a child.
    pub fn parent(&self) -> Option<&str> {
        self.inner.parent.as_deref()
    }

    /// When the attempt began, on the database's clock, in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        self.inner.now_ms
    }

    /// When the host ends the attempt, on the same clock.
    pub fn deadline_ms(&self) -> u64 {
        self.inner.deadline_ms
    }

    /// How long the attempt may take from its beginning to its deadline.
    pub fn time_limit(&self) -> Duration {
        Duration::from_millis(self.inner.deadline_ms.saturating_sub(self.inner.now_ms))
    }

    /// The W3C `traceparent` of the attempt, to send along with calls.
    pub fn trace_parent(&self) -> Option<&str> {
        self.inner.trace_parent.as_deref()
    }
}
