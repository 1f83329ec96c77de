//! Where an instance goes after a step, and the functions that say so.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::gd::fsm::types as wire;
use crate::effect::Effect;
use crate::{ErrorInfo, Failure, RateLimit, Result, Start, Step, StepRef, json};

/// What a step decided. Made by [`next`], [`retry`], [`await_signal`], [`schedule_children`], [`done`] and [`stop`], refined
/// by [`StepExt`](crate::StepExt), committed as one.
#[derive(Debug, Clone)]
pub struct Outcome<S> {
    pub(crate) transition: Transition<S>,
    pub(crate) effects: Vec<Effect>,
}

/// The transition of an outcome, for tests that look into it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Transition<S> {
    /// To another step.
    Next {
        /// The step.
        step: StepRef<S>,
        /// The new state.
        state: S,
        /// How it goes there.
        options: NextOptions,
    },
    /// To the same step again.
    Retry {
        /// The new state.
        state: S,
        /// The wait before.
        delay: Duration,
    },
    /// To a step that a signal wakes.
    Await {
        /// Any of these wakes it.
        names: Vec<String>,
        /// The step.
        step: StepRef<S>,
        /// The new state.
        state: S,
        /// Wakes it anyway.
        timeout: Option<Duration>,
    },
    /// To a step that the end of all children wakes.
    ScheduleChildren {
        /// The step.
        step: StepRef<S>,
        /// The new state.
        state: S,
        /// The children.
        children: Vec<Start>,
    },
    /// To its end, with this result as JSON.
    Done(Vec<u8>),
    /// To its end, failed for this reason.
    Stop(ErrorInfo),
    /// A handler leaves the decision to the host.
    DefaultHandling,
}

/// How an instance goes to its next step.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct NextOptions {
    /// The wait before the step. None is none.
    pub delay: Option<Duration>,
    /// The bucket that the step draws from. None is free.
    pub rate_limit: Option<RateLimit>,
    /// How many tokens it draws. None is 1.
    pub weight: Option<u32>,
    /// What becomes of the concurrency key.
    pub concurrency_key: KeyChange,
    /// Whether any host may run the step, by priority, instead of this one at once.
    pub requeue: bool,
}

/// What becomes of the concurrency key between two steps.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum KeyChange {
    /// The next step runs under the same key.
    #[default]
    Keep,
    /// The next step runs under none.
    Release,
    /// The next step runs under this one.
    Switch(String),
}

/// One or several signal names.
#[derive(Debug, Clone, PartialEq)]
pub struct Names(pub(crate) Vec<String>);

impl From<&str> for Names {
    fn from(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }
}

impl From<String> for Names {
    fn from(name: String) -> Self {
        Self(vec![name])
    }
}

impl<N: Into<String>> From<Vec<N>> for Names {
    fn from(names: Vec<N>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

impl<N: Into<String>, const COUNT: usize> From<[N; COUNT]> for Names {
    fn from(names: [N; COUNT]) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

impl From<&[&str]> for Names {
    fn from(names: &[&str]) -> Self {
        Self(names.iter().map(|&name| name.to_owned()).collect())
    }
}

/// Goes on with another step, at once and on the same worker unless an option says otherwise.
pub fn next<S>(step: StepRef<S>, state: S) -> Step<S> {
    outcome(Transition::Next { step, state, options: NextOptions::default() })
}

/// Runs this step again after `delay`, with a new state; its idempotency key stays, and no signal is consumed.
pub fn retry<S>(state: S, delay: Duration) -> Step<S> {
    outcome(Transition::Retry { state, delay })
}

/// Parks the instance until a signal of one of these names comes; `step` then finds it in [`awaited`](crate::Ctx::awaited).
/// Waits for ever without [`timeout`](crate::StepExt::timeout). Nothing runs and nothing is paid for meanwhile.
///
/// Consumes no signal: what this step was handed as awaited stays in the inbox, and does not wake the instance by itself.
/// A signal of these names that was among the others does, at once.
pub fn await_signal<S>(names: impl Into<Names>, step: StepRef<S>, state: S) -> Step<S> {
    outcome(Transition::Await { names: names.into().0, step, state, timeout: None })
}

/// Starts children and parks the instance until all of them have ended, well or not; `step` then finds them in
/// [`children`](crate::Ctx::children). Without any, the step runs at once.
pub fn schedule_children<S>(step: StepRef<S>, state: S, children: impl IntoIterator<Item = Start>) -> Step<S> {
    outcome(Transition::ScheduleChildren { step, state, children: children.into_iter().collect() })
}

/// Ends the instance with a result, any value that JSON can say.
///
/// # Errors
/// The failure `result-encode` if JSON cannot say it.
pub fn done<S>(result: impl Serialize) -> Step<S> {
    let result = json::encode(&result).map_err(|error| {
        Failure::new(format!("the result cannot be written as JSON: {error}")).code("result-encode")
    })?;
    outcome(Transition::Done(result))
}

/// Ends the instance as failed, for a reason that is the workflow's own. [`code`](crate::StepExt::code) adds a word for
/// programs.
pub fn stop<S>(reason: impl Into<String>) -> Step<S> {
    outcome(Transition::Stop(ErrorInfo { kind: "stop".to_owned(), message: reason.into(), code: None }))
}

pub(crate) fn outcome<S>(transition: Transition<S>) -> Step<S> {
    Ok(Outcome { transition, effects: Vec::new() })
}

impl<S> Outcome<S> {
    /// Where the instance goes.
    pub fn transition(&self) -> &Transition<S> {
        &self.transition
    }

    /// The name of the step that runs next; none for `retry` and the ends.
    pub fn step(&self) -> Option<&'static str> {
        match &self.transition {
            Transition::Next { step, .. }
            | Transition::Await { step, .. }
            | Transition::ScheduleChildren { step, .. } => Some(step.name()),
            Transition::Retry { .. } | Transition::Done(_) | Transition::Stop(_) | Transition::DefaultHandling => None,
        }
    }

    /// The state that would be committed; none for the ends.
    pub fn state(&self) -> Option<&S> {
        match &self.transition {
            Transition::Next { state, .. }
            | Transition::Retry { state, .. }
            | Transition::Await { state, .. }
            | Transition::ScheduleChildren { state, .. } => Some(state),
            Transition::Done(_) | Transition::Stop(_) | Transition::DefaultHandling => None,
        }
    }

    /// The result of an instance that is done.
    ///
    /// # Errors
    /// If it is not done, or its result is not a `T`.
    pub fn result<T: DeserializeOwned>(&self) -> Result<T> {
        match &self.transition {
            Transition::Done(result) => Ok(json::decode(result)?),
            other => Err(Failure::new(format!("there is no result, the outcome is {}", other.kind()))),
        }
    }
}

impl<S> Transition<S> {
    /// The transition's name, as in histories: `next`, `retry`, `await`, `schedule-children`, `done` or `stop`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Next { .. } => "next",
            Self::Retry { .. } => "retry",
            Self::Await { .. } => "await",
            Self::ScheduleChildren { .. } => "schedule-children",
            Self::Done(_) => "done",
            Self::Stop(_) => "stop",
            Self::DefaultHandling => "default-handling",
        }
    }
}

impl From<KeyChange> for wire::KeyChange {
    fn from(change: KeyChange) -> Self {
        match change {
            KeyChange::Keep => Self::Keep,
            KeyChange::Release => Self::Release,
            KeyChange::Switch(key) => Self::Switch(key),
        }
    }
}
