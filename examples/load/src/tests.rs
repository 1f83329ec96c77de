//! Each way through the machine, natively.

use gd_guest::testing::{Harness, Status, Tally};

use super::*;

/// Starts one at a step and runs everything that can run.
fn started(step: &str, state: Value) -> (Harness, Tally) {
    let mut harness = Harness::new::<Load>();
    harness.start(Start::new("load").step(step).key("one").state(&state).unwrap());
    let tally = harness.drain();
    (harness, tally)
}

#[test]
fn a_step_without_work_is_done_at_once() {
    let (harness, tally) = started("idle", json!({}));
    harness.by_key("one").assert_result(json!(null));
    assert_eq!(tally.steps, 1);
}

#[test]
fn a_parent_counts_the_children_that_are_done() {
    let (harness, tally) = started("fan", json!({ "children": 7 }));
    harness.by_key("one").assert_result(json!(7));
    assert_eq!(tally.steps, 9);
}

#[test]
fn who_is_parked_answers_with_what_the_signal_carried() {
    let (mut harness, _) = started("park", json!({}));
    harness.signal(SendSignal::to_key("one", "go").payload(&json!({ "n": 4 })).unwrap());
    harness.drain();
    harness.by_key("one").assert_result(json!({ "n": 4 }));
}

#[test]
fn time_is_waited_for_or_burnt() {
    for step in ["nap", "spin"] {
        let clock = Instant::now();
        let (harness, _) = started(step, json!({ "ms": 20 }));
        harness.by_key("one").assert_status(Status::Done);
        assert!(clock.elapsed() >= millis(20), "{step}");
    }
}

#[test]
fn a_grown_state_is_as_large_as_asked_for() {
    let grown = Load::grow.call(Load { bytes: 1 << 20, ..Load::default() }, &gd_guest::testing::ctx()).unwrap();
    assert_eq!(grown.step(), Some("shrink"));
    let (harness, _) = started("grow", json!({ "bytes": 1_000 }));
    harness.by_key("one").assert_result(json!(936));
}
