use proptest::prelude::*;

use super::*;
use crate::{Form, InvalidOutcome, WEIGHT_MAX};

fn machine() -> Descriptor {
    Descriptor::for_tests(Form::Machine)
}

fn at(attempt: u32, faults: u32) -> Position {
    Position { attempt, faults, awaited: vec![SignalId(7)], concurrency_key: Some("k".into()) }
}

fn next(step: &str) -> Outcome {
    Transition::Next(Next::to(step, b"{}")).into()
}

fn small() -> Limits {
    Limits {
        state_bytes_max: 8,
        payload_bytes_max: 8,
        awaited_names_max: 2,
        delay_ms_max: 1_000,
        children_max: 2,
        effects_max: 2,
        signal_bytes_max: 8,
        ..Limits::default()
    }
}

/// The code with which an outcome is refused.
fn refused(outcome: impl Into<Outcome>) -> Option<String> {
    let decision = decide(&at(0, 0), Ending::Outcome(outcome.into()), &machine(), &small());
    match decision.change.then {
        Then::End { status: Status::Failed, error, clears_inbox: false, .. } => error.and_then(|error| error.code),
        Then::End { .. } | Then::RunOn | Then::Requeue { .. } | Then::Again { .. } | Then::Park { .. } | Then::Join => {
            None
        }
    }
}

#[test]
fn next_begins_a_new_visit_and_consumes_what_was_handed() {
    let decision = decide(&at(3, 2), Ending::Outcome(next("b")), &machine(), &Limits::default());
    assert_eq!(decision.change.step.as_deref(), Some("b"));
    assert_eq!((decision.change.attempt, decision.change.faults, decision.change.new_visit), (0, 0, true));
    assert_eq!(decision.change.then, Then::RunOn);
    assert_eq!(decision.consumes, [SignalId(7)]);
}

#[test]
fn a_delay_or_a_requeue_lets_go_of_the_claim() {
    for (delay_ms, requeue, expected) in [
        (None, false, Then::RunOn),
        (Some(0), false, Then::RunOn),
        (Some(5), false, Then::Requeue { delay_ms: 5 }),
        (None, true, Then::Requeue { delay_ms: 0 }),
    ] {
        let outcome = Transition::Next(Next { delay_ms, requeue, ..Next::to("b", "") }).into();
        let decision = decide(&at(0, 0), Ending::Outcome(outcome), &machine(), &Limits::default());
        assert_eq!(decision.change.then, expected);
    }
}

#[test]
fn an_outcome_that_breaks_a_rule_fails_its_own_instance_and_keeps_the_inbox() {
    let awaiting = |names: Vec<String>, timeout_ms| {
        Outcome::from(Transition::Await(Await { names, step: "b".into(), state: vec![], timeout_ms }))
    };
    for (outcome, code) in [
        (next("nowhere"), "unknown-step"),
        (next(""), "invalid-name"),
        (Transition::Retry(Retry { state: vec![0; 9], delay_ms: 0 }).into(), "state-too-large"),
        (Transition::Retry(Retry { state: vec![0; 8], delay_ms: 1_001 }).into(), "delay-too-long"),
        (Transition::Done(vec![0; 9]).into(), "result-too-large"),
        (awaiting(vec![], None), "nothing-awaited"),
        (awaiting(vec!["a".into(), "b".into(), "c".into()], None), "too-many-names"),
        (awaiting(vec!["a\0".into()], None), "invalid-name"),
        (awaiting(vec!["a".into()], Some(1_001)), "delay-too-long"),
    ] {
        assert_eq!(refused(outcome.clone()).as_deref(), Some(code), "{outcome:?}");
    }
}

#[test]
fn at_the_limit_an_outcome_is_accepted() {
    assert_eq!(refused(Transition::Retry(Retry { state: vec![0; 8], delay_ms: 1_000 })), None);
    assert_eq!(refused(Transition::Done(vec![0; 8])), None);
}

#[test]
fn a_retry_keeps_the_visit_and_what_it_awaits() {
    let outcome = Transition::Retry(Retry { state: b"s".to_vec(), delay_ms: 5 }).into();
    let decision = decide(&at(1, 3), Ending::Outcome(outcome), &machine(), &Limits::default());
    assert_eq!((decision.change.attempt, decision.change.faults, decision.change.new_visit), (2, 0, false));
    assert_eq!(decision.change.then, Then::Again { delay_ms: 5 });
    assert!(decision.consumes.is_empty());
}

