//! The one rule for every name and key a caller or guest may choose.

use std::fmt;

/// Most bytes of a name or key. Chosen: fits an index entry with room, and is what callers of other engines expect.
pub(crate) const NAME_BYTES_MAX: usize = 255;

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidName {
    /// Nothing was given.
    Empty,
    /// Longer than [`NAME_BYTES_MAX`]; holds its length in bytes.
    TooLong(usize),
    /// Holds a control character (a NUL byte among them).
    ControlCharacter,
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "it is empty"),
            Self::TooLong(bytes) => write!(f, "it is {bytes} bytes long, the limit is {NAME_BYTES_MAX}"),
            Self::ControlCharacter => write!(f, "it holds a control character"),
        }
    }
}

impl std::error::Error for InvalidName {}

/// Checks a name or key: 1 to 255 bytes, no control characters.
///
/// # Errors
/// Says which of the rules is broken.
pub fn valid_name(name: &str) -> Result<&str, InvalidName> {
    if name.is_empty() {
        return Err(InvalidName::Empty);
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(InvalidName::TooLong(name.len()));
    }
    if name.chars().any(char::is_control) {
        return Err(InvalidName::ControlCharacter);
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_printable() {
        let long = "x".repeat(255);
        let too_long = "x".repeat(256);
        for (name, expected) in [
            ("billing", Ok(())),
            ("order:1/é", Ok(())),
            (long.as_str(), Ok(())),
            ("", Err(InvalidName::Empty)),
            (too_long.as_str(), Err(InvalidName::TooLong(256))),
            ("a\0b", Err(InvalidName::ControlCharacter)),
            ("a\nb", Err(InvalidName::ControlCharacter)),
            ("a\u{85}b", Err(InvalidName::ControlCharacter)),
        ] {
            assert_eq!(valid_name(name).map(|_| ()), expected, "{name:?}");
        }
    }
}
