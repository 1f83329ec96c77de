//! A state machine, as the macro `fsm` describes it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::gd::fsm::types::StepInfo;
use crate::{Ctx, Failure, Fault, Migrated, Names, Parked, Result, Step, StepExt, StepRef, json};

/// A state machine over the state `Self`. Implemented by [`fsm`](crate::fsm).
pub trait Machine: Serialize + DeserializeOwned + Sized + 'static {
    /// The name that instances are started under.
    const NAME: &'static str;
    /// The queue for instances that are started without one; none is `default`.
    const QUEUE: Option<&'static str>;
    /// The version of the state's shape.
    const STATE_VERSION: u32;
    /// The older state versions that can be migrated.
    const MIGRATES_FROM: &'static [u32];
    /// Whether `on_fault` wants to be asked.
    const HAS_HANDLE: bool;
    /// Where an instance begins.
    const INITIAL: StepRef<Self>;
    /// All steps.
    const STEPS: &'static [StepRef<Self>];

    /// The steps with their edges, for drawing.
    fn graph() -> Vec<StepNode>;

    /// Decides about a fault.
    ///
    /// # Errors
    /// As the author's handler; the host then takes its default.
    fn on_fault(self, _fault: &Fault, _ctx: &Ctx) -> Step<Self> {
        Step::default_handling()
    }

    /// Reads a state of an older version and makes it one of this version.
    ///
    /// # Errors
    /// If that version is not known, the state cannot be read, or the author's function declines.
    fn upgrade(_state: &[u8], at: &Parked) -> Result<Migrated<Self>> {
        Err(no_migration(at))
    }
}

/// A step with its edges, as the macro found them in its body.
#[derive(Debug, Clone)]
pub struct StepNode(StepInfo);

impl StepNode {
    /// A step without edges.
    pub fn new(name: &str) -> Self {
        Self(StepInfo { name: name.to_owned(), next: Vec::new(), awaits: Vec::new() })
    }

    /// A step that it goes on to.
    #[must_use]
    pub fn next(mut self, step: &str) -> Self {
        self.0.next.push(step.to_owned());
        self
    }

    /// Signals that it parks for.
    #[must_use]
    pub fn awaits(mut self, names: impl Into<Names>) -> Self {
        for name in names.into().0 {
            if !self.0.awaits.contains(&name) {
                self.0.awaits.push(name);
            }
        }
        self
    }
}

impl From<StepNode> for StepInfo {
    fn from(node: StepNode) -> Self {
        node.0
    }
}

/// Reads the state that an older version wrote. Used by the macro.
#[doc(hidden)]
pub fn decode_old<T: DeserializeOwned>(state: &[u8], at: &Parked) -> Result<T> {
    json::decode(state).map_err(|error| {
        Failure::new(format!(
            "the state of version {} at step `{}` cannot be read: {error}",
            at.from_state_version, at.step
        ))
        .code("state-decode")
    })
}

/// The refusal of a version that no `#[migrate]` takes. Used by the macro.
#[doc(hidden)]
pub fn no_migration(at: &Parked) -> Failure {
    Failure::new(format!(
        "no migration from state version {}; add a function with `#[migrate(from = {})]`",
        at.from_state_version, at.from_state_version
    ))
    .code("no-migration")
}
