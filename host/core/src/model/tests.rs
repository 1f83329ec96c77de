use super::*;
use crate::{Await, Ending, Fault, FaultKind, Form, Limits, Scope, Status, Transition, Wake};

fn model() -> Model {
    Model::new(Descriptor::for_tests(Form::Machine), Limits::default())
}

fn started(model: &mut Model, key: &str) -> InstanceId {
    let new = NewInstance { correlation_key: Some(key.into()), ..NewInstance::default() };
    model.start(new).expect("the key is free")
}

/// Runs the next attempt that is due, which ends so.
fn run(model: &mut Model, ending: Ending) -> Attempt {
    let id = model.due().expect("one is due");
    let attempt = model.claim(id).expect("what is due can be claimed");
    model.commit(&attempt, ending).expect("nobody else has it");
    attempt
}

fn parks(timeout_ms: Option<u64>) -> Ending {
    let step = Descriptor::for_tests(Form::Machine).initial_step;
    Ending::Outcome(Transition::Await(Await { names: vec!["go".into()], step, state: vec![], timeout_ms }).into())
}

fn done() -> Ending {
    Ending::Outcome(Transition::Done(vec![]).into())
}

#[test]
fn a_parked_instance_wakes_for_what_it_awaits_and_for_what_it_has_not_seen() {
    let mut model = model();
    let id = started(&mut model, "k");
    run(&mut model, parks(None));
    assert_eq!(model.due(), None);
    assert_eq!(model.signal(&To::Key("k".into()), "other", b"", None), Delivered::Stored);
    assert_eq!(model.due(), None);
    assert_eq!(model.signal(&To::Id(id), "go", b"", Some("once")), Delivered::Stored);
    let woken = run(&mut model, parks(None));
    assert_eq!((woken.wake, woken.inbox.awaited.len(), woken.inbox.others.len()), (Wake::Signal, 1, 1));
    assert_eq!(model.due(), None, "what it was handed does not wake it");
    assert_eq!(model.signal(&To::Id(id), "go", b"", Some("once")), Delivered::Duplicate);
    assert_eq!(model.due(), None);
}

#[test]
fn time_wakes_at_the_deadline_and_lets_a_fault_wait_for_its_backoff() {
    let mut model = model();
    started(&mut model, "k");
    run(&mut model, parks(Some(500)));
    model.advance(499);
    assert_eq!(model.due(), None);
    model.advance(1);
    assert_eq!(run(&mut model, Ending::Fault(Fault::new(FaultKind::Trap, "x"))).wake, Wake::Timeout);
    assert_eq!((model.due(), model.due_within(1_000).is_some()), (None, true));
    model.advance(1_000);
    assert_eq!(run(&mut model, done()).attempt, 1);
}

#[test]
fn a_key_is_held_until_the_end_or_beyond_it() {
    let mut model = model();
    let first = started(&mut model, "k");
    let again = NewInstance { correlation_key: Some("k".into()), ..NewInstance::default() };
    assert_eq!(model.start(again.clone()), Err(Duplicate(first)));
    run(&mut model, done());
    assert_eq!(model.signal(&To::Id(first), "go", b"", None), Delivered::NoTarget);
    let kept = NewInstance { scope: Scope { on_cancelled: true, ..Scope::default() }, ..again };
    let second = model.start(kept.clone()).expect("an end frees the key");
    assert!(model.hold(second) && model.due().is_none() && model.resume(second) && model.due() == Some(second));
    assert!(model.cancel(second, "enough") && !model.cancel(second, "enough"));
    assert_eq!(model.get(second).map(|instance| instance.status), Some(Status::Cancelled));
    assert_eq!(model.start(kept), Err(Duplicate(second)));
}
