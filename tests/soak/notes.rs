//! What a probe says that it saw, one note per committed step.

use serde_json::Value;

/// One note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) visit: i64,
    pub(crate) attempt: i32,
    pub(crate) wake: String,
    pub(crate) key: String,
    pub(crate) now_ms: i64,
    pub(crate) awaited: Vec<String>,
    pub(crate) others: Vec<String>,
    /// What children have left: round, place in it, and how it ended.
    pub(crate) children: Vec<(i64, i64, String)>,
    /// What became of the effects of the step before.
    pub(crate) effects: Vec<String>,
    /// The handler's, which is handed no signals and no children.
    pub(crate) of_handler: bool,
}

impl Note {
    /// All notes in a state or a result.
    pub(crate) fn all(payload: &Value) -> Vec<Self> {
        payload["notes"].as_array().into_iter().flatten().map(Self::of).collect()
    }

    fn of(note: &Value) -> Self {
        let text = |field: &str| note[field].as_str().unwrap_or_default().to_owned();
        Self {
            visit: note["visit"].as_i64().unwrap_or(-1),
            attempt: note["attempt"].as_i64().and_then(|attempt| attempt.try_into().ok()).unwrap_or(-1),
            wake: text("wake"),
            key: text("key"),
            now_ms: note["now_ms"].as_i64().unwrap_or_default(),
            awaited: tokens(note, "awaited"),
            others: tokens(note, "others"),
            children: note["children"].as_array().into_iter().flatten().map(child).collect(),
            effects: note["effects"].as_array().into_iter().flatten().map(ToString::to_string).collect(),
            of_handler: !note["fault"].is_null(),
        }
    }
}

/// The payloads of the signals in this field of a note.
pub(crate) fn tokens(note: &Value, field: &str) -> Vec<String> {
    let signals = note[field].as_array().into_iter().flatten();
    signals.map(|signal| signal[1].as_str().unwrap_or_default().to_owned()).collect()
}

fn child(child: &Value) -> (i64, i64, String) {
    let number = |field: &str| child[field].as_i64().unwrap_or(-1);
    let status = child["status"].as_str().unwrap_or_default();
    (number("round"), number("index"), status.trim_start_matches("ChildStatus::").to_owned())
}
