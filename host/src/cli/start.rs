//! `start`: a new instance, and with `--wait` its end.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::args::{StartArgs, Until};
use super::client::Client;
use super::error::{Error, Exit};
use super::output::Output;
use super::table::cell;
use super::{batch, payload, wait};

/// The body of `POST /v1/instances`; what was not given is left to the server.
#[derive(Serialize)]
struct Start<'a> {
    fsm: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_in_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_scope: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
}

/// Starts an instance and prints its id; with `--wait` prints the instance once it has ended instead. With `--batch`, starts many.
pub(crate) async fn start(client: &Client, output: &Output, args: &StartArgs) -> Result<Exit, Error> {
    if let Some(file) = &args.batch {
        return batch::start(client, output, file).await;
    }
    let state = args.state.as_deref().map(|state| payload::read("--state", state)).transpose()?;
    let answer = client.post(&["instances"], &body(args, state)).await?;
    let id = cell(&answer.value, "id");
    let started = format!("started {id} ({} version {})", cell(&answer.value, "fsm"), cell(&answer.value, "version"));
    if args.wait {
        // Not part of the answer, but whoever interrupts the wait needs the id.
        output.note(&started);
        return wait::watch(client, output, &id, Until::Terminal, args.timeout).await;
    }
    output.answer(&answer, |_| started)?;
    Ok(Exit::Ok)
}

fn body(args: &StartArgs, state: Option<Box<RawValue>>) -> Start<'_> {
    Start {
        // Missing only beside --batch.
        fsm: args.fsm.as_deref().unwrap_or_default(),
        state,
        step: args.step.as_deref(),
        queue: args.queue.as_deref(),
        priority: args.priority,
        // Durations of the command line are at most 36500d, far below 2^64 ms.
        schedule_in_ms: args.delay.map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
        schedule_at: args.at,
        correlation_key: args.key.as_deref(),
        correlation_scope: args.scope.as_ref().map(|scope| scope.0.as_slice()),
        concurrency_key: args.concurrency_key.as_deref(),
        rate_limit: args.rate_limit.as_deref(),
        weight: args.weight,
        version: args.version,
    }
}
