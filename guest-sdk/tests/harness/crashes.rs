//! Steps that are run again from the same state.

use std::sync::atomic::{AtomicU32, Ordering};

use gd_guest::prelude::*;
use gd_guest::testing::{Harness, Tally};

use super::kit::failure;
use super::machines::{Approval, Counter, Fan, approval, approved};

static CALLS: AtomicU32 = AtomicU32::new(0);

/// Counts in memory, where nothing is kept.
#[derive(Serialize, Deserialize)]
struct Forgetful {}

#[gd_guest::fsm(name = "forgetful")]
impl Forgetful {
    #[initial]
    fn count(self, _ctx: &Ctx) -> Step<Self> {
        done(CALLS.fetch_add(1, Ordering::Relaxed))
    }
}

#[test]
fn a_crash_after_every_step_changes_nothing_for_steps_that_go_by_their_state() {
    let mut harness = Harness::new::<Fan>().with::<Counter>().with::<Approval>();
    harness.crash_everywhere();
    let fan = harness.start(Start::new("fan").state(&json!({ "targets": [1, 2] })).unwrap());
    harness.start(approval("A-1"));
    harness.drain();
    harness.signal(approved("A-1"));
    harness.drain();
    harness.instance(&fan).assert_result(3);
    harness.by_key("A-1").assert_result("yes");
    assert_eq!(harness.assert_repeatable().instances().count(), 4);
}

#[test]
fn a_step_that_goes_by_what_woke_it_takes_another_way_after_a_crash() {
    let mut harness = Harness::new::<Approval>();
    harness.crash_everywhere();
    harness.start(approval("A-1"));
    harness.drain();
    harness.fire_timeouts();
    harness.drain();
    let [found] = harness.unrepeatable() else { panic!("{:?}", harness.unrepeatable()) };
    assert_eq!((found.step.as_str(), found.first.as_str()), ("decide", "stop, nobody answered"));
    assert_eq!(found.again, "stop, woken by Wake::Recovered");
}

#[test]
fn what_a_step_keeps_in_memory_is_reported() {
    let mut harness = Harness::new::<Forgetful>();
    harness.crash_everywhere().start(Start::new("forgetful"));
    assert_eq!(harness.drain(), Tally { steps: 1, done: 1, ..Tally::default() });
    let message = failure(|| {
        harness.assert_repeatable();
    });
    assert_eq!(
        message,
        "not repeatable:
instance 1 (forgetful) at `count`:
  first: done with 0
  again: done with 1
what must be the same after a crash belongs into the state, committed by a step before"
    );
}

#[test]
fn a_test_that_forgot_to_crash_is_told_so() {
    let message = failure(|| {
        Harness::new::<Counter>().assert_repeatable();
    });
    assert!(message.contains("crash_everywhere"), "{message}");
}
