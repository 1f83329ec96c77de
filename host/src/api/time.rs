//! Times between milliseconds and RFC 3339.

use jiff::Timestamp;

use crate::host::Error;

pub(super) fn rfc3339(ms: i64) -> String {
    // Always with milliseconds, so that columns of times line up and sort.
    Timestamp::from_millisecond(ms).map(|time| format!("{time:.3}")).unwrap_or_default()
}

/// Milliseconds from the Unix epoch to a time from 1970 to 9999. What is past is due at once.
///
/// # Errors
/// Not a time, or out of these bounds.
pub(super) fn millis(what: &str, text: &str) -> Result<i64, Error> {
    let time = text
        .parse::<Timestamp>()
        .map_err(|error| Error::InvalidArgument(format!("{what} is not an RFC 3339 time: {error}")))?;
    if time < Timestamp::UNIX_EPOCH {
        return Err(Error::InvalidArgument(format!("{what} is before 1970")));
    }
    Ok(time.as_millisecond())
}
