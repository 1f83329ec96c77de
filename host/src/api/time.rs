//! Times between milliseconds and RFC 3339.

use jiff::Timestamp;

use crate::host::Error;

pub(super) fn rfc3339(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map(|time| time.to_string()).unwrap_or_default()
}

/// # Errors
/// Not a time, or one that no database can hold.
pub(super) fn millis(what: &str, text: &str) -> Result<i64, Error> {
    text.parse::<Timestamp>()
        .map(|time| time.as_millisecond())
        .map_err(|error| Error::InvalidArgument(format!("{what} is not an RFC 3339 time: {error}")))
}
