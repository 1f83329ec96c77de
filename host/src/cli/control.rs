//! `cancel`, `pause` and `resume`: an operator's hand on one instance.

use serde::Serialize;

use super::args::{CancelArgs, HoldArgs};
use super::client::Client;
use super::error::{Error, Exit};
use super::output::Output;
use super::table::cell;

#[derive(Serialize)]
struct Cancel<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    children: Option<bool>,
}

/// Ends an instance at once.
pub(crate) async fn cancel(client: &Client, output: &Output, args: &CancelArgs) -> Result<Exit, Error> {
    let body = Cancel { reason: args.reason.as_deref(), children: args.children.then_some(true) };
    let answer = client.post(&["instances", &args.id, "cancel"], &body).await?;
    output.answer(&answer, |cancelled| {
        let line = format!("instance {} is {}", cell(cancelled, "id"), cell(cancelled, "status"));
        if args.children { format!("{line}; cancelled in all: {}", cell(cancelled, "cancelled")) } else { line }
    })?;
    Ok(Exit::Ok)
}

/// Keeps an instance from being claimed.
pub(crate) async fn pause(client: &Client, output: &Output, args: &HoldArgs) -> Result<Exit, Error> {
    let answer = client.post_empty(&["instances", &args.id, "pause"]).await?;
    output.answer(&answer, |held| {
        let id = cell(held, "id");
        match held["status"].as_str() {
            Some("executing") => format!("instance {id} is held; the step that runs now still commits"),
            Some(_) | None => format!("instance {id} is held ({})", cell(held, "status")),
        }
    })?;
    Ok(Exit::Ok)
}

/// Lets a held instance go on.
pub(crate) async fn resume(client: &Client, output: &Output, args: &HoldArgs) -> Result<Exit, Error> {
    let answer = client.post_empty(&["instances", &args.id, "resume"]).await?;
    output.answer(&answer, |held| format!("instance {} goes on ({})", cell(held, "id"), cell(held, "status")))?;
    Ok(Exit::Ok)
}
