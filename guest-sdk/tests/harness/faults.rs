//! What becomes of steps that fail: as on the host.

use gd_guest::prelude::*;
use gd_guest::testing::{Harness, Tally};

use super::machines::FlakyJob;

#[derive(Serialize, Deserialize)]
struct Brittle {
    #[serde(default)]
    mended: bool,
    #[serde(default)]
    hopeless: bool,
}

#[gd_guest::fsm(name = "brittle")]
impl Brittle {
    #[initial]
    fn break_down(self, _ctx: &Ctx) -> Step<Self> {
        assert!(self.mended, "it broke");
        done(())
    }

    #[handle]
    fn handle(mut self, fault: &Fault, ctx: &Ctx) -> Step<Self> {
        assert!(ctx.awaited().is_empty());
        if self.hopeless || fault.faults < 3 {
            return Step::default_handling();
        }
        self.mended = true;
        next(Self::break_down, self)
    }
}

#[derive(Serialize, Deserialize)]
struct Endless {}

#[gd_guest::fsm(name = "endless")]
impl Endless {
    #[initial]
    fn wait(self, _ctx: &Ctx) -> Step<Self> {
        next(Self::wait, self).delay(days(400))
    }
}

#[test]
fn a_job_is_tried_as_often_as_it_says() {
    let mut harness = Harness::new::<FlakyJob>();
    let id = harness.start(Start::new("flaky").state(&json!({})).unwrap());
    assert_eq!(harness.drain(), Tally { steps: 3, fault: 2, done: 1, ..Tally::default() });
    harness.instance(&id).assert_result(2);
    let id = harness.start(Start::new("flaky").state(&json!({ "panics": true })).unwrap());
    assert_eq!(harness.drain(), Tally { steps: 3, fault: 3, ..Tally::default() });
    let error = harness.instance(&id).assert_error("trap").error().unwrap();
    assert_eq!(error.message, "this is a mistake");
}

#[test]
fn a_panic_is_a_trap_that_the_handler_is_asked_about_each_time() {
    let mut harness = Harness::new::<Brittle>();
    let id = harness.start(Start::new("brittle"));
    assert_eq!(harness.drain(), Tally { steps: 4, fault: 2, next: 1, done: 1, ..Tally::default() });
    assert_eq!(harness.instance(&id).history()[2].error.as_ref().unwrap().kind, "trap");
    let id = harness.start(Start::new("brittle").state(&json!({ "hopeless": true })).unwrap());
    assert_eq!(harness.drain(), Tally { steps: 5, fault: 5, ..Tally::default() });
    harness.instance(&id).assert_error("trap");
}

#[test]
fn an_outcome_that_the_host_would_refuse_is_refused() {
    let mut harness = Harness::new::<Endless>();
    let id = harness.start(Start::new("endless"));
    harness.drain();
    harness.instance(&id).assert_error("delay-too-long").assert_error("invalid-outcome");
}

#[test]
fn a_state_that_cannot_be_read_is_a_fault() {
    let mut harness = Harness::new::<FlakyJob>();
    let id = harness.start(Start::new("flaky").state(&"text").unwrap());
    harness.drain();
    harness.instance(&id).assert_error("state-decode");
}