#[test]
fn a_handlers_retry_does_not_end_the_row_of_faults() {
    let outcome = Transition::Retry(Retry { state: vec![], delay_ms: 0 }).into();
    let fault = Fault::new(FaultKind::Trap, "x");
    let decision = decide(&at(1, 3), Ending::Handled { fault, outcome }, &machine(), &Limits::default());
    assert_eq!(decision.change.faults, 4);
}

#[test]
fn what_a_handler_decides_consumes_no_signal() {
    let fault = Fault::new(FaultKind::Trap, "x");
    let decision = decide(&at(0, 0), Ending::Handled { fault, outcome: next("b") }, &machine(), &Limits::default());
    assert!(decision.consumes.is_empty());
    assert_eq!(decision.error.map(|error| error.kind).as_deref(), Some("trap"));
}

#[test]
fn a_handler_that_fails_too_leaves_both_messages() {
    let ending = Ending::HandlerFailed {
        fault: Fault::new(FaultKind::Error, "first"),
        handler: Fault::new(FaultKind::Trap, "second"),
    };
    let error = decide(&at(0, 0), ending, &machine(), &Limits::default()).error.expect("an error");
    assert_eq!(error.kind, "error");
    assert!(error.message.contains("first") && error.message.contains("second"), "{}", error.message);
}

#[test]
fn an_invalid_answer_of_a_handler_ends_the_instance() {
    let fault = Fault::new(FaultKind::Trap, "x");
    let decision = decide(&at(0, 0), Ending::Handled { fault, outcome: next("z") }, &machine(), &Limits::default());
    assert!(matches!(decision.change.then, Then::End { status: Status::Failed, .. }));
}

#[test]
fn what_a_step_asks_for_beside_its_state_is_held_to_the_rules() {
    let children =
        |children| Transition::ScheduleChildren(ScheduleChildren { step: "b".into(), state: vec![], children });
    let flow = |limit: &str, weight, key: &str| {
        let rate_limit = Some(RateLimit { name: limit.into(), partition: Some("p".into()) });
        Transition::Next(Next {
            rate_limit,
            weight,
            concurrency_key: KeyChange::Switch(key.into()),
            ..Next::to("b", "")
        })
    };
    let signal = |name: &str, bytes| {
        let target = crate::Target::Id("7".into());
        Effect::Signal(crate::SignalSpec { target, name: name.into(), payload: vec![0; bytes], dedup_key: None })
    };
    let beside = |effects| Outcome { effects, ..Transition::Next(Next::to("b", "")).into() };
    for (outcome, code) in [
        (children(vec![spec("a"); 3]).into(), Some("too-many-children")),
        (children(vec![spec("a"), spec("")]).into(), Some("invalid-name")),
        (children(vec![StartSpec { state: vec![0; 9], ..spec("a") }]).into(), Some("state-too-large")),
        (children(vec![StartSpec { weight: 0, ..spec("a") }]).into(), Some("zero-weight")),
        (children(vec![spec("a"), spec("a")]).into(), None),
        (children(vec![]).into(), None),
        (flow("mail", 0, "k").into(), Some("zero-weight")),
        (flow("mail", WEIGHT_MAX + 1, "k").into(), Some("weight-too-large")),
        (flow("mail:x", 1, "k").into(), Some("invalid-name")),
        (flow("mail", 1, "").into(), Some("invalid-name")),
        (flow("mail", 50, "other").into(), None),
        (beside(vec![signal("go", 8); 3]), Some("too-many-effects")),
        (beside(vec![signal("go", 9)]), Some("signal-too-large")),
        (beside(vec![signal("g\0", 1)]), Some("invalid-name")),
        (beside(vec![signal("go", 8), Effect::Start(spec("a"))]), None),
    ] {
        assert_eq!(refused(Outcome::clone(&outcome)).as_deref(), code, "{outcome:?}");
    }
}

#[test]
fn what_waits_for_tokens_or_another_slot_lets_go_of_the_claim() {
    let mail = || Some(RateLimit { name: "mail".into(), partition: Some("7".into()) });
    for (rate_limit, concurrency_key, expected) in [
        (None, KeyChange::Keep, Then::RunOn),
        (None, KeyChange::Release, Then::RunOn),
        (None, KeyChange::Switch("k".into()), Then::RunOn),
        (None, KeyChange::Switch("other".into()), Then::Requeue { delay_ms: 0 }),
        (mail(), KeyChange::Keep, Then::Requeue { delay_ms: 0 }),
    ] {
        let outcome = Transition::Next(Next { rate_limit, concurrency_key, weight: 3, ..Next::to("b", "") });
        let decision = decide(&at(0, 0), Ending::Outcome(outcome.into()), &machine(), &Limits::default());
        assert_eq!(decision.change.then, expected);
        let draws = matches!(&decision.change.draws, Draws::From { bucket, weight: 3 } if bucket == "mail:7");
        assert_eq!(draws, expected != Then::RunOn && decision.change.concurrency_key == KeyChange::Keep);
    }
}

