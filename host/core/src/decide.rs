//! The heart: from where an instance stands and how its attempt ended to what is written, as data.

use crate::fault::{Verdict, default_verdict, printable};
use crate::{
    AttemptOutcome, Await, Descriptor, ErrorInfo, Fault, FaultKind, Limits, Next, Outcome, Retry, SignalId, Status,
    Wake,
};

/// Where the instance stood when the attempt began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Tries of this visit before this one.
    pub attempt: u32,
    /// Faults in a row before this attempt.
    pub faults: u32,
    /// Ids of the awaited signals that the attempt was handed: what progress consumes.
    pub awaited: Vec<SignalId>,
}

/// How the attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The step answered.
    Outcome(Outcome),
    /// It failed, and no handler took the fault (there is none, or it left it to the default).
    Fault(Fault),
    /// It failed, and the component's handler answered in its place.
    Handled {
        /// The fault that was handled.
        fault: Fault,
        /// The handler's answer.
        outcome: Outcome,
    },
    /// It failed, and so did the handler.
    HandlerFailed {
        /// The fault that was to be handled.
        fault: Fault,
        /// The handler's own.
        handler: Fault,
    },
}

/// What becomes of the instance's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The new step; `None` keeps it.
    pub step: Option<String>,
    /// The new state; `None` keeps it.
    pub state: Option<Vec<u8>>,
    /// The attempt number that stands afterwards.
    pub attempt: u32,
    /// Faults in a row that stand afterwards.
    pub faults: u32,
    /// Whether a new visit begins.
    pub new_visit: bool,
    /// Where the instance goes.
    pub then: Then,
}

/// Where the instance goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// It may run on in place, at once.
    RunOn,
    /// It becomes runnable after this many milliseconds, and the awaited names are forgotten.
    Requeue {
        /// Milliseconds from the commit.
        delay_ms: u64,
    },
    /// The same visit again after this many milliseconds; what it awaited stays.
    Again {
        /// Milliseconds from the commit.
        delay_ms: u64,
    },
    /// It parks, or is runnable at once if an unseen signal of these names is there.
    Park {
        /// Names that wake it; each once, in the order given.
        names: Vec<String>,
        /// Milliseconds from the commit until it is woken without one.
        timeout_ms: Option<u64>,
    },
    /// It ends.
    End {
        /// `Done` or `Failed`.
        status: Status,
        /// The result of `done`.
        result: Option<Vec<u8>>,
        /// The reason of any other end.
        error: Option<ErrorInfo>,
        /// Whether the inbox goes with it. A failure that the engine decided keeps it, for an operator's retry.
        clears_inbox: bool,
    },
}

impl Then {
    /// What will have woken the attempt that follows.
    pub fn wake(&self) -> Wake {
        match self {
            Self::RunOn | Self::Requeue { .. } | Self::End { .. } => Wake::Next,
            Self::Again { .. } => Wake::Retry,
            Self::Park { .. } => Wake::Signal,
        }
    }
}

/// Everything that one attempt's commit writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The row.
    pub change: Change,
    /// Signals that the commit deletes.
    pub consumes: Vec<SignalId>,
    /// How the history names the ending.
    pub outcome: AttemptOutcome,
    /// The fault or stop that the history shows.
    pub error: Option<ErrorInfo>,
}

/// Decides what an attempt's commit writes. Never fails: an outcome that breaks a rule becomes a failure of its own
/// instance.
pub fn decide(position: &Position, ending: Ending, descriptor: &Descriptor, limits: &Limits) -> Decision {
    match ending {
        Ending::Outcome(outcome) => match outcome.validate(descriptor, limits) {
            Ok(()) => accept(position, outcome, 0, None, limits),
            Err(broken) => {
                let fault = Fault::new(FaultKind::InvalidOutcome, broken.to_string()).with_code(broken.code());
                by_default(position, &fault, None, descriptor, limits)
            }
        },
        Ending::Fault(fault) => by_default(position, &fault, None, descriptor, limits),
        Ending::Handled { fault, outcome } => match outcome.validate(descriptor, limits) {
            Ok(()) => accept(position, outcome, position.faults.saturating_add(1), Some(&fault), limits),
            Err(broken) => {
                let handler = Fault::new(FaultKind::InvalidOutcome, broken.to_string()).with_code(broken.code());
                fail(position, both(&fault, &handler, limits))
            }
        },
        // An answer that breaks a rule is final, also where the contract's own shape was broken.
        Ending::HandlerFailed { fault, handler } if handler.kind == FaultKind::InvalidOutcome => {
            fail(position, both(&fault, &handler, limits))
        }
        Ending::HandlerFailed { fault, handler } => {
            let error = both(&fault, &handler, limits);
            by_default(position, &fault, Some(error), descriptor, limits)
        }
    }
}

/// What is written instead of an outcome that the database refuses: a failure of this instance alone.
pub fn unstorable(position: &Position, reason: &str, limits: &Limits) -> Decision {
    let fault = Fault::new(FaultKind::InvalidOutcome, format!("the outcome cannot be stored: {reason}"));
    fail(position, fault.with_code("unstorable").info(limits.error_bytes_max))
}

/// How often in a row a worker may die under an instance before it is run alone: three may be bad luck.
pub const LOSSES_MAX: u32 = 3;
/// Recorded lone starts without an outcome that an instance gets. Source: the limits table of the trust model.
pub const LONE_STARTS_MAX: u32 = 20;

