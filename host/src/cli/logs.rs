//! `logs`: what the attempts of an instance wrote, and with `--follow` what they go on to write.

use std::time::Duration;

use serde_json::Value;

use super::args::LogsArgs;
use super::clean;
use super::client::{Answer, Client};
use super::error::{Error, Exit};
use super::output::Output;
use super::table::{cell, page};

/// Time between two looks. Chosen: quick for whoever watches, and two requests a second for the host.
const LOOK: Duration = Duration::from_millis(500);

/// Prints a page of an instance's log, oldest first; with `--follow` every page, until the instance has ended.
pub(crate) async fn logs(client: &Client, output: &Output, args: &LogsArgs) -> Result<Exit, Error> {
    if args.follow {
        return follow(client, output, args).await;
    }
    let answer = read(client, args, args.cursor.as_deref()).await?;
    if output.is_table() && items(&answer.value).is_empty() {
        output.note("nothing was logged");
    } else {
        output.answer(&answer, |answer| page(answer, text))?;
    }
    Ok(Exit::Ok)
}

async fn follow(client: &Client, output: &Output, args: &LogsArgs) -> Result<Exit, Error> {
    let mut cursor = args.cursor.clone();
    loop {
        // Asked first: what an instance wrote is there once its end is.
        let over = has_ended(client, &args.id).await?;
        let answer = read(client, args, cursor.as_deref()).await?;
        let new = items(&answer.value);
        if let Some(last) = new.last() {
            cursor = Some(cell(last, "claim"));
            print(output, new)?;
        }
        match (new.is_empty(), over) {
            (true, true) => return Ok(Exit::Ok),
            (true, false) => tokio::time::sleep(LOOK).await,
            (false, _) => {}
        }
    }
}

async fn read(client: &Client, args: &LogsArgs, cursor: Option<&str>) -> Result<Answer, Error> {
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
    client.get(&["instances", &args.id, "logs"], &query).await
}

async fn has_ended(client: &Client, id: &str) -> Result<bool, Error> {
    let instance = client.get(&["instances", id], &[]).await?;
    Ok(matches!(instance.value["status"].as_str(), Some("done" | "failed" | "cancelled")))
}

/// A page of many has no end, so that each attempt is a document of its own.
fn print(output: &Output, attempts: &[Value]) -> Result<(), Error> {
    if output.is_table() {
        return output.raw(&text(attempts));
    }
    attempts.iter().try_for_each(|attempt| output.document(attempt))
}

fn items(page: &Value) -> &[Value] {
    page["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A line for each attempt, and under it what it wrote.
fn text(attempts: &[Value]) -> String {
    let mut lines = Vec::new();
    for attempt in attempts {
        let [step, number, version, at] = ["step", "attempt", "version", "at"].map(|name| cell(attempt, name));
        lines.push(format!("{step} #{number}  version {version}  {at}"));
        lines.extend(attempt["lines"].as_array().into_iter().flatten().map(line));
    }
    lines.join("\n")
}

fn line(line: &Value) -> String {
    let message = line["message"].as_str().map(clean::line).unwrap_or_default();
    let fields = line["fields"].as_object().into_iter().flatten();
    let fields: String = fields
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("  {}={}", clean::line(name), clean::line(&value))
        })
        .collect();
    format!("  {:<6}  {message}{fields}", cell(line, "level"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_attempt_wrote_stands_under_it_and_steers_no_terminal() {
        let attempts = [
            json!({"claim": 1, "visit": 0, "attempt": 0, "step": "greet", "version": 1, "at": "T1", "lines": [
                {"level": "info", "message": "hello\u{1b}[2J\nAda", "fields": {"name": "A\u{7}da", "n": "1"}},
                {"level": "stderr", "message": "  oops"}]}),
            json!({"claim": 3, "visit": 1, "attempt": 2, "step": "hear", "version": 2, "at": "T2", "lines": []}),
        ];
        assert_eq!(
            text(&attempts).lines().collect::<Vec<_>>(),
            [
                "greet #0  version 1  T1",
                "  info    hello[2J Ada  n=1  name=Ada",
                "  stderr    oops",
                "hear #2  version 2  T2"
            ]
        );
    }
}
