//! Instances that have to do with each other: signals, keys, effects, ends.

use gd_guest::EffectOutcome;
use gd_guest::prelude::*;
use gd_guest::testing::{Drain, Harness, Status, Tally};

use super::kit::failure;
use super::machines::{Approval, Counter, Fan, Stubborn, approval, approved, counter};

/// Starts an approval, answers it, and tells what became of that.
#[derive(Serialize, Deserialize)]
struct Desk {}

#[gd_guest::fsm(name = "desk")]
impl Desk {
    #[initial]
    fn open(self, _ctx: &Ctx) -> Step<Self> {
        next(Self::answer, self).start(approval("A-1")).start(approval("A-1")).start(approval("A-2").step("nowhere"))
    }

    fn answer(self, ctx: &Ctx) -> Step<Self> {
        let [first, second, third] = ctx.effect_results() else { return stop("three results") };
        let EffectOutcome::Started(id) = &first.outcome else { return stop("not started") };
        if second.outcome != EffectOutcome::Duplicate(id.clone()) {
            return stop("no duplicate");
        }
        if !matches!(&third.outcome, EffectOutcome::Refused(error) if error.code.as_deref() == Some("unknown-step")) {
            return stop(format!("{:?}", third.outcome));
        }
        let nobody = SendSignal::to_key("nobody", "approved");
        next(Self::close, self).send(approved("A-1")).send(nobody)
    }

    fn close(self, ctx: &Ctx) -> Step<Self> {
        let outcomes: Vec<_> = ctx.effect_results().iter().map(|result| &result.outcome).collect();
        done(outcomes == [&EffectOutcome::Delivered, &EffectOutcome::NoTarget])
    }
}

/// Waits for two signals of a name, and lets a third one pass.
#[derive(Serialize, Deserialize)]
struct Pair {}

#[gd_guest::fsm(name = "pair")]
impl Pair {
    #[initial]
    fn wait(self, ctx: &Ctx) -> Step<Self> {
        if ctx.awaited().len() < 2 { await_signal("part", Self::wait, self) } else { next(Self::rest, self) }
    }

    fn rest(self, ctx: &Ctx) -> Step<Self> {
        done(ctx.others().iter().map(|signal| signal.name.clone()).collect::<Vec<_>>())
    }
}

#[test]
fn what_a_step_starts_and_sends_happens_and_the_next_step_is_told() {
    let mut harness = Harness::new::<Desk>().with::<Approval>();
    let id = harness.start(Start::new("desk"));
    harness.drain();
    harness.instance(&id).assert_result(true);
    harness.by_key("A-1").assert_result("yes");
    assert_eq!(harness.instances().count(), 2);
}

#[test]
fn signals_accumulate_while_a_step_awaits_again_and_others_survive() {
    let mut harness = Harness::new::<Pair>();
    let id = harness.start(Start::new("pair"));
    harness.drain();
    let send = |name: &str| SendSignal::to_id(&id, name);
    harness.signal(send("other")).signal(send("part"));
    assert_eq!(harness.drain(), Tally { steps: 1, awaits: 1, ..Tally::default() });
    harness.signal(send("part").dedup_key("2"));
    assert_eq!(harness.try_signal(send("part").dedup_key("2")), EffectOutcome::Duplicate(id.clone()));
    assert_eq!(harness.drain(), Tally { steps: 2, next: 1, done: 1, ..Tally::default() });
    harness.instance(&id).assert_result(["other"]);
    let message = failure(|| {
        harness.signal(send("part"));
    });
    assert!(message.contains("There are:\n  instance 1 (pair) is done at `rest`"), "{message}");
}

#[test]
fn a_key_is_free_again_after_the_end_unless_its_scope_keeps_it() {
    let mut harness = Harness::new::<Approval>();
    harness.start(approval("A-1"));
    assert_eq!(harness.try_start(approval("A-1")), EffectOutcome::Duplicate("1".to_owned()));
    harness.cancel("1");
    harness.by_key("A-1").assert_status(Status::Cancelled);
    harness.start(approval("A-1").keep_key_after([Keep::Cancelled]));
    harness.cancel("2");
    let message = failure(|| {
        harness.start(approval("A-1"));
    });
    assert!(
        message.starts_with("not started: the key is held by instance 2 (approval, key A-1) is cancelled"),
        "{message}"
    );
}

#[test]
fn a_cancelled_child_is_waited_for_no_longer() {
    let mut harness = Harness::new::<Fan>().with::<Counter>();
    let id = harness.start(Start::new("fan").state(&json!({ "targets": [1] })).unwrap());
    harness.drain_with(&Drain::new().queue("default")).unwrap();
    harness.instance(&id).assert_status(Status::AwaitingChildren);
    harness.cancel("2");
    harness.drain();
    // Its sum asks for results of children that are done.
    harness.instance(&id).assert_error("child-not-done");
}

#[test]
fn a_timeout_that_comes_before_a_backoff_happens_before_it() {
    let mut harness = Harness::new::<Approval>().with::<Stubborn>();
    harness.start(approval("A-1"));
    harness.start(Start::new("stubborn").key("S-1").delay(minutes(30)));
    // Two hours of backoff pass: the approval's hour is over on the way.
    assert_eq!(harness.drain(), Tally { steps: 5, awaits: 1, retry: 2, stop: 2, ..Tally::default() });
    harness.by_key("A-1").assert_error("no-answer");
}

#[test]
fn a_workflow_that_the_harness_does_not_know_is_the_tests_mistake() {
    let mut harness = Harness::new::<Fan>();
    harness.start(Start::new("fan").state(&json!({ "targets": [1] })).unwrap());
    let message = failure(|| {
        harness.drain();
    });
    assert_eq!(message, "nobody knows the workflow `counter` that is to be started, only fan; add it: `.with::<…>()`");
    let message = failure(|| {
        Harness::new::<Counter>().start(counter(1).step("tock"));
    });
    assert_eq!(message, "not started: the component does not declare a step \"tock\"");
}
