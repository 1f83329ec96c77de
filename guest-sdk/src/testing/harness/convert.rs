//! Between the contract's records, which components speak, and the rules of gd-core.

use gd_core::{
    Await, Backoff, Descriptor, Effect, ErrorInfo, Fault, FaultKind, Form, InvalidOutcome, KeyChange, Next, Outcome,
    RateLimit, Retry, ScheduleChildren, Scope, Signal, SignalSpec, StartSpec, StepInfo, Target, Transition, Wake,
};

use crate::bindings::gd::fsm::types as wire;

pub(super) fn descriptor(from: wire::Descriptor) -> Descriptor {
    let (max_attempts, backoff) = match from.retry {
        Some(retry) => (retry.max_attempts, Backoff { base_ms: retry.base_ms, cap_ms: retry.cap_ms }),
        None => (crate::RetryPolicy::DEFAULT.max_attempts, Backoff::default()),
    };
    let step = |step: wire::StepInfo| StepInfo { name: step.name, next: step.next, awaits: step.awaits };
    Descriptor {
        fsm: from.fsm,
        form: match from.form {
            wire::Form::Machine => Form::Machine,
            wire::Form::Job => Form::Job,
        },
        initial_step: from.initial_step,
        steps: from.steps.into_iter().map(step).collect(),
        queue: from.queue,
        state_version: from.state_version,
        migrates_from: from.migrates_from,
        has_handle: from.has_handle,
        max_attempts,
        backoff,
        state_content_type: from.state_content_type,
        state_schema: from.state_schema,
        sdk: from.sdk,
    }
}

/// # Errors
/// A part of the contract that is wrong whatever the component declares.
pub(super) fn outcome(from: wire::Outcome) -> Result<Outcome, InvalidOutcome> {
    let effects = from.effects.into_iter().map(effect).collect::<Result<_, _>>()?;
    Ok(Outcome { transition: transition(from.transition)?, effects })
}

fn transition(from: wire::Transition) -> Result<Transition, InvalidOutcome> {
    Ok(match from {
        wire::Transition::Next(from) => Transition::Next(next(from)?),
        wire::Transition::Retry(wire::Retry { state, delay_ms }) => Transition::Retry(Retry { state, delay_ms }),
        wire::Transition::Await(wire::Await { names, step, state, timeout_ms }) => {
            Transition::Await(Await { names, step, state, timeout_ms })
        }
        wire::Transition::ScheduleChildren(wire::ScheduleChildren { step, state, children }) => {
            let children = children.into_iter().map(start).collect::<Result<_, _>>()?;
            Transition::ScheduleChildren(ScheduleChildren { step, state, children })
        }
        wire::Transition::Done(result) => Transition::Done(result),
        wire::Transition::Stop(wire::ErrorInfo { kind, message, code }) => {
            Transition::Stop(ErrorInfo { kind, message, code })
        }
    })
}

fn next(from: wire::Next) -> Result<Next, InvalidOutcome> {
    no_extra(from.extra)?;
    Ok(Next {
        step: from.step,
        state: from.state,
        delay_ms: from.delay_ms,
        requeue: from.requeue,
        rate_limit: from.rate_limit.map(rate_limit),
        weight: from.weight,
        concurrency_key: match from.concurrency_key {
            wire::KeyChange::Keep => KeyChange::Keep,
            wire::KeyChange::Release => KeyChange::Release,
            wire::KeyChange::Switch(key) => KeyChange::Switch(key),
        },
    })
}

fn effect(from: wire::Effect) -> Result<Effect, InvalidOutcome> {
    match from {
        wire::Effect::Start(spec) => start(spec).map(Effect::Start),
        wire::Effect::Signal(spec) => Ok(Effect::Signal(signal_spec(spec))),
    }
}

/// # Errors
/// A key of `extra` that nobody knows.
pub(super) fn start(from: wire::StartSpec) -> Result<StartSpec, InvalidOutcome> {
    no_extra(from.extra)?;
    let kept = |flag| from.scope.is_some_and(|scope| scope.contains(flag));
    Ok(StartSpec {
        scope: Scope {
            on_done: kept(wire::Scope::ON_DONE),
            on_failed: kept(wire::Scope::ON_FAILED),
            on_cancelled: kept(wire::Scope::ON_CANCELLED),
        },
        fsm: from.fsm,
        step: from.step,
        state: from.state,
        queue: from.queue,
        priority: from.priority.unwrap_or(0),
        delay_ms: from.delay_ms.unwrap_or(0),
        correlation_key: from.correlation_key,
        unique: from.unique,
        concurrency_key: from.concurrency_key,
        rate_limit: from.rate_limit.map(rate_limit),
        weight: from.weight,
    })
}

pub(super) fn signal_spec(from: wire::SignalSpec) -> SignalSpec {
    let target = match from.target {
        wire::Target::Id(id) => Target::Id(id),
        wire::Target::Key(key) => Target::Key(key),
    };
    SignalSpec { target, name: from.name, payload: from.payload, dedup_key: from.dedup_key }
}

fn rate_limit(from: wire::RateLimit) -> RateLimit {
    RateLimit { name: from.name, partition: from.partition }
}

fn no_extra(extra: wire::Extra) -> Result<(), InvalidOutcome> {
    extra.into_iter().next().map_or(Ok(()), |(key, _)| Err(InvalidOutcome::UnknownExtra(key)))
}

/// A failure that the guest returned. Two codes are the contract's own: they tell that the component does not fit.
pub(super) fn failure(from: wire::Failure) -> Fault {
    let kind = match from.code.as_deref() {
        Some("state-decode") => FaultKind::StateDecode,
        Some("unknown-step") => FaultKind::UnknownStep,
        Some(_) | None => FaultKind::Error,
    };
    Fault { kind, message: from.message, code: from.code, retryable: from.retryable, delay_ms: from.delay_ms }
}

pub(super) fn fault(from: &Fault, faults: u32) -> wire::Fault {
    let kind = match from.kind {
        FaultKind::Error => wire::FaultKind::Error,
        FaultKind::Trap => wire::FaultKind::Trap,
        FaultKind::MemoryLimit => wire::FaultKind::MemoryLimit,
        FaultKind::OutOfFuel => wire::FaultKind::OutOfFuel,
        FaultKind::Timeout => wire::FaultKind::Timeout,
        FaultKind::InvalidOutcome => wire::FaultKind::InvalidOutcome,
        FaultKind::UnknownStep => wire::FaultKind::UnknownStep,
        FaultKind::StateDecode => wire::FaultKind::StateDecode,
    };
    wire::Fault { kind, message: from.message.clone(), faults }
}

pub(super) fn error(from: ErrorInfo) -> wire::ErrorInfo {
    wire::ErrorInfo { kind: from.kind, message: from.message, code: from.code }
}

pub(super) fn signal(from: Signal) -> wire::Signal {
    let Signal { id, name, payload, received_at_ms } = from;
    wire::Signal { id: id.to_string(), name, payload, received_at_ms }
}

pub(super) fn wake(from: Wake) -> wire::Wake {
    match from {
        Wake::Start => wire::Wake::Start,
        Wake::Next => wire::Wake::Next,
        Wake::Retry => wire::Wake::Retry,
        Wake::Signal => wire::Wake::Signal,
        Wake::Timeout => wire::Wake::Timeout,
        Wake::Join => wire::Wake::Join,
        Wake::Recovered => wire::Wake::Recovered,
        Wake::Resumed => wire::Wake::Resumed,
    }
}
