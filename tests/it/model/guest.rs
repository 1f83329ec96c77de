//! What the component `probe` answers, without its component.

use gd_core::model::Attempt;
use gd_core::{
    Await, Descriptor, Ending, Fault, FaultKind, Form, Limits, Next, Outcome, Retry, Signal, StepInfo, Transition,
};
use serde_json::{Value, json};

/// What `probe` says of itself, as far as rules ask for it.
pub(super) fn descriptor() -> Descriptor {
    let step = |name: &str| StepInfo { name: name.into(), next: vec![], awaits: vec![] };
    Descriptor {
        fsm: "probe".into(),
        form: Form::Machine,
        initial_step: "run".into(),
        steps: vec![step("run"), step("other")],
        queue: Some("probes".into()),
        state_version: 1,
        migrates_from: vec![],
        has_handle: true,
        max_attempts: 20,
        backoff: gd_core::Backoff::default(),
        state_content_type: "application/json".into(),
        state_schema: None,
        sdk: "none".into(),
    }
}

/// How an attempt of `probe` ends.
pub(super) fn ending(attempt: &Attempt, rules: (&Descriptor, &Limits)) -> Ending {
    let before: Value = serde_json::from_slice(&attempt.state).expect("a state is what was written before");
    let mut state = before.clone();
    note(&mut state, attempt, false);
    let answered = follow(state, attempt.attempt, attempt.inbox.awaited.len()).and_then(|outcome| {
        let valid = outcome.validate(rules.0, rules.1);
        valid.map(|()| outcome).map_err(|broken| Fault::new(FaultKind::InvalidOutcome, broken.to_string()))
    });
    match answered {
        Ok(outcome) => Ending::Outcome(outcome),
        Err(fault) => handled(before, attempt, fault),
    }
}

/// What the handler makes of a fault: it has the state from before, and none of the signals.
fn handled(mut state: Value, attempt: &Attempt, fault: Fault) -> Ending {
    let plan = state["on_fault"].take();
    let first = plan.get(0).cloned().unwrap_or(Value::Null);
    if first.is_null() {
        return Ending::Fault(fault);
    }
    if first["do"] == "again" && u64::from(attempt.attempt) < number(&first, "until") {
        state["on_fault"] = plan;
        return Ending::Handled { fault, outcome: retry(&state, number(&first, "ms")) };
    }
    state["plan"] = plan;
    state["on_fault"] = json!([]);
    note(&mut state, attempt, true);
    match follow(state, attempt.attempt, 0) {
        Ok(outcome) => Ending::Handled { fault, outcome },
        Err(handler) => Ending::HandlerFailed { fault, handler },
    }
}

fn note(state: &mut Value, attempt: &Attempt, fault: bool) {
    let signals = |signals: &[Signal]| -> Value {
        if fault {
            return json!([]);
        }
        let payload = |signal: &Signal| serde_json::from_slice(&signal.payload).unwrap_or(Value::Null);
        signals.iter().map(|signal| json!([signal.name, payload(signal)])).collect()
    };
    let note = json!({
        "step": attempt.step, "visit": attempt.visit, "attempt": attempt.attempt, "faults": attempt.faults + u32::from(fault),
        "wake": attempt.wake.word(), "awaited": signals(&attempt.inbox.awaited), "others": signals(&attempt.inbox.others),
        "correlation_key": attempt.correlation_key, "fault": fault,
    });
    state["notes"].as_array_mut().expect("notes are a list").push(note);
}

/// Follows the plan to the first act that decides the outcome.
fn follow(mut state: Value, attempt: u32, awaited: usize) -> Result<Outcome, Fault> {
    loop {
        let plan = state["plan"].as_array_mut().expect("a plan is a list");
        if plan.is_empty() {
            return Ok(Transition::Done(json!({ "notes": state["notes"] }).to_string().into_bytes()).into());
        }
        let act = plan.remove(0);
        let names =
            || act["names"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let over = || act.get("until").is_some_and(|until| u64::from(attempt) >= until.as_u64().unwrap_or_default());
        match act["do"].as_str().unwrap_or_default() {
            "next" => return Ok(next("run", &state, None, false)),
            "other" => return Ok(next("other", &state, None, false)),
            "requeue" => return Ok(next("run", &state, None, true)),
            "delay" => return Ok(next("run", &state, Some(number(&act, "ms")), false)),
            "retry" if number(&act, "times") == 0 => {}
            "retry" => {
                let mut rest = act.clone();
                rest["times"] = json!(number(&act, "times") - 1);
                plan.insert(0, rest);
                return Ok(retry(&state, number(&act, "ms")));
            }
            "await" => return Ok(park(names(), &state, act.get("timeout_ms").and_then(Value::as_u64))),
            "gather" if awaited as u64 >= number(&act, "count") => {}
            "gather" => {
                plan.insert(0, act.clone());
                return Ok(park(names(), &state, None));
            }
            "done" => return Ok(Transition::Done(act["value"].to_string().into_bytes()).into()),
            "stop" => {
                return Ok(Transition::Stop(gd_core::ErrorInfo {
                    kind: "stop".into(),
                    message: text(&act, "reason"),
                    code: None,
                })
                .into());
            }
            "fail" | "misdeed" if over() => {}
            "fail" => {
                let delay_ms = act.get("after_ms").and_then(Value::as_u64);
                let fault = Fault::new(FaultKind::Error, text(&act, "message"));
                return Err(Fault { retryable: delay_ms.is_some(), delay_ms, ..fault });
            }
            "misdeed" => return Err(Fault::new(FaultKind::Trap, "a panic")),
            "again" => {}
            other => panic!("an act that is not known here: {other}"),
        }
    }
}

fn next(step: &str, state: &Value, delay_ms: Option<u64>, requeue: bool) -> Outcome {
    Transition::Next(Next { delay_ms, requeue, ..Next::to(step, bytes(state)) }).into()
}

fn retry(state: &Value, delay_ms: u64) -> Outcome {
    Transition::Retry(Retry { state: bytes(state), delay_ms }).into()
}

fn park(names: Vec<String>, state: &Value, timeout_ms: Option<u64>) -> Outcome {
    Transition::Await(Await { names, step: "run".into(), state: bytes(state), timeout_ms }).into()
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn number(act: &Value, field: &str) -> u64 {
    act[field].as_u64().unwrap_or_default()
}

fn text(act: &Value, field: &str) -> String {
    act[field].as_str().unwrap_or_default().to_owned()
}
