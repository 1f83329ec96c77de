//! `signal`: a message into an instance's inbox.

use serde::Serialize;
use serde_json::value::RawValue;

use super::args::{SignalArgs, Target};
use super::client::Client;
use super::error::{Error, Exit};
use super::output::Output;
use super::payload;

/// The body of both signal routes; the key is none where the route names the instance.
#[derive(Serialize)]
struct Signal<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_key: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dedup_key: Option<&'a str>,
}

/// Sends a signal and prints whether it was new.
pub(crate) async fn signal(client: &Client, output: &Output, args: &SignalArgs) -> Result<Exit, Error> {
    let payload = args.payload.as_deref().map(|payload| payload::read("the payload", payload)).transpose()?;
    let (segments, correlation_key) = match &args.target {
        Target::Id(id) => (vec!["instances", id, "signals"], None),
        Target::Key(key) => (vec!["signals"], Some(key.as_str())),
    };
    let body = Signal { correlation_key, name: &args.name, payload, dedup_key: args.dedup.as_deref() };
    let answer = client.post(&segments, &body).await?;
    output.answer(&answer, |accepted| match accepted["duplicate"].as_bool() {
        Some(true) => format!("{} was already sent to {} with this dedup key", args.name, args.target),
        Some(false) | None => format!("{} sent to {}", args.name, args.target),
    })?;
    Ok(Exit::Ok)
}
