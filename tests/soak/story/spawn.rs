//! What a step of a story starts: children, and instances beside it.

use serde_json::{Value, json};

use super::End;

/// Stands in a draft for the number of its story.
pub(super) const NUMBER: char = '#';

/// One instance that a step starts.
#[derive(Clone, Debug)]
pub(crate) struct Spawn {
    pub(crate) made: Made,
    pub(crate) end: End,
    /// Payloads of the signals that steps of its story send it: it does not end before it has each.
    pub(crate) tokens: Vec<String>,
}

/// By what it comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// A child of this round, from 1, and place in it, from 0.
    Child { round: i64, index: i64 },
    /// An effect.
    Beside,
}

impl Made {
    pub(crate) fn round(self) -> Option<i64> {
        match self {
            Self::Child { round, .. } => Some(round),
            Self::Beside => None,
        }
    }
}

impl Spawn {
    pub(super) fn numbered(mut self, number: usize) -> Self {
        self.tokens.iter_mut().for_each(|token| *token = token.replace(NUMBER, &number.to_string()));
        self
    }
}

/// The label of what stands at this place, in a draft.
pub(super) fn label(place: usize) -> String {
    format!("story-{NUMBER}/{place}")
}

/// A draft's value with the number of its story.
pub(super) fn numbered(value: Value, number: usize) -> Value {
    match value {
        Value::String(text) => json!(text.replace(NUMBER, &number.to_string())),
        Value::Array(values) => values.into_iter().map(|value| numbered(value, number)).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, numbered(value, number))).collect(),
        other => other,
    }
}
