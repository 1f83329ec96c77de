//! What becomes of invoices, natively: the customer pays, or does not, and the provider is what each test makes of it.

use std::cell::RefCell;
use std::rc::Rc;

use gd_guest::http::{self, Response};
use gd_guest::testing::{self, Call, Harness, Status, Tally};

use super::*;

const KEY: &str = "INV-1";

fn state() -> Value {
    json!({
        "invoice": KEY, "customer": "ada", "amount_cents": 11_900, "currency": "EUR", "provider_url": "http://pay.example",
    })
}

fn invoice() -> Invoice {
    serde_json::from_value(state()).unwrap()
}

fn payment() -> [Signal; 1] {
    [testing::signal(PAID, json!({}))]
}

fn charged(_: &Call<'_>) -> Result<Response, http::Error> {
    Ok(Response::new(200, r#"{"charge_id":"ch_1"}"#))
}

/// An invoice with these fields of its own, before its first step.
fn billed(fields: Value, provider: impl FnMut(&Call<'_>) -> Result<Response, http::Error> + 'static) -> Harness {
    let mut state = state();
    state.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let mut harness = Harness::new::<Invoice>().answer_http(provider);
    harness.start(Start::new("billing").key(KEY).state(&state).unwrap());
    harness
}

#[test]
fn an_invoice_needs_only_what_its_sender_knows() {
    let invoice = invoice();
    assert_eq!((invoice.confirm_within_ms, invoice.charge_tries, invoice.reminders), (3_000, 0, 0));
}

#[test]
fn a_confirmed_payment_ends_as_paid() {
    let mut harness = billed(json!({}), charged);
    assert_eq!(harness.drain(), Tally { steps: 2, next: 1, awaits: 1, ..Tally::default() });
    let parked = harness.by_key(KEY);
    assert_eq!(parked.assert_awaits(PAID).assert_step("ship").waits(), Some(seconds(3)));
    harness.signal(SendSignal::to_key(KEY, PAID)).drain();
    harness.by_key(KEY).assert_result(json!({ "outcome": "paid", "charge_id": "ch_1", "paid_cents": 11_900 }));
}

#[test]
fn a_customer_is_charged_under_one_key_whatever_dies_and_fails() {
    let keys = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&keys);
    let mut harness = billed(json!({}), move |call| {
        let mut keys = seen.borrow_mut();
        keys.push(call.header("idempotency-key").unwrap().to_owned());
        if keys.len() < 5 { Ok(Response::new(503, "")) } else { charged(call) }
    });
    harness.crash_everywhere();
    assert_eq!(harness.drain().retry, 2);
    harness.signal(SendSignal::to_key(KEY, PAID)).drain();
    harness.by_key(KEY).assert_status(Status::Done);
    harness.assert_repeatable();
    let keys = keys.borrow();
    assert!(keys.len() == 6 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[test]
fn an_invoice_that_cannot_be_billed_stops() {
    let mut harness = billed(json!({ "amount_cents": 0 }), charged);
    harness.drain();
    harness.by_key(KEY).assert_error("invalid-invoice");
}

#[test]
fn who_does_not_pay_is_reminded_twice_and_then_it_is_over() {
    let mut harness = billed(json!({}), charged);
    harness.drain();
    for reminders in 1..=2 {
        assert_eq!(harness.fire_timeouts(), 1);
        harness.drain();
        assert_eq!(harness.by_key(KEY).assert_awaits(PAID).state::<Invoice>().reminders, reminders);
    }
    harness.fire_timeouts();
    harness.drain();
    harness.by_key(KEY).assert_result(json!({ "outcome": "dunned", "charge_id": "ch_1", "reminders": 2 }));
}

#[test]
fn a_card_that_is_declined_is_dunned_and_a_provider_that_never_answers_too() {
    for (status, retries) in [(402, 0), (503, 19)] {
        let mut harness = billed(json!({}), move |_| Ok(Response::new(status, "")));
        assert_eq!(harness.drain().retry, retries);
        harness.by_key(KEY).assert_step("dun").assert_awaits(PAID);
    }
}

#[test]
fn a_payment_after_a_reminder_is_late_but_paid() {
    // Awaited, or there before anybody asked: also after the last reminder.
    for ctx in [testing::woken_by(payment()), testing::with_inbox(payment())] {
        let outcome = Invoice::dun.call(Invoice { reminders: 2, ..invoice() }, &ctx).unwrap();
        let expected = json!({ "outcome": "paid", "late": true, "charge_id": null, "paid_cents": 11_900 });
        assert_eq!(outcome.result::<Value>().unwrap(), expected);
    }
}

#[test]
fn a_panic_while_drafting_asks_for_a_person_and_any_other_fault_is_the_hosts() {
    let mut harness = billed(json!({ "amount_cents": 1_000_000_000_000_u64 }), charged);
    assert_eq!(harness.drain(), Tally { steps: 1, stop: 1, ..Tally::default() });
    let error = harness.by_key(KEY).assert_error("manual-review").error().unwrap();
    assert!(error.message.contains("must be a mistake"), "{error:?}");
    let trap = testing::fault(FaultKind::Trap, "must be a mistake");
    let outcome = invoice().handle(&trap, &testing::at("charge")).unwrap();
    assert_eq!(outcome.transition().kind(), "default-handling");
}
