//! `versions`: what is deployed, and which version new instances get.

use serde_json::Value;

use super::args::VersionsArgs;
use super::client::Client;
use super::deploy::short_digest;
use super::error::{Error, Exit};
use super::output::Output;
use super::table::{cell, horizontal, page};

/// Prints the versions of one FSM, or a line per FSM.
pub(crate) async fn versions(client: &Client, output: &Output, args: &VersionsArgs) -> Result<Exit, Error> {
    match &args.fsm {
        Some(fsm) => output.answer(&client.get(&["fsms", fsm], &[]).await?, versions_table)?,
        None => output.answer(&client.get(&["fsms"], &[]).await?, |answer| page(answer, fsms_table))?,
    }
    Ok(Exit::Ok)
}

fn fsms_table(fsms: &[Value]) -> String {
    let row = |fsm: &Value| ["fsm", "routed_version", "versions", "live"].map(|name| cell(fsm, name));
    horizontal(["fsm", "routed", "versions", "live"], fsms.iter().map(row))
}

fn versions_table(fsm: &Value) -> String {
    let versions = fsm["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row = |version: &Value| {
        let routed = if version["version"] == fsm["routed_version"] { "routed" } else { "-" };
        [
            cell(version, "version"),
            routed.to_owned(),
            cell(version, "form"),
            cell(version, "initial_step"),
            cell(version, "state_version"),
            cell(version, "live"),
            steps(version),
            short_digest(&cell(version, "digest")),
            cell(version, "sdk"),
            cell(version, "deployed_at"),
        ]
    };
    let heading = ["version", "new", "form", "initial", "state", "live", "steps", "digest", "sdk", "deployed"];
    horizontal(heading, versions.iter().map(row))
}

/// Live instances per step, `charge=3 ship=9`.
fn steps(version: &Value) -> String {
    let steps = version["steps"].as_object().filter(|steps| !steps.is_empty());
    steps.map_or_else(
        || "-".to_owned(),
        |steps| steps.iter().map(|(step, live)| format!("{step}={live}")).collect::<Vec<_>>().join(" "),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_version_that_new_instances_get_is_marked() {
        let version = |version: u32, steps: Value| {
            json!({"version": version, "digest": "sha256:0123456789abcdef", "deployed_at": "2026-01-01T00:00:00Z",
                "form": "machine", "initial_step": "draft", "state_version": 1, "sdk": "gd-guest 0.1.0", "live": 12,
                "steps": steps})
        };
        let fsm = json!({"fsm": "billing", "routed_version": 2, "running": "pin",
            "versions": [version(1, json!({})), version(2, json!({"charge": 3, "ship": 9}))]});
        let text = versions_table(&fsm);
        let cells =
            |line: &str| line.split("  ").map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect();
        let rows: Vec<Vec<String>> = text.lines().map(cells).collect();
        assert_eq!(rows[1][..7], ["1", "-", "machine", "draft", "1", "12", "-"]);
        assert_eq!(rows[2][1], "routed");
        assert_eq!(rows[2][6], "charge=3 ship=9");
        assert_eq!(rows[2][7], "sha256:0123456789ab…");
    }
}
