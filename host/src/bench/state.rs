//! The state that instances start with, as large as one asks for.

/// An order for the machine `order`, as JSON of exactly `bytes` bytes, which are 200 at least. It has as many lines as fit; the
/// customer's name takes up the rest.
pub(super) fn order(bytes: usize) -> String {
    let mut lines = vec![line(1)];
    loop {
        lines.push(line(lines.len() + 1));
        if document("", &lines).len() > bytes {
            lines.pop();
            break;
        }
    }
    let rest = bytes.saturating_sub(document("", &lines).len());
    document(&"x".repeat(rest), &lines)
}

/// A load for the machine `load`, as JSON of exactly `bytes` bytes, which are 14 at least.
pub(super) fn ballast(bytes: usize) -> String {
    let around = r#"{"ballast":""}"#.len();
    format!(r#"{{"ballast":"{}"}}"#, "x".repeat(bytes.saturating_sub(around)))
}

fn line(number: usize) -> String {
    format!(r#"{{"article":"SKU-{number:05}","quantity":{},"cents":{}}}"#, number % 7 + 1, 100 + number * 37 % 9_000)
}

/// The fields that steps fill in are there from the start, so that the size hardly changes on the way.
fn document(note: &str, lines: &[String]) -> String {
    let lines = lines.join(",");
    format!(
        r#"{{"order":4711,"customer":"Ada Lovelace{note}","lines":[{lines}],"total_cents":0,"units":0,"parcels":0,"shipped":false}}"#
    )
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_state_is_as_large_as_asked_for() {
        for bytes in [200, 201, 1024, 2048, 65_536] {
            let text = order(bytes);
            assert_eq!(text.len(), bytes);
            let order: Value = serde_json::from_str(&text).unwrap();
            let (lines, name) = (order["lines"].as_array().unwrap(), order["customer"].as_str().unwrap());
            assert!(!lines.is_empty() && name.len() < 100, "{bytes}: {text}");
            assert_eq!(ballast(bytes).len(), bytes);
        }
    }
}
