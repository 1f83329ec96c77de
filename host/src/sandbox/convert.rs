//! Between the contract's generated types and the engine's own.

use gd_core::{
    Await, Backoff, Child, ChildStatus, Descriptor, Effect, EffectOutcome, EffectResult, ErrorInfo, Fault, FaultKind,
    Form, InvalidOutcome, KeyChange, Next, Outcome, RateLimit, Retry, ScheduleChildren, Scope, SignalSpec, StartSpec,
    StepInfo, Target, Transition, Wake,
};

use super::StepInput;
use super::bindings::gd::fsm::types as wit;

pub(super) fn context(input: StepInput<'_>, deadline_ms: u64) -> wit::Context {
    wit::Context {
        instance_id: input.instance.to_string(),
        tenant: input.tenant.to_owned(),
        fsm: input.fsm.to_owned(),
        version: input.version.0.unsigned_abs(),
        step: input.step.to_owned(),
        attempt: input.attempt,
        faults: input.faults,
        visit: input.visit.0.unsigned_abs(),
        idempotency_key: input.idempotency_key.to_owned(),
        wake: wake(input.wake),
        state: input.state.to_vec(),
        correlation_key: input.correlation_key.map(str::to_owned),
        parent: input.parent.map(|parent| parent.to_string()),
        awaited: input.inbox.awaited.iter().map(signal).collect(),
        others: input.inbox.others.iter().map(signal).collect(),
        children: input.children.iter().map(child).collect(),
        effect_results: input.effect_results.iter().map(effect_result).collect(),
        now_ms: input.now_ms,
        deadline_ms,
        trace_parent: None,
        extra: vec![],
    }
}

fn signal(signal: &gd_core::Signal) -> wit::Signal {
    wit::Signal {
        id: signal.id.to_string(),
        name: signal.name.clone(),
        payload: signal.payload.clone(),
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
/// A part of the contract that is wrong whatever the component declares.
pub(super) fn outcome(outcome: wit::Outcome) -> Result<Outcome, InvalidOutcome> {
    let effects = outcome.effects.into_iter().map(effect).collect::<Result<Vec<_>, _>>()?;
    let transition = match outcome.transition {
        wit::Transition::Next(next) => Transition::Next(self::next(next)?),
        wit::Transition::Retry(wit::Retry { state, delay_ms }) => Transition::Retry(Retry { state, delay_ms }),
        wit::Transition::Await(wit::Await { names, step, state, timeout_ms }) => {
            Transition::Await(Await { names, step, state, timeout_ms })
        }
        wit::Transition::ScheduleChildren(wit::ScheduleChildren { step, state, children }) => {
            let children = children.into_iter().map(start_spec).collect::<Result<Vec<_>, _>>()?;
            Transition::ScheduleChildren(ScheduleChildren { step, state, children })
        }
        wit::Transition::Done(result) => Transition::Done(result),
        wit::Transition::Stop(reason) => Transition::Stop(error_info(reason)),
    };
    Ok(Outcome { transition, effects })
}

fn next(next: wit::Next) -> Result<Next, InvalidOutcome> {
    no_extra(next.extra)?;
    Ok(Next {
        step: next.step,
        state: next.state,
        delay_ms: next.delay_ms,
        requeue: next.requeue,
        rate_limit: next.rate_limit.map(rate_limit),
        weight: next.weight,
        concurrency_key: match next.concurrency_key {
            wit::KeyChange::Keep => KeyChange::Keep,
            wit::KeyChange::Release => KeyChange::Release,
            wit::KeyChange::Switch(key) => KeyChange::Switch(key),
        },
    })
}

fn effect(effect: wit::Effect) -> Result<Effect, InvalidOutcome> {
    match effect {
        wit::Effect::Start(spec) => start_spec(spec).map(Effect::Start),
        wit::Effect::Signal(wit::SignalSpec { target, name, payload, dedup_key }) => {
            let target = match target {
                wit::Target::Id(id) => Target::Id(id),
                wit::Target::Key(key) => Target::Key(key),
            };
            Ok(Effect::Signal(SignalSpec { target, name, payload, dedup_key }))
        }
    }
}

fn start_spec(spec: wit::StartSpec) -> Result<StartSpec, InvalidOutcome> {
    no_extra(spec.extra)?;
    let kept = |flag| spec.scope.is_some_and(|scope| scope.contains(flag));
    Ok(StartSpec {
        scope: Scope {
            on_done: kept(wit::Scope::ON_DONE),
            on_failed: kept(wit::Scope::ON_FAILED),
            on_cancelled: kept(wit::Scope::ON_CANCELLED),
        },
        fsm: spec.fsm,
        step: spec.step,
        state: spec.state,
        queue: spec.queue,
        priority: spec.priority.unwrap_or(0),
        delay_ms: spec.delay_ms.unwrap_or(0),
        correlation_key: spec.correlation_key,
        unique: spec.unique,
        concurrency_key: spec.concurrency_key,
        rate_limit: spec.rate_limit.map(rate_limit),
        weight: spec.weight,
    })
}

fn rate_limit(limit: wit::RateLimit) -> RateLimit {
    RateLimit { name: limit.name, partition: limit.partition }
}

fn no_extra(extra: wit::Extra) -> Result<(), InvalidOutcome> {
    extra.into_iter().next().map_or(Ok(()), |(key, _)| Err(InvalidOutcome::UnknownExtra(key)))
}

fn child(child: &Child) -> wit::Child {
    wit::Child {
        id: child.id.to_string(),
        index: child.index,
        round: child.round,
        fsm: child.fsm.clone(),
        status: match child.status {
            ChildStatus::Done => wit::ChildStatus::Done,
            ChildStatus::Failed => wit::ChildStatus::Failed,
            ChildStatus::Cancelled => wit::ChildStatus::Cancelled,
            ChildStatus::Duplicate => wit::ChildStatus::Duplicate,
        },
        state: child.state.clone(),
        output: child.output.clone(),
        error: child.error.as_ref().map(wit_error),
    }
}

fn effect_result(result: &EffectResult) -> wit::EffectResult {
    let outcome = match &result.outcome {
        EffectOutcome::Started(id) => wit::EffectOutcome::Started(id.to_string()),
        EffectOutcome::Duplicate(id) => wit::EffectOutcome::Duplicate(id.to_string()),
        EffectOutcome::Delivered => wit::EffectOutcome::Delivered,
        EffectOutcome::NoTarget => wit::EffectOutcome::NoTarget,
        EffectOutcome::Refused(error) => wit::EffectOutcome::Refused(wit_error(error)),
    };
    wit::EffectResult { index: result.index, outcome }
}

fn wit_error(error: &ErrorInfo) -> wit::ErrorInfo {
    wit::ErrorInfo { kind: error.kind.clone(), message: error.message.clone(), code: error.code.clone() }
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
