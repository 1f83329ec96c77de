//! `nodes`: which hosts work on the database.

use serde_json::Value;

use super::client::Client;
use super::error::{Error, Exit};
use super::output::Output;
use super::table::{cell, horizontal, page};

/// Prints a line per worker.
pub(crate) async fn nodes(client: &Client, output: &Output) -> Result<Exit, Error> {
    output.answer(&client.get(&["nodes"], &[]).await?, |answer| page(answer, table))?;
    Ok(Exit::Ok)
}

fn table(nodes: &[Value]) -> String {
    let fields = ["worker", "host", "alive", "holds", "started_at", "beat_at"];
    let heading = ["worker", "host", "alive", "holds", "started", "beat"];
    horizontal(heading, nodes.iter().map(|node| fields.map(|name| cell(node, name))))
}
