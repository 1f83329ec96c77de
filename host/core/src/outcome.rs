//! What a step may answer, and the rules that every answer is held to before anything is written.

use std::fmt;

use crate::names::{InvalidName, valid_name};
use crate::spec::weight;
use crate::{Descriptor, Effect, ErrorInfo, KeyChange, Limits, RateLimit, StartSpec};

/// A step's answer: where the instance goes, and what happens beside it. All of it commits, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Where the instance goes.
    pub transition: Transition,
    /// In the order given.
    pub effects: Vec<Effect>,
}

impl From<Transition> for Outcome {
    fn from(transition: Transition) -> Self {
        Self { transition, effects: Vec::new() }
    }
}

/// Where an instance goes after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// Go on to another step.
    Next(Next),
    /// Try this step again.
    Retry(Retry),
    /// Park until a signal arrives.
    Await(Await),
    /// Start children, and park until the last of them has ended.
    ScheduleChildren(ScheduleChildren),
    /// End with a result.
    Done(Vec<u8>),
    /// End without one.
    Stop(ErrorInfo),
}

/// Go on to another step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// The step to run.
    pub step: String,
    /// The state it gets.
    pub state: Vec<u8>,
    /// Milliseconds to wait before it; `None` runs it at once.
    pub delay_ms: Option<u64>,
    /// Let other work go first instead of running on in place.
    pub requeue: bool,
    /// The bucket that the step draws from; `None` draws from none.
    pub rate_limit: Option<RateLimit>,
    /// Tokens that it draws, at least 1.
    pub weight: u32,
    /// The semaphore that it runs under.
    pub concurrency_key: KeyChange,
}

impl Next {
    /// Go on to `step`, at once and in place.
    pub fn to(step: impl Into<String>, state: impl Into<Vec<u8>>) -> Self {
        Self {
            step: step.into(),
            state: state.into(),
            delay_ms: None,
            requeue: false,
            rate_limit: None,
            weight: 1,
            concurrency_key: KeyChange::Keep,
        }
    }
}

/// Start children, and park until the last of them has ended, however it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleChildren {
    /// The step that is run then; at once when none was started.
    pub step: String,
    /// The state it gets.
    pub state: Vec<u8>,
    /// The children, in the order in which the step reads them back.
    pub children: Vec<StartSpec>,
}

/// Try this step again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The state the next attempt gets.
    pub state: Vec<u8>,
    /// Milliseconds to wait before it.
    pub delay_ms: u64,
}

/// Park until a signal arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Await {
    /// Any of these names wakes the instance.
    pub names: Vec<String>,
    /// The step that is run then.
    pub step: String,
    /// The state it gets.
    pub state: Vec<u8>,
    /// Wakes the instance after this many milliseconds all the same; `None` waits for ever.
    pub timeout_ms: Option<u64>,
}

/// The rule that an outcome breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidOutcome {
    /// A key of `extra` that this build does not know.
    UnknownExtra(String),
    /// The step is not one of the component's own.
    UnknownStep(String),
    /// A name breaks the rule for names.
    Name(&'static str, InvalidName),
    /// State over the limit: bytes, limit.
    StateTooLarge(usize, usize),
    /// Result over the limit: bytes, limit.
    ResultTooLarge(usize, usize),
    /// Delay or timeout over the limit: milliseconds, limit.
    DelayTooLong(u64, u64),
    /// An await without a name.
    NothingAwaited,
    /// An await with too many names: count, limit.
    TooManyNames(usize, usize),
    /// Weight 0.
    ZeroWeight,
    /// Weight over the limit: tokens, limit.
    WeightTooLarge(u32, u32),
    /// The name of a rate limit holds a colon.
    ColonInLimit(String),
    /// A signal's payload over the limit: bytes, limit.
    SignalTooLarge(usize, usize),
    /// More children than one outcome may start: count, limit.
    TooManyChildren(usize, usize),
    /// More ancestors than an instance may have: limit.
    TooDeep(u32),
    /// More effects than one outcome may have: count, limit.
    TooManyEffects(usize, usize),
    /// A child that cannot be started: its place in the list, the code of the reason, the reason.
    Child(usize, &'static str, String),
}

impl InvalidOutcome {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownExtra(_) => "unknown-extra",
            Self::UnknownStep(_) => "unknown-step",
            Self::Name(..) => "invalid-name",
            Self::StateTooLarge(..) => "state-too-large",
            Self::ResultTooLarge(..) => "result-too-large",
            Self::DelayTooLong(..) => "delay-too-long",
            Self::NothingAwaited => "nothing-awaited",
            Self::TooManyNames(..) => "too-many-names",
            Self::ZeroWeight => "zero-weight",
            Self::WeightTooLarge(..) => "weight-too-large",
            Self::ColonInLimit(_) => "invalid-name",
            Self::SignalTooLarge(..) => "signal-too-large",
            Self::TooManyChildren(..) => "too-many-children",
            Self::TooDeep(_) => "too-deep",
            Self::TooManyEffects(..) => "too-many-effects",
            Self::Child(_, code, _) => code,
        }
    }
}

