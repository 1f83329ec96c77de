//! What each step decides, natively.

use gd_guest::{Transition, testing};

use super::*;

fn invoice() -> Invoice {
    let state = json!({
        "invoice": "INV-1", "customer": "ada", "amount_cents": 11_900, "currency": "EUR", "provider_url": "http://pay.example",
    });
    serde_json::from_value(state).unwrap()
}

fn payment() -> [Signal; 1] {
    [testing::signal(PAID, json!({}))]
}

#[test]
fn an_invoice_needs_only_what_its_sender_knows() {
    let invoice = invoice();
    assert_eq!((invoice.confirm_within_ms, invoice.charge_tries, invoice.reminders), (3_000, 0, 0));
}

#[test]
fn a_draft_goes_on_to_the_charge() {
    let outcome = Invoice::draft.call(invoice(), &testing::ctx()).unwrap();
    assert_eq!(outcome.step(), Some("charge"));
}

#[test]
fn an_invoice_that_cannot_be_billed_stops() {
    let outcome = Invoice::draft.call(Invoice { amount_cents: 0, ..invoice() }, &testing::ctx()).unwrap();
    let Transition::Stop(reason) = outcome.transition() else { panic!("{outcome:?}") };
    assert_eq!(reason.code.as_deref(), Some("invalid-invoice"));
}

#[test]
fn a_confirmed_payment_ends_as_paid() {
    let invoice = Invoice { charge_id: Some("ch_1".to_owned()), ..invoice() };
    let outcome = Invoice::ship.call(invoice, &testing::woken_by(payment())).unwrap();
    let expected = json!({ "outcome": "paid", "charge_id": "ch_1", "paid_cents": 11_900 });
    assert_eq!(outcome.result::<Value>().unwrap(), expected);
}

#[test]
fn a_payment_that_does_not_come_in_time_is_dunned() {
    let outcome = Invoice::ship.call(invoice(), &testing::timed_out()).unwrap();
    assert_eq!(outcome.step(), Some("dun"));
}

#[test]
fn a_reminder_waits_for_the_payment_again() {
    let outcome = Invoice::dun.call(invoice(), &testing::ctx()).unwrap();
    let Transition::Await { names, step, state, timeout } = outcome.transition() else { panic!("{outcome:?}") };
    assert_eq!((names.as_slice(), step.name(), state.reminders), ([PAID.to_owned()].as_slice(), "dun", 1));
    assert_eq!(*timeout, Some(seconds(3)));
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
fn after_two_reminders_it_is_over() {
    let outcome = Invoice::dun.call(Invoice { reminders: 2, ..invoice() }, &testing::ctx()).unwrap();
    assert_eq!(outcome.result::<Value>().unwrap()["outcome"], "dunned");
}

#[test]
fn a_panic_while_drafting_asks_for_a_person_and_any_other_fault_is_the_hosts() {
    let trap = testing::fault(FaultKind::Trap, "must be a mistake");
    let outcome = invoice().handle(&trap, &testing::at("draft")).unwrap();
    let Transition::Stop(reason) = outcome.transition() else { panic!("{outcome:?}") };
    assert_eq!((reason.code.as_deref(), reason.message.as_str()), (Some("manual-review"), "must be a mistake"));
    let outcome = invoice().handle(&trap, &testing::at("charge")).unwrap();
    assert_eq!(outcome.transition().kind(), "default-handling");
}
