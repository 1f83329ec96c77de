//! JSON that the user passes: as an argument, from a file or from standard input.

use std::io::Read;

use serde_json::value::RawValue;

use super::error::Error;

/// Chosen: far above any limit of a host for one payload, far below what hurts here.
const PAYLOAD_BYTES_MAX: u64 = 16 << 20;

/// Reads `argument` as JSON: the text itself, the file after `@`, or standard input for `-`.
///
/// The text is passed on as it was written, so that no number loses digits. `what` names it in errors.
///
/// # Errors
/// [`Error::Usage`] when it cannot be read, is over 16 MiB or is not one JSON value.
pub(crate) fn read(what: &str, argument: &str) -> Result<Box<RawValue>, Error> {
    let text = match (argument, argument.strip_prefix('@')) {
        ("-", _) => bounded(what, std::io::stdin().lock())?,
        (_, Some(file)) => {
            let unreadable = |error| Error::argument(format!("cannot read {what} from {file}: {error}"));
            bounded(what, std::fs::File::open(file).map_err(unreadable)?)?
        }
        (text, None) => text.to_owned(),
    };
    RawValue::from_string(text.trim().to_owned()).map_err(|error| Error::Usage {
        code: "invalid-json",
        detail: format!("{what} is not valid JSON: {error}"),
        hint: Some(r#"quote it for the shell, as in '{"amount": 5}' or '"text"', or pass a file with @FILE"#),
    })
}

fn bounded(what: &str, source: impl Read) -> Result<String, Error> {
    let mut text = String::new();
    let read = source.take(PAYLOAD_BYTES_MAX + 1).read_to_string(&mut text);
    match read.map_err(|error| Error::argument(format!("cannot read {what}: {error}")))? as u64 {
        ..=PAYLOAD_BYTES_MAX => Ok(text),
        _ => Err(Error::argument(format!("{what} is over 16 MiB"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_passed_on_as_it_was_written() {
        let check = |text: &str, expected: &str| assert_eq!(read("--state", text).unwrap().get(), expected);
        check(
            r#"{"b": 1.10, "a": 123456789012345678901234567890}"#,
            r#"{"b": 1.10, "a": 123456789012345678901234567890}"#,
        );
        check(" null\n", "null");
    }

    #[test]
    fn what_is_not_json_is_a_usage_error_that_says_where() {
        for text in ["", "{", "{'a':1}", "hello", "1 2"] {
            let error = read("--state", text).unwrap_err();
            assert!(matches!(error, Error::Usage { code: "invalid-json", .. }), "{text}");
            assert!(error.to_string().contains("line 1 column"), "{error}");
        }
    }

    #[test]
    fn a_file_is_read_and_a_missing_one_named() {
        let path = std::env::temp_dir().join(format!("gd-payload-{}.json", std::process::id()));
        std::fs::write(&path, "{\"a\":1}\n").unwrap();
        let argument = format!("@{}", path.display());
        assert_eq!(read("--state", &argument).unwrap().get(), "{\"a\":1}");
        std::fs::remove_file(&path).unwrap();
        let error = read("--state", &argument).unwrap_err();
        assert!(error.to_string().contains("gd-payload-"), "{error}");
    }
}
