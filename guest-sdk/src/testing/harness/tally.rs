//! What a drain did, counted.

use gd_core::AttemptOutcome;

/// Committed attempts, in all and by how each ended: `{ steps: 4, next: 3, done: 1, .. }`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub steps: usize,
    /// Went on to another step.
    pub next: usize,
    /// Asked for another try.
    pub retry: usize,
    /// Parked for a signal, also where one was there already.
    pub awaits: usize,
    /// Started children and waited for them.
    pub schedule_children: usize,
    /// Ended with a result.
    pub done: usize,
    /// Ended as failed, by a reason of the workflow's own.
    pub stop: usize,
    /// Failed, and no handler decided: tried again or ended by the host's rule.
    pub fault: usize,
}

impl Tally {
    pub(super) fn count(&mut self, outcome: AttemptOutcome) {
        self.steps += 1;
        match outcome {
            AttemptOutcome::Next => self.next += 1,
            AttemptOutcome::Retry => self.retry += 1,
            AttemptOutcome::Await => self.awaits += 1,
            AttemptOutcome::ScheduleChildren => self.schedule_children += 1,
            AttemptOutcome::Done => self.done += 1,
            AttemptOutcome::Stop => self.stop += 1,
            // Nobody recovers or cancels while the harness runs a step.
            AttemptOutcome::Fault | AttemptOutcome::Recovered | AttemptOutcome::Cancelled => self.fault += 1,
        }
    }
}
