//! What became of a step's effects, as it is stored for the step after it: JSON.

use gd_core::{EffectOutcome, EffectResult, ErrorInfo, InstanceId};
use serde::{Deserialize, Serialize};

use super::Error;

#[derive(Serialize, Deserialize)]
struct Stored {
    index: u32,
    #[serde(flatten)]
    outcome: StoredOutcome,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredOutcome {
    Started(i64),
    Duplicate(i64),
    Delivered,
    NoTarget,
    Refused { kind: String, message: String, code: Option<String> },
}

/// As it is stored; nothing where there was no effect.
pub(crate) fn stored(results: &[EffectResult]) -> Option<Vec<u8>> {
    if results.is_empty() {
        return None;
    }
    let stored: Vec<Stored> = results.iter().map(Stored::from).collect();
    // Numbers and strings cannot fail to become JSON.
    serde_json::to_vec(&stored).ok()
}

/// As it was stored.
///
/// # Errors
/// [`Error::Corrupt`] when it cannot be read.
pub(super) fn read(id: i64, stored: Option<&[u8]>) -> Result<Vec<EffectResult>, Error> {
    let Some(stored) = stored else { return Ok(Vec::new()) };
    let stored: Vec<Stored> = serde_json::from_slice(stored).map_err(|error| Error::Corrupt {
        table: "instance",
        column: "effect_results",
        id,
        value: error.to_string(),
    })?;
    Ok(stored.into_iter().map(EffectResult::from).collect())
}

impl From<&EffectResult> for Stored {
    fn from(result: &EffectResult) -> Self {
        let outcome = match &result.outcome {
            EffectOutcome::Started(id) => StoredOutcome::Started(id.0),
            EffectOutcome::Duplicate(id) => StoredOutcome::Duplicate(id.0),
            EffectOutcome::Delivered => StoredOutcome::Delivered,
            EffectOutcome::NoTarget => StoredOutcome::NoTarget,
            EffectOutcome::Refused(error) => StoredOutcome::Refused {
                kind: error.kind.clone(),
                message: error.message.clone(),
                code: error.code.clone(),
            },
        };
        Self { index: result.index, outcome }
    }
}

impl From<Stored> for EffectResult {
    fn from(stored: Stored) -> Self {
        let outcome = match stored.outcome {
            StoredOutcome::Started(id) => EffectOutcome::Started(InstanceId(id)),
            StoredOutcome::Duplicate(id) => EffectOutcome::Duplicate(InstanceId(id)),
            StoredOutcome::Delivered => EffectOutcome::Delivered,
            StoredOutcome::NoTarget => EffectOutcome::NoTarget,
            StoredOutcome::Refused { kind, message, code } => EffectOutcome::Refused(ErrorInfo { kind, message, code }),
        };
        Self { index: stored.index, outcome }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_effects_reads_back_as_it_was_stored() {
        let refused = ErrorInfo { kind: "refused".into(), message: "no \"room\"".into(), code: None };
        let outcomes = [
            EffectOutcome::Started(InstanceId(7)),
            EffectOutcome::Duplicate(InstanceId(i64::MAX)),
            EffectOutcome::Delivered,
            EffectOutcome::NoTarget,
            EffectOutcome::Refused(refused),
        ];
        let results: Vec<EffectResult> =
            (0..).zip(outcomes).map(|(index, outcome)| EffectResult { index, outcome }).collect();
        assert_eq!(read(1, stored(&results).as_deref()).unwrap(), results);
        assert!(read(1, stored(&[]).as_deref()).unwrap().is_empty());
        assert!(read(1, Some(b"{")).is_err());
    }
}