#[test]
fn every_broken_rule_has_a_code_and_a_sentence() {
    for broken in [InvalidOutcome::UnknownExtra("x".into()), InvalidOutcome::ZeroWeight, InvalidOutcome::NothingAwaited]
    {
        assert!(!broken.code().is_empty() && broken.to_string().len() > 10);
    }
}

fn any_kind() -> impl Strategy<Value = FaultKind> {
    prop::sample::select(vec![
        FaultKind::Error,
        FaultKind::Trap,
        FaultKind::MemoryLimit,
        FaultKind::OutOfFuel,
        FaultKind::Timeout,
        FaultKind::InvalidOutcome,
        FaultKind::UnknownStep,
        FaultKind::StateDecode,
    ])
}

prop_compose! {
    fn any_fault()(kind in any_kind(), message in ".{0,40}", retryable: bool, delay_ms in prop::option::of(0u64..10_000)) -> Fault {
        Fault { kind, message, code: None, retryable, delay_ms }
    }
}

fn key_change() -> impl Strategy<Value = KeyChange> {
    prop_oneof![
        Just(KeyChange::Keep),
        Just(KeyChange::Release),
        prop::sample::select(vec!["k", "other", ""]).prop_map(|key| KeyChange::Switch(key.into())),
    ]
}

fn spec(fsm: &str) -> StartSpec {
    StartSpec {
        fsm: fsm.into(),
        step: None,
        state: vec![],
        queue: None,
        priority: 0,
        delay_ms: 0,
        correlation_key: None,
        scope: crate::Scope::default(),
        unique: true,
        concurrency_key: None,
        rate_limit: None,
        weight: 1,
    }
}

prop_compose! {
    fn any_spec()(fsm in "[a-c]{0,2}", weight in 0u32..3, key in prop::option::of("[a-c]{0,2}"), delay_ms in 0u64..2_000, bytes in 0usize..12) -> StartSpec {
        StartSpec { weight, correlation_key: key, delay_ms, state: vec![0; bytes], ..spec(&fsm) }
    }
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    let signal = |bytes| {
        Effect::Signal(crate::SignalSpec {
            target: crate::Target::Key("k".into()),
            name: "go".into(),
            payload: vec![0; bytes],
            dedup_key: None,
        })
    };
    let effect = prop_oneof![any_spec().prop_map(Effect::Start), (0usize..12).prop_map(signal)];
    (any_transition(), prop::collection::vec(effect, 0..4))
        .prop_map(|(transition, effects)| Outcome { transition, effects })
}

fn any_transition() -> impl Strategy<Value = Transition> {
    let step = prop::sample::select(vec!["a", "b", "c", "z", ""]).prop_map(String::from);
    let state = || prop::collection::vec(any::<u8>(), 0..12);
    let names = prop::collection::vec("[a-c]{0,2}", 0..4);
    prop_oneof![
        (step.clone(), state(), prop::option::of(0u64..2_000), any::<bool>()).prop_map(
            |(step, state, delay_ms, requeue)| Transition::Next(Next { delay_ms, requeue, ..Next::to(step, state) })
        ),
        (step.clone(), key_change(), prop::option::of("[a:]{0,3}"), 0u32..3).prop_map(
            |(step, concurrency_key, limit, weight)| {
                let rate_limit = limit.map(|name| RateLimit { name, partition: None });
                Transition::Next(Next { concurrency_key, rate_limit, weight, ..Next::to(step, "") })
            }
        ),
        (step.clone(), state(), prop::collection::vec(any_spec(), 0..4)).prop_map(|(step, state, children)| {
            Transition::ScheduleChildren(ScheduleChildren { step, state, children })
        }),
        (state(), 0u64..2_000).prop_map(|(state, delay_ms)| Transition::Retry(Retry { state, delay_ms })),
        (names, step, state(), prop::option::of(0u64..2_000))
            .prop_map(|(names, step, state, timeout_ms)| Transition::Await(Await { names, step, state, timeout_ms })),
        state().prop_map(Transition::Done),
        (".{0,20}", ".{0,40}").prop_map(|(kind, message)| Transition::Stop(ErrorInfo { kind, message, code: None })),
    ]
}

