//! Whole instances, natively: no host, no database, and a clock that moves when it is told to.

use gd_guest::testing::{Harness, Status};

use super::*;

fn greeted(key: &str) -> Harness {
    let mut harness = Harness::new::<Greeting>();
    let start = Start::new("{{name}}").key(key);
    harness.start(start.state(&json!({ "name": "Ada" })).unwrap());
    harness.drain();
    harness
}

#[test]
fn a_greeting_waits_an_hour_for_a_reply() {
    let harness = greeted("G-1");
    let greeting = harness.by_key("G-1");
    greeting.assert_awaits(REPLY).assert_step("hear");
    assert_eq!(greeting.waits(), Some(hours(1)));
}

#[test]
fn a_reply_is_heard_also_when_every_step_dies_once() {
    let mut harness = greeted("G-1");
    harness.crash_everywhere();
    harness.signal(SendSignal::to_key("G-1", REPLY).payload(&"hi").unwrap());
    assert_eq!(harness.drain().done, 1);
    let expected = json!({ "name": "Ada", "heard": "hi", "reminders": 0 });
    harness.by_key("G-1").assert_result(expected);
    harness.assert_repeatable();
}

#[test]
fn who_does_not_reply_is_reminded_twice() {
    let mut harness = greeted("G-1");
    for reminders in 1..=2 {
        harness.advance(hours(1)).drain();
        let greeting = harness.by_key("G-1");
        assert_eq!(greeting.state::<Greeting>().reminders, reminders);
    }
    harness.advance(hours(1)).drain();
    let greeting = harness.by_key("G-1");
    greeting.assert_status(Status::Failed).assert_error("no-reply");
}