/// What is written of an instance that has taken its host down time and again, instead of running it once more. `lone_starts` counts
/// the one that would be made now. `None`: it may run.
pub fn crash_loop(position: &Position, lone_starts: u32, limits: &Limits) -> Option<Decision> {
    if lone_starts <= LONE_STARTS_MAX {
        return None;
    }
    let message = format!(
        "its worker died under it {LOSSES_MAX} times in a row, and then under {LONE_STARTS_MAX} starts that it was given alone, without an outcome"
    );
    let error =
        ErrorInfo { kind: "crash-loop".into(), message: printable(&message, limits.error_bytes_max), code: None };
    Some(fail(position, error))
}

/// A valid outcome. `faults_if_again` is what stands if it tries the same visit again: a handler's `retry` does not end
/// a row of faults.
fn accept(
    position: &Position,
    outcome: Outcome,
    faults_if_again: u32,
    fault: Option<&Fault>,
    limits: &Limits,
) -> Decision {
    // A handler is handed no signals: what it decides consumes none.
    let awaited = if fault.is_some() { Vec::new() } else { position.awaited.clone() };
    let error = fault.map(|fault| fault.info(limits.error_bytes_max));
    let progress = |step: String, state: Vec<u8>, then: Then| Change {
        step: Some(step),
        state: Some(state),
        attempt: 0,
        faults: 0,
        new_visit: true,
        then,
    };
    match outcome {
        Outcome::Next(Next { step, state, delay_ms, requeue }) => {
            let then = match delay_ms {
                None | Some(0) if !requeue => Then::RunOn,
                delay_ms => Then::Requeue { delay_ms: delay_ms.unwrap_or(0) },
            };
            Decision { change: progress(step, state, then), consumes: awaited, outcome: AttemptOutcome::Next, error }
        }
        Outcome::Await(Await { names, step, state, timeout_ms }) => {
            let then = Then::Park { names: each_once(names), timeout_ms };
            Decision { change: progress(step, state, then), consumes: vec![], outcome: AttemptOutcome::Await, error }
        }
        Outcome::Retry(Retry { state, delay_ms }) => {
            let change = Change {
                step: None,
                state: Some(state),
                attempt: position.attempt.saturating_add(1),
                faults: faults_if_again,
                new_visit: false,
                then: Then::Again { delay_ms },
            };
            Decision { change, consumes: vec![], outcome: AttemptOutcome::Retry, error }
        }
        Outcome::Done(result) => {
            let then = Then::End { status: Status::Done, result: Some(result), error: None, clears_inbox: true };
            Decision { change: ended(position, then), consumes: vec![], outcome: AttemptOutcome::Done, error }
        }
        Outcome::Stop(reason) => {
            let reason = storable(reason, limits);
            let then =
                Then::End { status: Status::Failed, result: None, error: Some(reason.clone()), clears_inbox: true };
            Decision {
                change: ended(position, then),
                consumes: vec![],
                outcome: AttemptOutcome::Stop,
                error: error.or(Some(reason)),
            }
        }
    }
}

/// A fault that nobody took. `error` replaces the fault's own description where a handler failed as well.
fn by_default(
    position: &Position,
    fault: &Fault,
    error: Option<ErrorInfo>,
    descriptor: &Descriptor,
    limits: &Limits,
) -> Decision {
    let error = error.unwrap_or_else(|| fault.info(limits.error_bytes_max));
    match default_verdict(fault, descriptor, position.attempt, position.faults) {
        Verdict::Fail => fail(position, error),
        Verdict::RetryAfter(delay_ms) => Decision {
            change: Change {
                step: None,
                state: None,
                attempt: position.attempt.saturating_add(1),
                faults: position.faults.saturating_add(1),
                new_visit: false,
                then: Then::Again { delay_ms: delay_ms.min(limits.delay_ms_max) },
            },
            consumes: vec![],
            outcome: AttemptOutcome::Fault,
            error: Some(error),
        },
    }
}

/// A failure that the engine decides: the inbox stays until retention, so that an operator's retry still sees it.
fn fail(position: &Position, error: ErrorInfo) -> Decision {
    let then = Then::End { status: Status::Failed, result: None, error: Some(error.clone()), clears_inbox: false };
    Decision { change: ended(position, then), consumes: vec![], outcome: AttemptOutcome::Fault, error: Some(error) }
}

fn ended(position: &Position, then: Then) -> Change {
    Change { step: None, state: None, attempt: position.attempt, faults: position.faults, new_visit: false, then }
}

/// Both messages of a handler that failed too.
fn both(fault: &Fault, handler: &Fault, limits: &Limits) -> ErrorInfo {
    let message = format!("{}; the handler failed too ({}): {}", fault.message, handler.kind.word(), handler.message);
    Fault { message, ..fault.clone() }.info(limits.error_bytes_max)
}

fn storable(error: ErrorInfo, limits: &Limits) -> ErrorInfo {
    ErrorInfo {
        kind: printable(&error.kind, crate::names::NAME_BYTES_MAX),
        message: printable(&error.message, limits.error_bytes_max),
        code: error.code.map(|code| printable(&code, crate::names::NAME_BYTES_MAX)),
    }
}

fn each_once(names: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

#[cfg(test)]
mod tests;
