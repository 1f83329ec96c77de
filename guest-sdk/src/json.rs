//! Payloads as JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What the descriptor says payloads are.
pub(crate) const CONTENT_TYPE: &str = "application/json";

/// Reads a payload. No bytes at all read as `{}`, so that fields with defaults need no state to start with, or else as
/// `null`, for types such as `()` and `Option`.
pub(crate) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, serde_json::Error> {
    if payload.is_empty() {
        return serde_json::from_slice(b"{}").or_else(|error| serde_json::from_slice(b"null").map_err(|_| error));
    }
    serde_json::from_slice(payload)
}

/// Writes a payload. Fails for what JSON cannot say, such as a map whose keys are no strings.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(value)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Order {
        #[serde(default)]
        lines: u32,
    }

    #[test]
    fn an_empty_payload_reads_as_an_empty_object_or_as_nothing() {
        assert_eq!(decode::<Order>(b"").unwrap(), Order { lines: 0 });
        decode::<()>(b"").unwrap();
        assert_eq!(decode::<Option<u32>>(b"").unwrap(), None);
        assert_eq!(decode::<u32>(b"").unwrap_err().to_string(), "invalid type: map, expected u32 at line 1 column 0");
    }
}
