//! What a drain runs, and how far.

use super::Row;

/// Steps after which a drain gives up, unless it is told otherwise. Chosen: more than a test waits for gladly.
const MAX_STEPS: usize = 10_000;

/// What [`Harness::drain_with`](super::Harness::drain_with) runs. By default everything that is runnable now or later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    queues: Vec<String>,
    later: Later,
    pub(super) max_steps: usize,
}

/// What becomes of instances that are runnable in the future.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Later {
    /// The clock jumps to them.
    Runs,
    /// They stay as they are.
    Stays,
}

impl Default for Drain {
    fn default() -> Self {
        Self { queues: Vec::new(), later: Later::Runs, max_steps: MAX_STEPS }
    }
}

impl Drain {
    /// Everything, up to 10,000 steps.
    pub fn new() -> Self {
        Self::default()
    }

    /// Instances of this queue alone, and of others that are named so as well.
    #[must_use]
    pub fn queue(mut self, name: impl Into<String>) -> Self {
        self.queues.push(name.into());
        self
    }

    /// Leaves what is due in the future untouched. By default delays and backoffs collapse.
    #[must_use]
    pub fn without_scheduled(mut self) -> Self {
        self.later = Later::Stays;
        self
    }

    /// How many steps are enough: a drain that wants more is an error. Default 10,000.
    #[must_use]
    pub fn max_steps(mut self, steps: usize) -> Self {
        self.max_steps = steps;
        self
    }

    pub(super) fn takes(&self, row: &Row) -> bool {
        self.queues.is_empty() || self.queues.contains(&row.queue)
    }

    pub(super) fn jumps(&self) -> bool {
        self.later == Later::Runs
    }
}

/// A drain that did not come to an end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "drained {max_steps} steps and there is more to run: {next}. Does it go round in circles? If not, allow more with `Drain::max_steps`"
)]
pub struct TooManySteps {
    /// How many were allowed, and were run.
    pub max_steps: usize,
    /// The instance that would have run next, as a person reads it.
    pub next: String,
}
