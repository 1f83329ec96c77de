//! What a step notes of its context.

use gd_guest::prelude::*;

/// One step, or one call of the handler.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) step: String,
    pub(crate) version: u32,
    pub(crate) visit: u64,
    pub(crate) attempt: u32,
    pub(crate) faults: u32,
    pub(crate) key: String,
    pub(crate) wake: String,
    /// Names and payloads of the awaited signals.
    pub(crate) awaited: Vec<(String, Value)>,
    /// Names and payloads of the others.
    pub(crate) others: Vec<(String, Value)>,
    pub(crate) correlation_key: Option<String>,
    pub(crate) parent: Option<String>,
    /// What the children left: their place, status, and result or error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) children: Vec<Value>,
    /// What became of the effects of the step before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) effects: Vec<String>,
    /// Steps that the memory of this instance of the component had seen, with this one.
    pub(crate) memory: u32,
    /// Milliseconds on the database's clock.
    pub(crate) now_ms: u64,
    /// The fault, where the handler notes.
    pub(crate) fault: Option<String>,
}

impl Note {
    pub(crate) fn of(ctx: &Ctx, memory: u32) -> Self {
        Self {
            step: ctx.step().to_owned(),
            version: ctx.version(),
            visit: ctx.visit(),
            attempt: ctx.attempt(),
            faults: ctx.faults(),
            key: ctx.idempotency_key().to_owned(),
            wake: word(ctx.wake()).to_owned(),
            awaited: ctx.awaited().iter().map(signal).collect(),
            others: ctx.others().iter().map(signal).collect(),
            correlation_key: ctx.correlation_key().map(str::to_owned),
            parent: ctx.parent().map(str::to_owned),
            children: ctx.children().iter().map(child).collect(),
            effects: ctx
                .effect_results()
                .iter()
                .map(|result| format!("{}: {:?}", result.index, result.outcome))
                .collect(),
            memory,
            now_ms: ctx.now_ms(),
            fault: None,
        }
    }
}

fn signal(signal: &Signal) -> (String, Value) {
    (signal.name.clone(), serde_json::from_slice(&signal.payload).unwrap_or(Value::Null))
}

fn child(child: &Child) -> Value {
    let result: Option<Value> = child.is_done().then(|| child.result().unwrap_or(Value::Null));
    json!({
        "id": child.id, "index": child.index, "round": child.round, "fsm": child.fsm, "status": format!("{:?}", child.status),
        "error": child.error.as_ref().map(|error| error.message.clone()),
        "value": result.map(|result| shortened(result.get("value").cloned().unwrap_or(result))),
        "state_bytes": child.last_state::<Value>().map_or(0, |state| state.to_string().len()),
    })
}

/// A long text by its length alone.
fn shortened(value: Value) -> Value {
    match value.as_str() {
        Some(text) if text.len() > 1_000 => json!({ "bytes": text.len() }),
        _ => value,
    }
}

fn word(wake: Wake) -> &'static str {
    match wake {
        Wake::Start => "start",
        Wake::Next => "next",
        Wake::Retry => "retry",
        Wake::Signal => "signal",
        Wake::Timeout => "timeout",
        Wake::Join => "join",
        Wake::Recovered => "recovered",
        Wake::Resumed => "resumed",
    }
}
