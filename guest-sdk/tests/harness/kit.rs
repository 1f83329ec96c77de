//! What the catalogue asks of a test kit, row by row.

use gd_guest::prelude::*;
use gd_guest::testing::{Drain, Harness, Status, Tally};

use super::machines::{Approval, Counter, Fan, Stubborn, approval, approved, counter};

/// The message of a failing assertion.
pub(crate) fn failure(assertion: impl FnOnce()) -> String {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(assertion)).unwrap_err();
    let literal = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    literal.or_else(|| payload.downcast_ref().cloned()).expect("an assertion with a message")
}

#[test]
fn tst_01_a_drain_runs_to_the_end_and_counts() {
    let mut harness = Harness::new::<Counter>();
    let id = harness.start(counter(3));
    assert_eq!(harness.drain(), Tally { steps: 4, next: 3, done: 1, ..Tally::default() });
    harness.instance(&id).assert_result(3);
    assert_eq!(harness.drain(), Tally::default());
}

#[test]
fn tst_02_who_awaits_a_signal_stands_until_it_comes() {
    let mut harness = Harness::new::<Approval>();
    harness.start(approval("A-1"));
    assert_eq!(harness.drain(), Tally { steps: 1, awaits: 1, ..Tally::default() });
    harness.by_key("A-1").assert_step("decide").assert_awaits("approved");
    harness.signal(approved("A-1"));
    assert_eq!(harness.drain(), Tally { steps: 1, done: 1, ..Tally::default() });
    harness.by_key("A-1").assert_result("yes");
}

#[test]
fn tst_03_a_drain_runs_children_and_their_parent() {
    let mut harness = Harness::new::<Fan>().with::<Counter>();
    let id = harness.start(Start::new("fan").state(&json!({ "targets": [0, 0] })).unwrap());
    assert_eq!(harness.drain(), Tally { steps: 4, schedule_children: 1, done: 3, ..Tally::default() });
    harness.instance(&id).assert_result(0);
}

#[test]
fn tst_04_backoffs_collapse() {
    let mut harness = Harness::new::<Stubborn>();
    let id = harness.start(Start::new("stubborn"));
    assert_eq!(harness.drain(), Tally { steps: 3, retry: 2, stop: 1, ..Tally::default() });
    harness.instance(&id).assert_error("closed");
}

#[test]
fn tst_05_what_is_due_in_the_future_can_be_left_untouched() {
    let mut harness = Harness::new::<Counter>();
    let id = harness.start(counter(0).delay(minutes(1)));
    let due = Drain::new().without_scheduled();
    assert_eq!(harness.drain_with(&due), Ok(Tally::default()));
    assert_eq!(harness.instance(&id).assert_status(Status::Runnable).waits(), Some(minutes(1)));
    harness.advance(minutes(1));
    assert_eq!(harness.drain_with(&due).map(|tally| tally.done), Ok(1));
}

#[test]
fn tst_06_a_drain_of_one_queue_leaves_the_others_untouched() {
    let mut harness = Harness::new::<Counter>();
    let (a, b) = (harness.start(counter(1).queue("a")), harness.start(counter(1).queue("b")));
    assert_eq!(harness.drain_with(&Drain::new().queue("a")).map(|tally| tally.steps), Ok(2));
    harness.instance(&a).assert_status(Status::Done);
    assert!(harness.instance(&b).assert_status(Status::Runnable).history().is_empty());
}

#[test]
fn tst_07_timeouts_that_are_fired_are_run_by_the_next_drain() {
    let mut harness = Harness::new::<Approval>();
    harness.start(approval("A-1"));
    harness.drain();
    assert_eq!(harness.fire_timeouts(), 1);
    harness.by_key("A-1").assert_status(Status::Runnable);
    assert_eq!(harness.drain(), Tally { steps: 1, stop: 1, ..Tally::default() });
    harness.by_key("A-1").assert_error("no-answer");
    assert_eq!(harness.fire_timeouts(), 0);
}

#[test]
fn tst_08_a_drain_that_does_not_end_is_an_error() {
    let mut harness = Harness::new::<Counter>();
    harness.start(counter(49).key("long"));
    let error = harness.drain_with(&Drain::new().max_steps(5)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "drained 5 steps and there is more to run: instance 1 (counter, key long) is runnable at `tick`. Does it go round in circles? If not, allow more with `Drain::max_steps`"
    );
    assert_eq!(harness.drain_with(&Drain::new().max_steps(45)).map(|tally| tally.steps), Ok(45));
}

#[test]
fn tst_09_an_instance_that_has_ended_is_found_by_its_key_the_newest_first() {
    let mut harness = Harness::new::<Counter>();
    for target in [1, 2] {
        harness.start(counter(target).key("C-1"));
        harness.drain();
    }
    harness.by_key("C-1").assert_result(2);
    harness.instance("1").assert_result(1);
}

#[test]
fn tst_11_an_assertion_about_nobody_says_who_is_there() {
    let mut harness = Harness::new::<Counter>();
    let nobody = failure(|| {
        harness.by_key("C-2").assert_status(Status::Done);
    });
    assert_eq!(nobody, "there is no instance with the key `C-2`. Nothing was started: `harness.start(…)`");
    harness.start(counter(1).key("C-1"));
    let other = failure(|| {
        harness.by_key("C-2").assert_status(Status::Done);
    });
    assert_eq!(
        other,
        "there is no instance with the key `C-2`. There are:\n  instance 1 (counter, key C-1) is runnable at `tick`"
    );
}

#[test]
fn an_assertion_that_fails_says_where_the_instance_is_how_it_came_there_and_what_to_do() {
    let mut harness = Harness::new::<Approval>();
    harness.start(approval("A-1"));
    harness.drain();
    let message = failure(|| {
        harness.by_key("A-1").assert_result("yes");
    });
    assert_eq!(
        message,
        "instance 1 (approval, key A-1) is awaiting_signal at `decide` for approved, for 3600s from now at most, and not done.
next: send it a signal: `harness.signal(…)`, or have its time run out: `harness.fire_timeouts()`; then drain
its steps:
  ask [0]: await"
    );
}
