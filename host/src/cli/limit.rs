//! `limit`: rate limits and concurrency limits.

use serde::Serialize;
use serde_json::Value;

use super::args::{LimitCommand, LimitKind, LimitRemoveArgs, LimitSetArgs};
use super::client::{Answer, Client};
use super::duration;
use super::error::{Error, Exit};
use super::output::Output;
use super::table::{cell, horizontal, page};

/// The body of `PUT /v1/limits/{name}`.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Given {
    Rate {
        allowed: u32,
        period_ms: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        burst: Option<u32>,
    },
    Concurrency {
        slots: u16,
    },
}

/// Shows, sets or removes limits.
pub(crate) async fn limit(client: &Client, output: &Output, command: &LimitCommand) -> Result<Exit, Error> {
    match command {
        LimitCommand::List => output.answer(&client.get(&["limits"], &[]).await?, |answer| page(answer, table))?,
        LimitCommand::Set(args) => {
            output.answer(&set(client, args).await?, |limit| {
                format!("limit {}: {}", cell(limit, "name"), shown(limit))
            })?;
        }
        LimitCommand::Remove(args) => output.answer(&remove(client, args).await?, removed)?,
    }
    Ok(Exit::Ok)
}

async fn set(client: &Client, args: &LimitSetArgs) -> Result<Answer, Error> {
    let given = match (args.slots, args.allowed) {
        (Some(slots), _) => Given::Concurrency { slots },
        (None, allowed) => Given::Rate {
            allowed: allowed.unwrap_or_default(),
            period_ms: u64::try_from(args.per.as_millis()).unwrap_or(u64::MAX),
            burst: args.burst,
        },
    };
    client.put(&["limits", &args.name], &given).await
}

async fn remove(client: &Client, args: &LimitRemoveArgs) -> Result<Answer, Error> {
    let kind = match args.kind {
        LimitKind::Rate => "rate",
        LimitKind::Concurrency => "concurrency",
    };
    client.delete(&["limits", &args.name], &[("kind", kind.to_owned())]).await
}

fn removed(removed: &Value) -> String {
    let counts = match removed["counts"].is_null() {
        true => "none counts now".to_owned(),
        false => format!("the default counts now: {}", shown(&removed["counts"])),
    };
    format!("{} limit {} is removed; {counts}", cell(removed, "kind"), cell(removed, "name"))
}

fn table(limits: &[Value]) -> String {
    let row = |limit: &Value| {
        let set_by = if limit["default"] == Value::Bool(true) { "configuration" } else { "api" };
        [cell(limit, "name"), cell(limit, "kind"), shown(limit), set_by.to_owned(), cell(limit, "changed_at")]
    };
    horizontal(["name", "kind", "limit", "set by", "changed"], limits.iter().map(row))
}

/// `100 per 1s, burst 200`, or `5 slots`.
fn shown(limit: &Value) -> String {
    match limit["period_ms"].as_u64() {
        None => format!("{} slots", cell(limit, "slots")),
        Some(ms) => {
            let period = duration::format(std::time::Duration::from_millis(ms));
            format!("{} per {period}, burst {}", cell(limit, "allowed"), cell(limit, "burst"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_limit_is_shown_in_words() {
        assert_eq!(shown(&json!({"allowed": 5, "period_ms": 60_000, "burst": 9})), "5 per 1m, burst 9");
        assert_eq!(shown(&json!({"slots": 3})), "3 slots");
        let counts = json!({"name": "mail", "kind": "concurrency", "counts": {"slots": 2}});
        assert_eq!(removed(&counts), "concurrency limit mail is removed; the default counts now: 2 slots");
    }
}
