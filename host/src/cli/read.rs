//! `list`, `get` and `history`: what instances are and were.

use serde_json::Value;

use super::args::{GetArgs, HistoryArgs, ListArgs, Status};
use super::client::Client;
use super::duration::measured;
use super::error::{Error, Exit};
use super::output::Output;
use super::table::{cell, error, horizontal, page, vertical};

/// Prints a page of instances.
pub(crate) async fn list(client: &Client, output: &Output, args: &ListArgs) -> Result<Exit, Error> {
    let answer = client.get(&["instances"], &list_query(args)).await?;
    output.answer(&answer, |answer| page(answer, list_table))?;
    if output.is_table() && answer.value["items"].as_array().is_some_and(Vec::is_empty) {
        output.note("no instance matches");
    }
    Ok(Exit::Ok)
}

/// Prints one instance with its state and result.
pub(crate) async fn get(client: &Client, output: &Output, args: &GetArgs) -> Result<Exit, Error> {
    output.answer(&client.get(&["instances", &args.id], &[]).await?, instance_table)?;
    Ok(Exit::Ok)
}

/// Prints a page of an instance's attempts, oldest first.
pub(crate) async fn history(client: &Client, output: &Output, args: &HistoryArgs) -> Result<Exit, Error> {
    if let Some(claim) = args.input {
        let answer = client.get(&["instances", &args.id, "history", &claim.to_string(), "input"], &[]).await?;
        output.answer(&answer, pretty)?;
        return Ok(Exit::Ok);
    }
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(args.cursor.clone().map(|cursor| ("cursor", cursor)));
    let answer = client.get(&["instances", &args.id, "history"], &query).await?;
    output.answer(&answer, |answer| page(answer, history_table))?;
    Ok(Exit::Ok)
}

/// One instance, a line per field; what it does not have is left out.
pub(crate) fn instance_table(instance: &Value) -> String {
    const ALWAYS: [&str; 10] =
        ["id", "fsm", "version", "status", "step", "attempt", "faults", "visit", "queue", "priority"];
    const IF_SET: [(&str, &str); 9] = [
        ("key", "correlation_key"),
        ("parent", "parent"),
        ("slot of", "concurrency_key"),
        ("limit", "rate_limit"),
        ("eligible", "eligible_at"),
        ("awaits", "awaits"),
        ("deadline", "await_deadline"),
        ("created", "created_at"),
        ("updated", "updated_at"),
    ];
    let always = ALWAYS.map(|name| (name, cell(instance, name)));
    let held = ("held", if is_held(instance) { "until `gd-host resume`".to_owned() } else { "-".to_owned() });
    let if_set = IF_SET.map(|(label, name)| (label, cell(instance, name)));
    let payload = |name| (name, pretty(&instance[name]));
    let rest = [("error", error(instance, "error")), payload("state"), payload("result")];
    vertical(
        always.into_iter().chain(std::iter::once(held).chain(if_set).chain(rest).filter(|(_, value)| value != "-")),
    )
}

fn list_query(args: &ListArgs) -> Vec<(&'static str, String)> {
    let filters = [
        ("fsm", args.fsm.clone()),
        ("status", args.status.map(|status| status_name(status).to_owned())),
        ("step", args.step.clone()),
        ("queue", args.queue.clone()),
        ("key", args.key.clone()),
        ("version", args.version.map(|version| version.to_string())),
        ("limit", Some(args.limit.to_string())),
        ("cursor", args.cursor.clone()),
    ];
    filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn status_name(status: Status) -> &'static str {
    match status {
        Status::Runnable => "runnable",
        Status::Executing => "executing",
        Status::AwaitingSignal => "awaiting_signal",
        Status::AwaitingChildren => "awaiting_children",
        Status::Done => "done",
        Status::Failed => "failed",
        Status::Cancelled => "cancelled",
    }
}

fn list_table(instances: &[Value]) -> String {
    let fields = ["id", "fsm", "version", "status", "step", "attempt", "queue", "correlation_key", "updated_at"];
    let heading = ["id", "fsm", "version", "status", "step", "attempt", "queue", "key", "updated"];
    let field = |instance: &Value, name: &str| match name {
        "status" if is_held(instance) => format!("{}, held", cell(instance, name)),
        _ => cell(instance, name),
    };
    horizontal(heading, instances.iter().map(|instance| fields.map(|name| field(instance, name))))
}

