//! Calls to the outside, answered by the test.

use std::cell::RefCell;
use std::rc::Rc;

use gd_guest::http::{self, Method, Response};
use gd_guest::prelude::*;
use gd_guest::testing::{Harness, Tally};

#[derive(Serialize, Deserialize)]
struct Charge {
    cents: u64,
}

#[gd_guest::fsm(name = "charge")]
impl Charge {
    #[initial]
    fn pay(self, ctx: &Ctx) -> Step<Self> {
        let response = http::post("https://pay.example/charges").idempotency_key(ctx).json(&self)?.send()?;
        if response.is_success() { done(response.json::<Value>()?) } else { retry(self, seconds(1)) }
    }
}

fn charge() -> Start {
    Start::new("charge").state(&json!({ "cents": 7 })).unwrap()
}

#[test]
fn a_call_is_answered_by_the_test_and_repeated_under_the_same_key() {
    let keys = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&keys);
    let mut harness = Harness::new::<Charge>().answer_http(move |call| {
        assert_eq!((call.method(), call.url()), (Method::Post, "https://pay.example/charges"));
        assert_eq!(call.json::<Value>(), json!({ "cents": 7 }));
        let mut keys = seen.borrow_mut();
        keys.push(call.header("Idempotency-Key").unwrap().to_owned());
        Ok(if keys.len() < 3 { Response::new(503, "") } else { Response::new(200, "\"ch_1\"") })
    });
    harness.crash_everywhere();
    let id = harness.start(charge());
    assert_eq!(harness.drain(), Tally { steps: 2, retry: 1, done: 1, ..Tally::default() });
    harness.instance(&id).assert_result("ch_1");
    harness.assert_repeatable();
    assert_eq!(*keys.borrow(), ["gd-test-1-0"; 4]);
}

#[test]
fn without_answers_there_is_no_network() {
    let mut harness = Harness::new::<Charge>();
    let id = harness.start(charge());
    harness.drain();
    assert!(harness.instance(&id).assert_error("error").error().unwrap().message.contains("network"));
}
