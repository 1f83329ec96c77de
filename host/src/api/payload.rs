//! Payloads between bytes and JSON: JSON stands inline as it is, everything else as `{"base64": "..."}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::host::Error;

/// Bytes in an answer. JSON is passed through to the letter: no number loses a digit here.
#[derive(Debug)]
pub(super) struct Payload(pub(super) Vec<u8>);

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return serializer.serialize_none();
        }
        match serde_json::from_slice::<&RawValue>(&self.0) {
            Ok(json) => json.serialize(serializer),
            Err(_) => Encoded { base64: STANDARD.encode(&self.0) }.serialize(serializer),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encoded {
    base64: String,
}

/// Bytes from a request.
///
/// # Errors
/// `{"base64": ...}` that is not base64.
pub(super) fn bytes(what: &str, json: &RawValue) -> Result<Vec<u8>, Error> {
    match serde_json::from_str::<Encoded>(json.get()) {
        Ok(encoded) => STANDARD
            .decode(encoded.base64)
            .map_err(|error| Error::InvalidArgument(format!("the {what}'s base64 cannot be decoded: {error}"))),
        Err(_) => Ok(json.get().as_bytes().to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_comes_back_as_it_was_sent() {
        for (sent, shown) in [
            (r#"{"a":0.10000000000000000001}"#, r#"{"a":0.10000000000000000001}"#),
            ("12345678901234567890123", "12345678901234567890123"),
            ("null", "null"),
            (r#"{"base64":"AAE="}"#, r#"{"base64":"AAE="}"#),
        ] {
            let json: Box<RawValue> = serde_json::from_str(sent).unwrap();
            let payload = Payload(bytes("state", &json).unwrap());
            assert_eq!(serde_json::to_string(&payload).unwrap(), shown);
        }
        assert_eq!(serde_json::to_string(&Payload(vec![])).unwrap(), "null");
        let wrong: Box<RawValue> = serde_json::from_str(r#"{"base64":"?"}"#).unwrap();
        assert!(bytes("state", &wrong).is_err());
    }
}
