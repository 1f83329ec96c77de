//! Between the contract's generated types and the engine's own.

use gd_core::{
    Await, Backoff, Descriptor, ErrorInfo, Fault, FaultKind, Form, Inbox, InvalidOutcome, Next, Outcome, Retry,
    StepInfo, Wake,
};

use super::StepInput;
use super::bindings::gd::fsm::types as wit;

pub(super) fn context(input: StepInput, deadline_ms: u64) -> wit::Context {
    let Inbox { awaited, others } = input.inbox;
    wit::Context {
        instance_id: input.instance.to_string(),
        tenant: input.tenant,
        fsm: input.fsm,
        version: input.version.0.unsigned_abs(),
        step: input.step,
        attempt: input.attempt,
        faults: input.faults,
        visit: input.visit.0.unsigned_abs(),
        idempotency_key: input.idempotency_key,
        wake: wake(input.wake),
        state: input.state,
        correlation_key: input.correlation_key,
        parent: None,
        awaited: awaited.into_iter().map(signal).collect(),
        others: others.into_iter().map(signal).collect(),
        children: vec![],
        effect_results: vec![],
        now_ms: input.now_ms,
        deadline_ms,
        trace_parent: None,
        extra: vec![],
    }
}

fn signal(signal: gd_core::Signal) -> wit::Signal {
    wit::Signal {
        id: signal.id.to_string(),
        name: signal.name,
        payload: signal.payload,
        received_at_ms: signal.received_at_ms,
    }
}

fn wake(wake: Wake) -> wit::Wake {
    match wake {
        Wake::Start => wit::Wake::Start,
        Wake::Next => wit::Wake::Next,
        Wake::Retry => wit::Wake::Retry,
        Wake::Signal => wit::Wake::Signal,
        Wake::Timeout => wit::Wake::Timeout,
        Wake::Join => wit::Wake::Join,
        Wake::Recovered => wit::Wake::Recovered,
        Wake::Resumed => wit::Wake::Resumed,
    }
}

/// # Errors
/// A part of the contract that this host cannot carry out yet, or that is wrong whatever the component declares.
pub(super) fn outcome(outcome: wit::Outcome) -> Result<Outcome, InvalidOutcome> {
    if !outcome.effects.is_empty() {
        return Err(InvalidOutcome::Unsupported("effects (starting instances and sending signals from a step)"));
    }
    match outcome.transition {
        wit::Transition::Next(next) => self::next(next).map(Outcome::Next),
        wit::Transition::Retry(wit::Retry { state, delay_ms }) => Ok(Outcome::Retry(Retry { state, delay_ms })),
        wit::Transition::Await(wit::Await { names, step, state, timeout_ms }) => {
            Ok(Outcome::Await(Await { names, step, state, timeout_ms }))
        }
        wit::Transition::ScheduleChildren(_) => Err(InvalidOutcome::Unsupported("children")),
        wit::Transition::Done(result) => Ok(Outcome::Done(result)),
        wit::Transition::Stop(reason) => Ok(Outcome::Stop(error_info(reason))),
    }
}

fn next(next: wit::Next) -> Result<Next, InvalidOutcome> {
    if next.rate_limit.is_some() {
        return Err(InvalidOutcome::Unsupported("rate limits"));
    }
    if next.weight == 0 {
        return Err(InvalidOutcome::ZeroWeight);
    }
    match next.concurrency_key {
        // No instance has a key yet, so that keeping and releasing it are the same.
        wit::KeyChange::Keep | wit::KeyChange::Release => {}
        wit::KeyChange::Switch(_) => return Err(InvalidOutcome::Unsupported("concurrency keys")),
    }
    if let Some((key, _)) = next.extra.into_iter().next() {
        return Err(InvalidOutcome::UnknownExtra(key));
    }
    Ok(Next { step: next.step, state: next.state, delay_ms: next.delay_ms, requeue: next.requeue })
}

fn error_info(error: wit::ErrorInfo) -> ErrorInfo {
    ErrorInfo { kind: error.kind, message: error.message, code: error.code }
}

/// A failure that the guest returned. Two codes are the contract's own: they tell that the component does not fit.
pub(super) fn failure(failure: wit::Failure) -> Fault {
    let kind = match failure.code.as_deref() {
        Some("state-decode") => FaultKind::StateDecode,
        Some("unknown-step") => FaultKind::UnknownStep,
        Some(_) | None => FaultKind::Error,
    };
    Fault {
        kind,
        message: failure.message,
        code: failure.code,
        retryable: failure.retryable,
        delay_ms: failure.delay_ms,
    }
}

pub(super) fn fault(fault: &Fault, faults: u32) -> wit::Fault {
    let kind = match fault.kind {
        FaultKind::Error => wit::FaultKind::Error,
        FaultKind::Trap => wit::FaultKind::Trap,
        FaultKind::MemoryLimit => wit::FaultKind::MemoryLimit,
        FaultKind::OutOfFuel => wit::FaultKind::OutOfFuel,
        FaultKind::Timeout => wit::FaultKind::Timeout,
        FaultKind::InvalidOutcome => wit::FaultKind::InvalidOutcome,
        FaultKind::UnknownStep => wit::FaultKind::UnknownStep,
        FaultKind::StateDecode => wit::FaultKind::StateDecode,
    };
    wit::Fault { kind, message: fault.message.clone(), faults }
}

/// # Errors
/// Names the key of `extra` that this host does not know.
pub(super) fn descriptor(descriptor: wit::Descriptor) -> Result<Descriptor, String> {
    if let Some((key, _)) = descriptor.extra.into_iter().next() {
        return Err(key);
    }
    let backoff = Backoff::default();
    let (max_attempts, backoff) = match descriptor.retry {
        Some(retry) => (retry.max_attempts, Backoff { base_ms: retry.base_ms, cap_ms: retry.cap_ms }),
        None => (20, backoff),
    };
    Ok(Descriptor {
        fsm: descriptor.fsm,
        form: match descriptor.form {
            wit::Form::Machine => Form::Machine,
            wit::Form::Job => Form::Job,
        },
        initial_step: descriptor.initial_step,
        steps: descriptor
            .steps
            .into_iter()
            .map(|step| StepInfo { name: step.name, next: step.next, awaits: step.awaits })
            .collect(),
        queue: descriptor.queue,
        state_version: descriptor.state_version,
        migrates_from: descriptor.migrates_from,
        has_handle: descriptor.has_handle,
        max_attempts,
        backoff,
        state_content_type: descriptor.state_content_type,
        state_schema: descriptor.state_schema,
        sdk: descriptor.sdk,
    })
}