fn any_ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        any_outcome().prop_map(Ending::Outcome),
        any_fault().prop_map(Ending::Fault),
        (any_fault(), any_outcome()).prop_map(|(fault, outcome)| Ending::Handled { fault, outcome }),
        (any_fault(), any_fault()).prop_map(|(fault, handler)| Ending::HandlerFailed { fault, handler }),
    ]
}

proptest! {
    /// Whatever a guest answers, what is written obeys the limits, and the counters go one way.
    #[test]
    fn every_decision_is_storable(ending in any_ending(), attempt in 0u32..100, faults in 0u32..30) {
        let limits = small();
        let decision = decide(&at(attempt, faults), ending, &machine(), &limits);
        let change = &decision.change;
        prop_assert!(change.attempt == 0 || change.attempt == attempt || change.attempt == attempt + 1);
        prop_assert_eq!(change.new_visit, change.step.is_some(), "a new step is a new visit");
        prop_assert!(change.state.as_ref().is_none_or(|state| state.len() <= limits.state_bytes_max));
        prop_assert!(change.step.as_ref().is_none_or(|step| machine().has_step(step)));
        if let Some(error) = &decision.error {
            prop_assert!(!error.message.contains('\0') && !error.kind.contains('\0'));
        }
        match &change.then {
            Then::Park { names, timeout_ms } => {
                prop_assert!(!names.is_empty() && names.len() <= limits.awaited_names_max);
                prop_assert!(timeout_ms.is_none_or(|ms| ms <= limits.delay_ms_max));
            }
            Then::Requeue { delay_ms } | Then::Again { delay_ms } => prop_assert!(*delay_ms <= limits.delay_ms_max),
            Then::End { status, result, error, .. } => {
                prop_assert!(status.is_terminal());
                prop_assert_eq!(result.is_some(), *status == Status::Done);
                prop_assert_eq!(error.is_some(), *status != Status::Done);
            }
            Then::RunOn => {
                prop_assert_eq!(&change.draws, &Draws::Nothing, "tokens are granted to what waits for them");
                let other = matches!(&change.concurrency_key, KeyChange::Switch(key) if key != "k");
                prop_assert!(!other, "a slot is granted to what waits for it");
            }
            Then::Join => prop_assert!(decision.children.len() <= limits.children_max),
        }
        prop_assert!(decision.children.is_empty() || change.then == Then::Join);
        prop_assert!(decision.effects.len() <= limits.effects_max);
        let draws_nothing_of_a_bucket = matches!(&change.draws, Draws::From { weight: 0, .. });
        prop_assert!(!draws_nothing_of_a_bucket);
    }

    /// Signals are consumed by progress alone: by a step's own `next`, and never more than it was handed.
    #[test]
    fn only_a_steps_own_progress_consumes(ending in any_ending()) {
        let progress = |transition: &Transition| matches!(transition, Transition::Next(_) | Transition::ScheduleChildren(_));
        let was_next = matches!(&ending, Ending::Outcome(outcome) if progress(&outcome.transition) && outcome.validate(&machine(), &small()).is_ok());
        let decision = decide(&at(0, 0), ending, &machine(), &small());
        prop_assert_eq!(!decision.consumes.is_empty(), was_next);
    }

    /// No row of faults goes on for ever: whatever fails, and however it fails, the machine ends.
    #[test]
    fn a_machine_that_only_fails_ends(kinds in prop::collection::vec(any_fault(), 40)) {
        let (mut attempt, mut faults) = (0, 0);
        for fault in kinds {
            let change = decide(&at(attempt, faults), Ending::Fault(fault), &machine(), &Limits::default()).change;
            if matches!(change.then, Then::End { .. }) {
                return Ok(());
            }
            (attempt, faults) = (change.attempt, change.faults);
        }
        prop_assert!(false, "still alive after 40 faults in a row");
    }

    /// A decision depends on nothing but its inputs.
    #[test]
    fn deciding_twice_decides_the_same(ending in any_ending(), attempt in 0u32..10) {
        let decided = decide(&at(attempt, 0), ending.clone(), &machine(), &small());
        prop_assert_eq!(decided, decide(&at(attempt, 0), ending, &machine(), &small()));
    }
}

#[test]
fn an_instance_that_takes_its_host_down_ends_after_its_lone_starts() {
    assert_eq!(crash_loop(&at(23, 0), LONE_STARTS_MAX, &Limits::default()), None);
    let decision = crash_loop(&at(24, 0), LONE_STARTS_MAX + 1, &Limits::default()).expect("it ends");
    assert_eq!(decision.error.as_ref().map(|error| error.kind.as_str()), Some("crash-loop"));
    let Then::End { status: Status::Failed, clears_inbox: false, .. } = decision.change.then else {
        panic!("{decision:?}")
    };
}
