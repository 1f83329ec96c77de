//! Contexts for tests of single steps: `Invoice::draft.call(invoice, &testing::ctx())`.

use serde::Serialize;

use crate::bindings::gd::fsm::types::Context;
use crate::{Child, Ctx, Fault, FaultKind, Signal, Wake, json};

/// The context of a first attempt: an empty inbox, 30 s until the deadline.
pub fn ctx() -> Ctx {
    at("test")
}

/// The context of a first attempt at the step of this name.
pub fn at(step: &str) -> Ctx {
    Ctx::new(Context { step: step.to_owned(), ..context() })
}

/// The record behind [`ctx`].
#[doc(hidden)]
pub fn context() -> Context {
    Context {
        instance_id: "1".to_owned(),
        tenant: "default".to_owned(),
        fsm: "test".to_owned(),
        version: 1,
        step: "test".to_owned(),
        attempt: 0,
        faults: 0,
        visit: 0,
        idempotency_key: "1-0".to_owned(),
        wake: Wake::Start,
        state: Vec::new(),
        correlation_key: None,
        parent: None,
        awaited: Vec::new(),
        others: Vec::new(),
        children: Vec::new(),
        effect_results: Vec::new(),
        now_ms: 1_700_000_000_000,
        deadline_ms: 1_700_000_030_000,
        trace_parent: None,
        extra: Vec::new(),
    }
}

/// A signal as the inbox holds it.
///
/// # Panics
/// If JSON cannot say the payload.
pub fn signal(name: &str, payload: impl Serialize) -> Signal {
    let payload = json::encode(&payload).unwrap_or_else(|error| panic!("the payload of `{name}` is no JSON: {error}"));
    Signal { id: "1".to_owned(), name: name.to_owned(), payload, received_at_ms: 1_700_000_000_000 }
}

/// The context of a step that these signals woke.
pub fn woken_by(signals: impl IntoIterator<Item = Signal>) -> Ctx {
    let mut ctx = ctx();
    ctx.inner.wake = Wake::Signal;
    ctx.inner.awaited = signals.into_iter().collect();
    ctx
}

/// The context of a step that finds these signals in the inbox without having awaited them.
pub fn with_inbox(signals: impl IntoIterator<Item = Signal>) -> Ctx {
    let mut ctx = ctx();
    ctx.inner.others = signals.into_iter().collect();
    ctx
}

/// The context of a step that its timeout woke.
pub fn timed_out() -> Ctx {
    let mut ctx = ctx();
    ctx.inner.wake = Wake::Timeout;
    ctx
}

/// The context of a step that the end of these children woke.
pub fn joined(children: impl IntoIterator<Item = Child>) -> Ctx {
    let mut ctx = ctx();
    ctx.inner.wake = Wake::Join;
    ctx.inner.children = children.into_iter().collect();
    ctx
}

/// The first fault of this kind.
pub fn fault(kind: FaultKind, message: &str) -> Fault {
    Fault { kind, message: message.to_owned(), faults: 1 }
}
