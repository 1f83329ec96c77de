//! What an attempt was handed, as the history keeps it at the level `full`.
//!
//! One JSON object. Bytes of guests (states, payloads, results) are a string where they are UTF-8, to the letter, and else an object
//! `{"base64": "..."}`:
//!
//! ```json
//! {"step": "ship", "version": 1, "attempt": 0, "faults": 0, "visit": 2, "wake": "signal", "now_ms": 1764000000000,
//!  "idempotency_key": "gd-…-42-2", "correlation_key": "INV-1", "parent": null, "state": "{…}",
//!  "awaited": [{"id": "7", "name": "paid", "payload": "{…}", "received_at_ms": 1764000000000}], "others": [],
//!  "children": [{"id": "43", "round": 1, "index": 0, "fsm": "mail", "status": 10, "state": "{…}", "output": "{…}", "error": null}],
//!  "effect_results": [{"index": 0, "started": 44}]}
//! ```

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gd_core::{Child, Signal};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::store::{Claimed, stored_effects};

#[derive(Serialize)]
struct Input<'a> {
    step: &'a str,
    version: i32,
    attempt: u32,
    faults: u32,
    visit: i64,
    wake: &'static str,
    now_ms: u64,
    idempotency_key: &'a str,
    correlation_key: Option<&'a str>,
    parent: Option<String>,
    state: Bytes<'a>,
    awaited: Vec<Received<'a>>,
    others: Vec<Received<'a>>,
    children: Vec<Left<'a>>,
    effect_results: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Received<'a> {
    id: String,
    name: &'a str,
    payload: Bytes<'a>,
    received_at_ms: u64,
}

#[derive(Serialize)]
struct Left<'a> {
    id: String,
    round: u32,
    index: u32,
    fsm: &'a str,
    status: i16,
    state: Bytes<'a>,
    output: Option<Bytes<'a>>,
    error: Option<Error<'a>>,
}

#[derive(Serialize)]
struct Error<'a> {
    kind: &'a str,
    message: &'a str,
    code: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Bytes<'a> {
    Text(&'a str),
    Encoded { base64: String },
}

/// What the next attempt of this instance is handed.
pub(super) fn recorded(claimed: &Claimed, idempotency_key: &str) -> Vec<u8> {
    let input = Input {
        step: &claimed.step,
        version: claimed.version.0,
        attempt: claimed.attempt,
        faults: claimed.faults,
        visit: claimed.visit.0,
        wake: claimed.wake.word(),
        now_ms: claimed.now_ms,
        idempotency_key,
        correlation_key: claimed.correlation_key.as_deref(),
        parent: claimed.parent.map(|parent| parent.to_string()),
        state: bytes(&claimed.state),
        awaited: claimed.inbox.awaited.iter().map(received).collect(),
        others: claimed.inbox.others.iter().map(received).collect(),
        children: claimed.children.iter().map(left).collect(),
        effect_results: stored_effects(&claimed.effect_results).and_then(|stored| serde_json::from_slice(&stored).ok()),
    };
    // Numbers and strings cannot fail to become JSON.
    serde_json::to_vec(&input).unwrap_or_default()
}

fn received(signal: &Signal) -> Received<'_> {
    Received {
        id: signal.id.to_string(),
        name: &signal.name,
        payload: bytes(&signal.payload),
        received_at_ms: signal.received_at_ms,
    }
}

fn left(child: &Child) -> Left<'_> {
    let error = child.error.as_ref();
    Left {
        id: child.id.to_string(),
        round: child.round,
        index: child.index,
        fsm: &child.fsm,
        status: child.status.code(),
        state: bytes(&child.state),
        output: child.output.as_deref().map(bytes),
        error: error.map(|error| Error { kind: &error.kind, message: &error.message, code: error.code.as_deref() }),
    }
}

fn bytes(bytes: &[u8]) -> Bytes<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Bytes::Text(text),
        Err(_) => Bytes::Encoded { base64: STANDARD.encode(bytes) },
    }
}
