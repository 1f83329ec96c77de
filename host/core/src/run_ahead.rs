//! How long a worker may go on with one instance on the claim it holds.

use std::time::Duration;

/// Bounds of one chain of steps, so that urgent work can cut in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunAhead {
    /// Steps in one chain. Default 64.
    pub steps_max: u32,
    /// Age of the claim. Default 1 s.
    pub time_max: Duration,
}

impl Default for RunAhead {
    fn default() -> Self {
        Self { steps_max: 64, time_max: Duration::from_secs(1) }
    }
}

impl RunAhead {
    /// Whether a chain of `steps` that began `elapsed` ago may take one more step.
    pub fn allows(&self, steps: u32, elapsed: Duration) -> bool {
        steps < self.steps_max && elapsed < self.time_max
    }
}
