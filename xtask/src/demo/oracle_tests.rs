//! Each way to break a promise is named by the oracle, and a clean run has no reason.

use serde_json::json;

use super::*;

fn invoice(scenario: &str) -> Invoice {
    Invoice {
        invoice: "INV-1".into(),
        customer: "Ada".into(),
        amount_cents: 1250,
        currency: "EUR".into(),
        scenario: scenario.into(),
        confirm_after_ms: Some(150),
    }
}

fn attempt(claim: u64, visit: u64, outcome: &str) -> Attempt {
    let at = "2026-01-01T00:00:10Z".parse().unwrap();
    Attempt { claim, visit, step: "charge".into(), outcome: outcome.into(), at }
}

fn call(key: &str, action: &str) -> Call {
    let (invoice, currency) = ("INV-1".into(), "EUR".into());
    Call { invoice, key: key.into(), call: 1, action: action.into(), amount_cents: 1250, currency }
}

fn instance(status: &str, outcome: &str) -> Option<Instance> {
    Some(Instance { id: "7".into(), status: status.into(), result: json!({ "outcome": outcome }), error: None })
}

/// Killed once in the charge, paid in the end.
fn clean() -> Observed {
    let history =
        vec![attempt(1, 0, "next"), attempt(2, 1, "recovered"), attempt(4, 1, "await"), attempt(6, 2, "done")];
    let case = Case { invoice: invoice("ok"), id: "7".into(), instance: instance("done", "paid"), history };
    let at = "2026-01-01T00:00:05Z".parse().unwrap();
    Observed {
        cases: vec![case],
        calls: vec![call("k1", "charged"), call("k1", "replayed")],
        kills: vec![Kill { at, executing: vec!["7".into()], in_flight: 1, down: Duration::from_secs(1) }],
        wall: Duration::from_secs(10),
        no_target: 0,
        provider_restarts: 0,
    }
}

fn check(expected: &[&str], damage: impl FnOnce(&mut Observed)) {
    let mut observed = clean();
    damage(&mut observed);
    let found: Vec<String> = judge(&observed).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (text, expected) in found.iter().zip(expected) {
        assert!(text.contains(expected), "{text:?} does not contain {expected:?}");
    }
}

#[test]
fn a_run_that_kept_every_promise_has_no_reason() {
    check(&[], |_| ());
}

#[test]
fn a_lost_or_stuck_invoice_is_named() {
    check(&["INV-1: missing", "last attempt"], |seen| seen.cases[0].instance = None);
    check(&["INV-1: stuck; instance 7 is executing"], |seen| {
        seen.cases[0].instance = instance("executing", "");
        seen.cases[0].history.pop();
    });
}

#[test]
fn an_end_that_the_invoice_does_not_demand_is_named() {
    check(&["wrong end; instance 7 is done with {\"outcome\":\"dunned\"}, it should be paid"], |seen| {
        seen.cases[0].instance = instance("done", "dunned");
    });
    check(&["it should be dunned"], |seen| seen.cases[0].invoice.confirm_after_ms = None);
    check(&["it should be failed", "charged, and must not be", "wrong amount"], |seen| {
        seen.cases[0].invoice.amount_cents = 0;
    });
    check(&["it should be failed", "charged, and must not be", "wrong amount"], |seen| {
        seen.cases[0].invoice.currency = "XXX".into();
    });
}

#[test]
fn a_confirmation_after_the_second_reminder_may_end_either_way() {
    check(&[], |seen| seen.cases[0].invoice.confirm_after_ms = Some(60_000));
}

#[test]
fn a_double_charge_is_named_with_its_keys() {
    check(&["charged twice, under the keys k1, k2"], |seen| seen.calls.push(call("k2", "charged_again")));
    check(&["charged twice, under the keys k1"], |seen| seen.calls.push(call("k1", "charged")));
}

#[test]
fn a_charge_that_must_not_be_and_one_that_is_missing_are_named() {
    check(&["charged, and must not be"], |seen| seen.cases[0].invoice.scenario = "declined".into());
    check(&["never charged"], |seen| seen.calls.clear());
    check(&["a wrong amount, 1 EUR"], |seen| seen.calls[0].amount_cents = 1);
    check(&["INV-9: charged, and never started"], |seen| {
        seen.calls.push(Call { invoice: "INV-9".into(), ..call("k9", "died") });
    });
}

#[test]
fn a_broken_chain_of_claims_is_named() {
    check(&["has claim 2 after claim 2"], |seen| seen.cases[0].history[2].claim = 2);
    check(&["two outcomes for visit 1"], |seen| seen.cases[0].history[3].visit = 1);
}

#[test]
fn a_second_end_and_one_that_is_not_the_last_are_named() {
    check(&["ended twice"], |seen| seen.cases[0].history[0].outcome = "done".into());
    check(&["the last attempt of instance 7 is `retry`"], |seen| seen.cases[0].history.push(attempt(7, 3, "retry")));
}

#[test]
fn a_kill_that_recovered_nothing_is_named() {
    check(&["kill 1: nothing was recovered, though 1 steps were executing"], |seen| {
        seen.cases[0].history[1].outcome = "retry".into();
    });
    check(&["kill 2: nothing was recovered"], |seen| {
        let later = Kill { at: "2026-01-01T00:00:20Z".parse().unwrap(), ..seen.kills[0].clone() };
        seen.kills.push(later);
    });
}

#[test]
fn a_failure_that_the_host_decided_needs_no_stop() {
    check(&[], |seen| {
        seen.calls.clear();
        seen.cases[0].invoice.amount_cents = u64::MAX;
        seen.cases[0].instance = instance("failed", "");
        seen.cases[0].history[3].outcome = "fault".into();
    });
}