fn is_held(instance: &Value) -> bool {
    instance["held"].as_bool().unwrap_or(false)
}

fn history_table(attempts: &[Value]) -> String {
    let row = |attempt: &Value| {
        [
            cell(attempt, "claim"),
            cell(attempt, "visit"),
            cell(attempt, "attempt"),
            cell(attempt, "step"),
            cell(attempt, "wake"),
            cell(attempt, "outcome"),
            cell(attempt, "to_step"),
            attempt["duration_us"].as_u64().map_or_else(|| "-".to_owned(), measured),
            cell(attempt, "at"),
            error(attempt, "error"),
        ]
    };
    let heading = ["claim", "visit", "attempt", "step", "wake", "outcome", "to", "took", "at", "error"];
    horizontal(heading, attempts.iter().map(row))
}

fn pretty(payload: &Value) -> String {
    match payload {
        Value::Null => "-".to_owned(),
        // JSON text is free of what steers a terminal but for C1 and direction marks, which the table drops.
        other => format!("{other:#}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_instance_shows_its_payloads_and_leaves_out_what_it_does_not_have() {
        let text = instance_table(&json!({
            "id": "42", "fsm": "billing", "version": 1, "status": "failed", "step": "ship", "attempt": 0, "faults": 0,
            "visit": 3, "claim": 4, "queue": "default", "priority": 0, "eligible_at": "2026-01-01T00:00:00Z",
            "awaits": [], "await_deadline": null, "correlation_key": "INV\u{1b}[31m-1",
            "state": {"amount": 5, "s": "\n"},
            "result": null, "error": {"kind": "stop", "message": "never paid", "code": null},
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:01Z"
        }));
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "id        42",
                "fsm       billing",
                "version   1",
                "status    failed",
                "step      ship",
                "attempt   0",
                "faults    0",
                "visit     3",
                "queue     default",
                "priority  0",
                "key       INV[31m-1",
                "eligible  2026-01-01T00:00:00Z",
                "created   2026-01-01T00:00:00Z",
                "updated   2026-01-01T00:00:01Z",
                "error     stop: never paid",
                "state     {",
                "            \"amount\": 5,",
                "            \"s\": \"\\n\"",
                "          }",
            ]
        );
    }

    #[test]
    fn an_instance_that_is_held_says_so() {
        let held = |held: bool| json!({"id": "42", "status": "runnable", "held": held});
        assert!(instance_table(&held(true)).contains("held      until `gd-host resume`"));
        assert!(!instance_table(&held(false)).contains("held"));
        assert!(list_table(&[held(true)]).contains("runnable, held"));
    }

    #[test]
    fn history_has_a_row_per_attempt() {
        let text = history_table(&[
            json!({"claim": 1, "visit": 0, "attempt": 0, "step": "draft", "version": 1, "wake": "start",
                "outcome": "next", "to_step": "charge", "duration_us": 812, "worker": "w", "at": "T1", "error": null}),
            json!({"claim": 2, "visit": 1, "attempt": 0, "step": "charge", "version": 1, "wake": "next",
                "outcome": "fault", "to_step": null, "duration_us": 2_100_000, "at": "T2",
                "error": {"kind": "trap", "message": "unreachable", "code": null}}),
        ]);
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[1], ["1", "0", "0", "draft", "start", "next", "charge", "812us", "T1", "-"]);
        assert_eq!(rows[2], ["2", "1", "0", "charge", "next", "fault", "-", "2.1s", "T2", "trap:", "unreachable"]);
    }

    #[test]
    fn every_filter_becomes_a_query_parameter() {
        let some = |text: &str| Some(text.to_owned());
        let args = ListArgs {
            fsm: some("billing"),
            status: Some(Status::AwaitingSignal),
            step: some("ship"),
            queue: some("q"),
            key: some("INV 1&x=y"),
            version: Some(2),
            limit: 10,
            cursor: some("abc"),
        };
        let query = list_query(&args);
        let names: Vec<_> = query.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["fsm", "status", "step", "queue", "key", "version", "limit", "cursor"]);
        assert_eq!(query[1].1, "awaiting_signal");
    }
}
