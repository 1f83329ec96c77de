//! What attempts typically come to: the inputs whose instructions are counted here and whose time `host/benches/decide.rs` takes.

use gd_core::{
    Await, Backoff, Descriptor, Effect, Ending, Fault, FaultKind, Form, KeyChange, Next, Outcome, Position, RateLimit,
    Retry, ScheduleChildren, Scope, SignalId, SignalSpec, StartSpec, StepInfo, Target, Transition,
};

/// Bytes of a state.
const STATE_BYTES: usize = 1_024;

/// A machine of five steps.
pub(crate) fn descriptor() -> Descriptor {
    let names = ["receive", "reserve", "pack", "ship", "close"];
    let step = |name: &str| StepInfo { name: name.into(), next: Vec::new(), awaits: Vec::new() };
    Descriptor {
        fsm: "order".into(),
        form: Form::Machine,
        initial_step: "receive".into(),
        steps: names.map(step).into(),
        queue: Some("orders".into()),
        state_version: 1,
        migrates_from: Vec::new(),
        has_handle: false,
        max_attempts: 20,
        backoff: Backoff::default(),
        state_content_type: "application/json".into(),
        state_schema: None,
        sdk: "typical".into(),
    }
}

/// An instance that was handed one awaited signal.
pub(crate) fn position() -> Position {
    Position { attempt: 1, faults: 0, awaited: vec![SignalId(7)], concurrency_key: Some("customer:4711".into()) }
}

/// One ending of each kind, by name.
pub(crate) fn endings() -> [(&'static str, Ending); 8] {
    let next = Next::to("close", state());
    let limited = Next {
        rate_limit: Some(RateLimit { name: "mail".into(), partition: Some("eu".into()) }),
        concurrency_key: KeyChange::Switch("customer:4712".into()),
        delay_ms: Some(1_000),
        ..next.clone()
    };
    let names = ["paid", "cancelled", "changed"].map(str::to_owned).into();
    let await_ = Await { names, step: "ship".into(), state: state(), timeout_ms: Some(60_000) };
    let schedule = ScheduleChildren { step: "pack".into(), state: state(), children: vec![child(); 10] };
    let effects = vec![Effect::Start(child()), Effect::Signal(signal())];
    let fault = Fault { retryable: true, ..Fault::new(FaultKind::Error, "the provider does not answer") };
    [
        ("next", outcome(Transition::Next(next.clone()))),
        ("next-limited", outcome(Transition::Next(limited))),
        ("next-effects", Ending::Outcome(Outcome { transition: Transition::Next(next), effects })),
        ("await", outcome(Transition::Await(await_))),
        ("children", outcome(Transition::ScheduleChildren(schedule))),
        ("retry", outcome(Transition::Retry(Retry { state: state(), delay_ms: 1_000 }))),
        ("done", outcome(Transition::Done(state()))),
        ("fault", Ending::Fault(fault)),
    ]
}

fn outcome(transition: Transition) -> Ending {
    Ending::Outcome(transition.into())
}

fn state() -> Vec<u8> {
    vec![b'x'; STATE_BYTES]
}

fn child() -> StartSpec {
    StartSpec {
        fsm: "mail".into(),
        step: None,
        state: state(),
        queue: Some("mails".into()),
        priority: 0,
        delay_ms: 0,
        correlation_key: Some("mail:4711".into()),
        scope: Scope::default(),
        unique: true,
        concurrency_key: None,
        rate_limit: None,
        weight: 1,
    }
}

fn signal() -> SignalSpec {
    SignalSpec {
        target: Target::Key("customer:4711".into()),
        name: "shipped".into(),
        payload: b"{}".to_vec(),
        dedup_key: Some("shipped:4711".into()),
    }
}
