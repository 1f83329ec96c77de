//! An instance as both engines show it.

use gd_core::InstanceId;
use gd_core::model::Model;
use gd_tests::{Instance, TestHost};
use serde_json::{Value, json};

/// Fields of a note that both engines know.
const NOTED: [&str; 8] = ["step", "visit", "attempt", "faults", "wake", "awaited", "others", "correlation_key"];

/// The instance in memory.
pub(super) fn of_model(model: &Model, id: InstanceId) -> Value {
    let instance = model.get(id).expect("what was started is there");
    let notes = match &instance.result {
        Some(result) => notes(&serde_json::from_slice(result).expect("a result is JSON")),
        None => notes(&serde_json::from_slice(&instance.state).expect("a state is JSON")),
    };
    json!({
        "status": instance.status.word(), "held": instance.held, "step": instance.step, "attempt": instance.attempt,
        "faults": instance.faults, "visit": instance.visit, "awaits": instance.awaits,
        "inbox": instance.inbox.iter().map(|signal| &signal.name).collect::<Vec<_>>(),
        "error": instance.error.as_ref().map(|error| &error.kind), "notes": notes,
    })
}

/// The instance in the database.
pub(super) async fn of_host(host: &TestHost, id: InstanceId) -> Value {
    let instance: Instance = host.get(id).await;
    let notes = match &instance.0.result {
        Some(result) => notes(&serde_json::from_slice(result).expect("a result is JSON")),
        None => notes(&instance.state()),
    };
    json!({
        "status": instance.status.word(), "held": instance.held, "step": instance.step, "attempt": instance.attempt,
        "faults": instance.faults, "visit": instance.visit, "awaits": instance.awaits, "inbox": host.inbox(id).await,
        "error": instance.error.as_ref().map(|error| &error.kind), "notes": notes,
    })
}

/// What every attempt saw, of those that left a note.
fn notes(of: &Value) -> Value {
    let noted = |note: &Value| {
        let fault = note["fault"].is_string() || note["fault"] == true;
        let mut seen: Value = NOTED.iter().map(|field| ((*field).to_owned(), note[*field].clone())).collect();
        seen["fault"] = json!(fault);
        seen
    };
    of["notes"].as_array().into_iter().flatten().map(noted).collect()
}

/// Where two views differ, in words; nothing when they do not.
pub(super) fn difference(model: &Value, host: &Value) -> Option<String> {
    let fields = model.as_object().into_iter().flatten();
    let differ = fields.filter(|(field, value)| **value != host[field.as_str()]);
    let told: Vec<String> = differ
        .map(|(field, value)| format!("{field}: the model says {value}, the engine {}", host[field.as_str()]))
        .collect();
    (!told.is_empty()).then(|| told.join("; "))
}
