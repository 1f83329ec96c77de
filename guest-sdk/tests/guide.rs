//! What `docs/guide/testing.md` shows: each of its blocks stands here as it stands there.

use std::cell::RefCell;
use std::rc::Rc;

use gd_guest::http::{self, Response};
use gd_guest::prelude::*;
use gd_guest::testing::{self, Drain, Harness, Status, Tally};

#[derive(Serialize, Deserialize)]
struct Order {
    item: String,
}

#[gd_guest::fsm(name = "order")]
impl Order {
    #[initial]
    fn charge(self, ctx: &Ctx) -> Step<Self> {
        let response = http::post("https://pay.example/charges").idempotency_key(ctx).json(&self)?.send()?;
        if response.is_success() {
            await_signal("packed", Self::ship, self).timeout(hours(8))
        } else {
            retry(self, minutes(5))
        }
    }

    fn ship(self, ctx: &Ctx) -> Step<Self> {
        match ctx.awaited() {
            [] => stop("nobody packed it").code("not-packed"),
            [..] => done(json!({ "shipped": self.item })),
        }
    }
}

fn order() -> Start {
    Start::new("order").key("O-1").state(&json!({ "item": "lamp" })).unwrap()
}

#[test]
fn an_order_that_is_packed_is_shipped() {
    let mut harness = Harness::new::<Order>().answer_http(|_call| Ok(Response::new(200, "")));
    harness.start(order());
    assert_eq!(harness.drain(), Tally { steps: 1, awaits: 1, ..Tally::default() });

    harness.signal(SendSignal::to_key("O-1", "packed"));
    harness.drain();
    harness.by_key("O-1").assert_result(json!({ "shipped": "lamp" }));
}

#[test]
fn an_order_that_nobody_packs_fails() {
    let mut harness = Harness::new::<Order>().answer_http(|_call| Ok(Response::new(200, "")));
    harness.start(order());
    harness.drain();

    harness.advance(hours(8));
    harness.drain();
    harness.by_key("O-1").assert_status(Status::Failed).assert_error("not-packed");
}

#[test]
fn whatever_dies_the_customer_is_charged_under_one_key() {
    let keys = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&keys);
    let mut harness = Harness::new::<Order>().answer_http(move |call| {
        seen.borrow_mut().push(call.header("idempotency-key").unwrap().to_owned());
        Ok(Response::new(if seen.borrow().len() < 3 { 503 } else { 200 }, ""))
    });
    harness.crash_everywhere();
    harness.start(order());
    harness.drain();
    harness.assert_repeatable();
    keys.borrow_mut().dedup();
    assert_eq!(keys.borrow().len(), 1);
}

#[test]
fn a_drain_can_be_told_how_far_to_go() {
    let mut harness = Harness::new::<Order>().answer_http(|_call| Ok(Response::new(503, "")));
    harness.start(order());
    let due = Drain::new().without_scheduled();
    assert_eq!(harness.drain_with(&due).unwrap(), Tally { steps: 1, retry: 1, ..Tally::default() });
    assert_eq!(harness.by_key("O-1").waits(), Some(minutes(5)));
    assert!(harness.drain_with(&Drain::new().queue("default").max_steps(100)).is_err());
}

#[test]
fn a_step_alone_is_a_function() {
    let order = Order { item: "lamp".to_owned() };
    let outcome = Order::ship.call(order, &testing::timed_out()).unwrap();
    assert_eq!(outcome.transition().kind(), "stop");
}

#[test]
fn an_assertion_that_fails_says_what_the_guide_shows() {
    let mut harness = Harness::new::<Order>().answer_http(|_call| Ok(Response::new(200, "")));
    harness.start(order());
    harness.drain();
    let asserted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        harness.by_key("O-1").assert_result(json!({ "shipped": "lamp" }));
    }));
    let message = *asserted.unwrap_err().downcast::<String>().unwrap();
    let shown = format!("```text\n{message}\n```\n");
    assert!(include_str!("../../docs/guide/testing.md").contains(&shown), "{shown}");
}

#[test]
fn every_block_of_the_guide_stands_here() {
    let (guide, here) = (include_str!("../../docs/guide/testing.md"), include_str!("guide.rs"));
    let blocks: Vec<&str> =
        guide.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap_or(rest)).collect();
    assert!(blocks.len() >= 5, "{} blocks", blocks.len());
    for block in blocks {
        assert!(here.contains(block), "not here:\n{block}");
    }
}
