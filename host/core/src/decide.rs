//! The heart: from where an instance stands and how its attempt ended to what is written, as data.

use crate::fault::{Verdict, default_verdict, printable};
use crate::{
    AttemptOutcome, Await, Descriptor, Effect, ErrorInfo, Fault, FaultKind, KeyChange, Limits, Next, Outcome,
    RateLimit, Retry, ScheduleChildren, SignalId, StartSpec, Status, Transition, Wake,
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
    /// The concurrency key that it ran under.
    pub concurrency_key: Option<String>,
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
    /// The concurrency key that stands afterwards.
    pub concurrency_key: KeyChange,
    /// What the next attempt draws.
    pub draws: Draws,
    /// Where the instance goes.
    pub then: Then,
}

/// What the next attempt draws from a token bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draws {
    /// Nothing.
    Nothing,
    /// The same again: every try pays.
    Again,
    /// This many tokens of this bucket.
    From {
        /// `name` or `name:partition`.
        bucket: String,
        /// At least 1.
        weight: u32,
    },
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
    /// It parks until the last of its new children has ended; it is runnable at once if none was started.
    Join,
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
            Self::Join => Wake::Join,
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
    /// Children that the commit starts.
    pub children: Vec<StartSpec>,
    /// What else it does.
    pub effects: Vec<Effect>,
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
    let Outcome { transition, effects } = outcome;
    let error = fault.map(|fault| fault.info(limits.error_bytes_max));
    // A handler is handed no signals: what it decides consumes none.
    let awaited = if fault.is_some() { Vec::new() } else { position.awaited.clone() };
    let decision = match transition {
        Transition::Next(next) => {
            let then = then_of(&next, position);
            let Next { step, state, rate_limit, weight, concurrency_key, .. } = next;
            let draws = draws(rate_limit, weight);
            let change = Change { concurrency_key, draws, ..progress(step, state, then) };
            Decision { consumes: awaited, ..Decision::new(change, AttemptOutcome::Next, error) }
        }
        Transition::Await(Await { names, step, state, timeout_ms }) => {
            let then = Then::Park { names: each_once(names), timeout_ms };
            Decision::new(progress(step, state, then), AttemptOutcome::Await, error)
        }
        Transition::ScheduleChildren(ScheduleChildren { step, state, children }) => {
            let change = progress(step, state, Then::Join);
            let decision = Decision::new(change, AttemptOutcome::ScheduleChildren, error);
            Decision { consumes: awaited, children, ..decision }
        }
        Transition::Retry(Retry { state, delay_ms }) => {
            let change = again(position, Some(state), faults_if_again, delay_ms);
            Decision::new(change, AttemptOutcome::Retry, error)
        }
        Transition::Done(result) => {
            let then = Then::End { status: Status::Done, result: Some(result), error: None, clears_inbox: true };
            Decision::new(ended(position, then), AttemptOutcome::Done, error)
        }
        Transition::Stop(reason) => {
            let reason = storable(reason, limits);
            let end = Some(reason.clone());
            let then = Then::End { status: Status::Failed, result: None, error: end, clears_inbox: true };
            Decision::new(ended(position, then), AttemptOutcome::Stop, error.or(Some(reason)))
        }
    };
    Decision { effects, ..decision }
}

impl Decision {
    fn new(change: Change, outcome: AttemptOutcome, error: Option<ErrorInfo>) -> Self {
        Self { change, consumes: Vec::new(), children: Vec::new(), effects: Vec::new(), outcome, error }
    }
}

/// Whether the worker may go on at once: what waits for tokens or for another key's slot is let go of, since those are given to
/// what waits, in its order.
fn then_of(next: &Next, position: &Position) -> Then {
    let other_key = match &next.concurrency_key {
        KeyChange::Keep | KeyChange::Release => false,
        KeyChange::Switch(key) => position.concurrency_key.as_ref() != Some(key),
    };
    let delay_ms = next.delay_ms.unwrap_or(0);
    if delay_ms > 0 || next.requeue || other_key || next.rate_limit.is_some() {
        return Then::Requeue { delay_ms };
    }
    Then::RunOn
}

fn draws(rate_limit: Option<RateLimit>, weight: u32) -> Draws {
    rate_limit.map_or(Draws::Nothing, |limit| Draws::From { bucket: limit.bucket(), weight })
}

fn progress(step: String, state: Vec<u8>, then: Then) -> Change {
    Change {
        step: Some(step),
        state: Some(state),
        attempt: 0,
        faults: 0,
        new_visit: true,
        concurrency_key: KeyChange::Keep,
        draws: Draws::Nothing,
        then,
    }
}

/// The same visit once more.
fn again(position: &Position, state: Option<Vec<u8>>, faults: u32, delay_ms: u64) -> Change {
    Change {
        step: None,
        state,
        attempt: position.attempt.saturating_add(1),
        faults,
        new_visit: false,
        concurrency_key: KeyChange::Keep,
        draws: Draws::Again,
        then: Then::Again { delay_ms },
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
        Verdict::RetryAfter(delay_ms) => {
            let delay_ms = delay_ms.min(limits.delay_ms_max);
            let change = again(position, None, position.faults.saturating_add(1), delay_ms);
            Decision::new(change, AttemptOutcome::Fault, Some(error))
        }
    }
}

/// A failure that the engine decides: the inbox stays until retention, so that an operator's retry still sees it.
fn fail(position: &Position, error: ErrorInfo) -> Decision {
    let then = Then::End { status: Status::Failed, result: None, error: Some(error.clone()), clears_inbox: false };
    Decision::new(ended(position, then), AttemptOutcome::Fault, Some(error))
}

fn ended(position: &Position, then: Then) -> Change {
    Change {
        step: None,
        state: None,
        attempt: position.attempt,
        faults: position.faults,
        new_visit: false,
        concurrency_key: KeyChange::Keep,
        draws: Draws::Nothing,
        then,
    }
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
