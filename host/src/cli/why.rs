//! `why`: what keeps an instance from running, in words.

use serde_json::Value;

use super::args::WhyArgs;
use super::clean;
use super::client::Client;
use super::error::{Error, Exit};
use super::output::Output;
use super::table::cell;

/// Prints every reason, the most important first, and what to do about it.
pub(crate) async fn why(client: &Client, output: &Output, args: &WhyArgs) -> Result<Exit, Error> {
    output.answer(&client.get(&["instances", &args.id, "why"], &[]).await?, lines)?;
    Ok(Exit::Ok)
}

fn lines(why: &Value) -> String {
    let reasons = why["reasons"].as_array().filter(|reasons| !reasons.is_empty());
    let reason = |reason: &Value| format!("{}: {}", cell(reason, "word"), cell(reason, "sentence"));
    let mut lines: Vec<String> = match reasons {
        Some(reasons) => reasons.iter().map(reason).collect(),
        None => vec![reason(why)],
    };
    lines.extend(why["hint"].as_str().map(|hint| format!("hint: {}", clean::line(hint))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_most_important_reason_comes_first_and_the_hint_last() {
        let why = json!({
            "id": "42", "status": "runnable", "held": true, "word": "held", "sentence": "it is held",
            "hint": "gd-host resume 42",
            "reasons": [
                {"word": "held", "sentence": "it is held"},
                {"word": "retrying", "sentence": "it\u{1b}[2J failed\nbefore"}
            ]
        });
        assert_eq!(lines(&why), "held: it is held\nretrying: it[2J failed before\nhint: gd-host resume 42");
    }

    #[test]
    fn an_answer_without_a_list_still_says_its_reason() {
        let why = json!({"word": "ended", "sentence": "it is done", "hint": null});
        assert_eq!(lines(&why), "ended: it is done");
    }
}
