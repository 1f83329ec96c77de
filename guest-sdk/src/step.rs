//! A step as a value: what a transition names.

use std::fmt;

use crate::{Ctx, Failure, Outcome};

/// What a step returns: where the instance goes, or why the step could not do its work.
pub type Step<S> = Result<Outcome<S>, Failure>;

/// A step of the machine whose state is `S`.
///
/// The macro [`fsm`](crate::fsm) puts one in place of each step function, so a transition can only name a step that exists
/// in the same machine.
pub struct StepRef<S> {
    name: &'static str,
    run: fn(S, &Ctx) -> Step<S>,
}

impl<S> StepRef<S> {
    /// Used by the macro.
    #[doc(hidden)]
    pub const fn new(name: &'static str, run: fn(S, &Ctx) -> Step<S>) -> Self {
        Self { name, run }
    }

    /// The step's name, as the host stores it.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the step's function here and now: a step that hands over to another without a commit between, or a test.
    pub fn call(&self, state: S, ctx: &Ctx) -> Step<S> {
        (self.run)(state, ctx)
    }
}

impl<S> Clone for StepRef<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for StepRef<S> {}

impl<S> fmt::Debug for StepRef<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step `{}`", self.name)
    }
}