impl fmt::Display for InvalidOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownExtra(key) => write!(f, "this host does not know the extra key {key:?}"),
            Self::UnknownStep(step) => write!(f, "the component does not declare a step {step:?}"),
            Self::Name(what, reason) => write!(f, "the {what} is not a valid name: {reason}"),
            Self::StateTooLarge(bytes, max) => write!(f, "the state is {bytes} bytes, the limit is {max}"),
            Self::ResultTooLarge(bytes, max) => write!(f, "the result is {bytes} bytes, the limit is {max}"),
            Self::DelayTooLong(ms, max) => write!(f, "the delay is {ms} ms, the limit is {max} ms"),
            Self::NothingAwaited => write!(f, "an await needs at least one signal name"),
            Self::TooManyNames(count, max) => write!(f, "the await lists {count} names, the limit is {max}"),
            Self::ZeroWeight => write!(f, "a weight is at least 1"),
            Self::WeightTooLarge(weight, max) => write!(f, "the weight is {weight}, the limit is {max}"),
            Self::ColonInLimit(name) => {
                write!(f, "the rate limit's name {name:?} holds a colon, which separates a name from its partition")
            }
            Self::SignalTooLarge(bytes, max) => write!(f, "the signal's payload is {bytes} bytes, the limit is {max}"),
            Self::TooManyChildren(count, max) => write!(f, "the outcome starts {count} children, the limit is {max}"),
            Self::TooDeep(max) => {
                write!(f, "the instance has {max} ancestors, which is the limit: it cannot have children")
            }
            Self::TooManyEffects(count, max) => write!(f, "the outcome has {count} effects, the limit is {max}"),
            Self::Child(index, _, reason) => write!(f, "child {index} cannot be started: {reason}"),
        }
    }
}

impl std::error::Error for InvalidOutcome {}

impl Outcome {
    /// Holds the outcome to the rules.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self, descriptor: &Descriptor, limits: &Limits) -> Result<(), InvalidOutcome> {
        self.transition.validate(descriptor, limits)?;
        if self.effects.len() > limits.effects_max {
            return Err(InvalidOutcome::TooManyEffects(self.effects.len(), limits.effects_max));
        }
        self.effects.iter().try_for_each(|effect| effect.validate(limits))
    }
}

impl Transition {
    fn validate(&self, descriptor: &Descriptor, limits: &Limits) -> Result<(), InvalidOutcome> {
        match self {
            Self::Next(next) => {
                known_step(descriptor, &next.step)?;
                state_fits(&next.state, limits)?;
                next.delay_ms.map_or(Ok(()), |ms| delay_fits(ms, limits))?;
                flow_fits(next)
            }
            Self::Retry(retry) => {
                state_fits(&retry.state, limits)?;
                delay_fits(retry.delay_ms, limits)
            }
            Self::Await(await_) => {
                known_step(descriptor, &await_.step)?;
                state_fits(&await_.state, limits)?;
                names_fit(&await_.names, limits)?;
                await_.timeout_ms.map_or(Ok(()), |ms| delay_fits(ms, limits))
            }
            Self::ScheduleChildren(schedule) => {
                known_step(descriptor, &schedule.step)?;
                state_fits(&schedule.state, limits)?;
                children_fit(&schedule.children, limits)
            }
            Self::Done(result) if result.len() > limits.payload_bytes_max => {
                Err(InvalidOutcome::ResultTooLarge(result.len(), limits.payload_bytes_max))
            }
            Self::Done(_) | Self::Stop(_) => Ok(()),
        }
    }
}

fn flow_fits(next: &Next) -> Result<(), InvalidOutcome> {
    weight(next.weight)?;
    next.rate_limit.as_ref().map_or(Ok(()), RateLimit::validate)?;
    if let KeyChange::Switch(key) = &next.concurrency_key {
        valid_name(key).map_err(|reason| InvalidOutcome::Name("concurrency key", reason))?;
    }
    Ok(())
}

fn children_fit(children: &[StartSpec], limits: &Limits) -> Result<(), InvalidOutcome> {
    if children.len() > limits.children_max {
        return Err(InvalidOutcome::TooManyChildren(children.len(), limits.children_max));
    }
    for (index, child) in children.iter().enumerate() {
        child.validate(limits).map_err(|broken| InvalidOutcome::Child(index, broken.code(), broken.to_string()))?;
    }
    Ok(())
}

fn known_step(descriptor: &Descriptor, step: &str) -> Result<(), InvalidOutcome> {
    valid_name(step).map_err(|reason| InvalidOutcome::Name("step", reason))?;
    if descriptor.has_step(step) { Ok(()) } else { Err(InvalidOutcome::UnknownStep(step.into())) }
}

fn state_fits(state: &[u8], limits: &Limits) -> Result<(), InvalidOutcome> {
    if state.len() > limits.state_bytes_max {
        return Err(InvalidOutcome::StateTooLarge(state.len(), limits.state_bytes_max));
    }
    Ok(())
}

fn delay_fits(ms: u64, limits: &Limits) -> Result<(), InvalidOutcome> {
    if ms > limits.delay_ms_max {
        return Err(InvalidOutcome::DelayTooLong(ms, limits.delay_ms_max));
    }
    Ok(())
}

fn names_fit(names: &[String], limits: &Limits) -> Result<(), InvalidOutcome> {
    if names.is_empty() {
        return Err(InvalidOutcome::NothingAwaited);
    }
    if names.len() > limits.awaited_names_max {
        return Err(InvalidOutcome::TooManyNames(names.len(), limits.awaited_names_max));
    }
    for name in names {
        valid_name(name).map_err(|reason| InvalidOutcome::Name("awaited signal", reason))?;
    }
    Ok(())
}
