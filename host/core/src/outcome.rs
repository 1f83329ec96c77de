//! What a step may answer, and the rules that every answer is held to before anything is written.

use std::fmt;

use crate::names::{InvalidName, valid_name};
use crate::{Descriptor, ErrorInfo, Limits};

/// A step's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Go on to another step.
    Next(Next),
    /// Try this step again.
    Retry(Retry),
    /// Park until a signal arrives.
    Await(Await),
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
    /// A part of the contract that this build cannot carry out yet.
    Unsupported(&'static str),
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
}

impl InvalidOutcome {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsupported(_) => "unsupported",
            Self::UnknownExtra(_) => "unknown-extra",
            Self::UnknownStep(_) => "unknown-step",
            Self::Name(..) => "invalid-name",
            Self::StateTooLarge(..) => "state-too-large",
            Self::ResultTooLarge(..) => "result-too-large",
            Self::DelayTooLong(..) => "delay-too-long",
            Self::NothingAwaited => "nothing-awaited",
            Self::TooManyNames(..) => "too-many-names",
            Self::ZeroWeight => "zero-weight",
        }
    }
}

impl fmt::Display for InvalidOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(what) => write!(f, "this host does not carry out {what} yet"),
            Self::UnknownExtra(key) => write!(f, "this host does not know the extra key {key:?}"),
            Self::UnknownStep(step) => write!(f, "the component does not declare a step {step:?}"),
            Self::Name(what, reason) => write!(f, "the {what} is not a valid name: {reason}"),
            Self::StateTooLarge(bytes, max) => write!(f, "the state is {bytes} bytes, the limit is {max}"),
            Self::ResultTooLarge(bytes, max) => write!(f, "the result is {bytes} bytes, the limit is {max}"),
            Self::DelayTooLong(ms, max) => write!(f, "the delay is {ms} ms, the limit is {max} ms"),
            Self::NothingAwaited => write!(f, "an await needs at least one signal name"),
            Self::TooManyNames(count, max) => write!(f, "the await lists {count} names, the limit is {max}"),
            Self::ZeroWeight => write!(f, "a weight is at least 1"),
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
        match self {
            Self::Next(next) => {
                known_step(descriptor, &next.step)?;
                state_fits(&next.state, limits)?;
                next.delay_ms.map_or(Ok(()), |ms| delay_fits(ms, limits))
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
            Self::Done(result) if result.len() > limits.payload_bytes_max => {
                Err(InvalidOutcome::ResultTooLarge(result.len(), limits.payload_bytes_max))
            }
            Self::Done(_) | Self::Stop(_) => Ok(()),
        }
    }
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
