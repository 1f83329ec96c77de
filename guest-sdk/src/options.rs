//! What can be said about an outcome beside where it goes.

use std::time::Duration;

use crate::bindings::gd::fsm::types::Effect as WireEffect;
use crate::effect::Effect;
use crate::outcome::outcome;
use crate::{Failure, KeyChange, NextOptions, RateLimit, SendSignal, Start, Step, Transition};

/// Options of an outcome, chained onto the function that makes it: `next(Self::charge, self).delay(minutes(5))`.
///
/// An option on an outcome that does not have it makes the step fail with code `invalid-option`, since what its author
/// meant would not happen.
pub trait StepExt<S>: Sized {
    /// The answer of a handler that leaves the decision to the host: retry or fail, by the kind of fault.
    fn default_handling() -> Self;

    /// `next`: waits this long before the step, at most 366 days.
    fn delay(self, delay: Duration) -> Self;

    /// `next`: the step draws from this bucket before it runs, `"stripe"` or, partitioned, `("stripe", account)`.
    fn rate_limit(self, limit: impl Into<RateLimit>) -> Self;

    /// `next`: the step draws this many tokens instead of 1.
    fn weight(self, tokens: u32) -> Self;

    /// `next`: the step runs under this concurrency key instead of the one held.
    fn switch_key(self, key: impl Into<String>) -> Self;

    /// `next`: the step runs under no concurrency key.
    fn release_key(self) -> Self;

    /// `next`: lets go of the instance, so that more urgent work comes first and any host may run the step.
    fn requeue(self) -> Self;

    /// `await_signal`: wakes the step after this long anyway, at most 366 days; it then finds
    /// [`awaited`](crate::Ctx::awaited) empty.
    fn timeout(self, timeout: Duration) -> Self;

    /// `stop`: a stable word for programs, such as `invalid-invoice`.
    fn code(self, code: impl Into<String>) -> Self;

    /// Any outcome: starts an instance that nobody waits for, exactly once, iff the outcome commits.
    fn start(self, start: Start) -> Self;

    /// Any outcome: sends a signal, exactly once, iff the outcome commits.
    fn send(self, signal: SendSignal) -> Self;
}

impl<S> StepExt<S> for Step<S> {
    fn default_handling() -> Self {
        outcome(Transition::DefaultHandling)
    }

    fn delay(self, delay: Duration) -> Self {
        of_next(self, "delay", |options| options.delay = Some(delay))
    }

    fn rate_limit(self, limit: impl Into<RateLimit>) -> Self {
        of_next(self, "rate_limit", |options| options.rate_limit = Some(limit.into()))
    }

    fn weight(self, tokens: u32) -> Self {
        of_next(self, "weight", |options| options.weight = Some(tokens))
    }

    fn switch_key(self, key: impl Into<String>) -> Self {
        of_next(self, "switch_key", |options| options.concurrency_key = KeyChange::Switch(key.into()))
    }

    fn release_key(self) -> Self {
        of_next(self, "release_key", |options| options.concurrency_key = KeyChange::Release)
    }

    fn requeue(self) -> Self {
        of_next(self, "requeue", |options| options.requeue = true)
    }

    fn timeout(self, limit: Duration) -> Self {
        self.and_then(|mut outcome| match &mut outcome.transition {
            Transition::Await { timeout, .. } => {
                *timeout = Some(limit);
                Ok(outcome)
            }
            other => Err(misplaced("timeout", "await_signal", other)),
        })
    }

    fn code(self, code: impl Into<String>) -> Self {
        self.and_then(|mut outcome| match &mut outcome.transition {
            Transition::Stop(reason) => {
                reason.code = Some(code.into());
                Ok(outcome)
            }
            other => Err(misplaced("code", "stop", other)),
        })
    }

    fn start(self, start: Start) -> Self {
        with_effect(self, "start", WireEffect::Start(start.into()))
    }

    fn send(self, signal: SendSignal) -> Self {
        with_effect(self, "send", WireEffect::Signal(signal.into()))
    }
}

fn of_next<S>(step: Step<S>, option: &str, set: impl FnOnce(&mut NextOptions)) -> Step<S> {
    step.and_then(|mut outcome| match &mut outcome.transition {
        Transition::Next { options, .. } => {
            set(options);
            Ok(outcome)
        }
        other => Err(misplaced(option, "next", other)),
    })
}

fn with_effect<S>(step: Step<S>, option: &str, effect: Effect) -> Step<S> {
    step.and_then(|mut outcome| match &outcome.transition {
        // The host's default commits an outcome of its own; an effect would be lost with it.
        Transition::DefaultHandling => Err(misplaced(option, "an outcome", &outcome.transition)),
        _ => {
            outcome.effects.push(effect);
            Ok(outcome)
        }
    })
}

fn misplaced<S>(option: &str, owner: &str, found: &Transition<S>) -> Failure {
    let kind = found.kind();
    Failure::new(format!("`.{option}()` is an option of {owner}, but the outcome is {kind}; leave it out there"))
        .code("invalid-option")
}
