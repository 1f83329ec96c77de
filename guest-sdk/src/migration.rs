//! Carrying an instance over from an older state version.

use std::time::Duration;

use crate::{Names, StepRef};

/// Where an instance stands that moves to this version.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Parked {
    /// The step that it would run next.
    pub step: String,
    /// The signals that it is parked for; empty if it is not parked.
    pub awaits: Vec<String>,
    /// The state version that its state was written with.
    pub from_state_version: u32,
}

/// An instance as this version wants it. A `#[migrate]` function that changes the state alone returns just that.
#[derive(Debug, Clone)]
pub struct Migrated<S> {
    pub(crate) state: S,
    pub(crate) step: Option<StepRef<S>>,
    pub(crate) awaits: Option<Vec<String>>,
    pub(crate) timeout: Option<Duration>,
}

impl<S> Migrated<S> {
    /// The new state; step and awaits stay.
    pub fn new(state: S) -> Self {
        Self { state, step: None, awaits: None, timeout: None }
    }

    /// The step that runs next, for a step that was renamed or removed.
    #[must_use]
    pub fn step(mut self, step: StepRef<S>) -> Self {
        self.step = Some(step);
        self
    }

    /// The signals to be parked for instead.
    #[must_use]
    pub fn awaits(mut self, names: impl Into<Names>) -> Self {
        self.awaits = Some(names.into().0);
        self
    }

    /// A new timeout for the await, counted from the migration.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl<S> From<S> for Migrated<S> {
    fn from(state: S) -> Self {
        Self::new(state)
    }
}
