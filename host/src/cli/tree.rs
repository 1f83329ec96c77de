//! `tree`: an instance with its children, theirs, and so on.

use serde_json::{Value, json};

use super::args::TreeArgs;
use super::client::Client;
use super::error::{Error, Exit};
use super::output::Output;
use super::table::{cell, error};

/// Children that one request asks for.
const PAGE: u32 = 1_000;

/// Prints an instance and its descendants, each under its parent, down to a depth and up to a number.
pub(crate) async fn tree(client: &Client, output: &Output, args: &TreeArgs) -> Result<Exit, Error> {
    let root = client.get(&["instances", &args.id], &[]).await?.value;
    let mut tree = node(&root);
    let mut room = args.limit.saturating_sub(1);
    grow(client, &mut tree, args.depth, &mut room).await?;
    output.text(&tree.to_string(), |tree| {
        let mut lines = Vec::new();
        draw(tree, "", "", &mut lines);
        lines.join("\n")
    })?;
    Ok(Exit::Ok)
}

/// What a tree shows of an instance or of a child.
fn node(instance: &Value) -> Value {
    let mut node = json!({});
    for name in ["id", "round", "index", "fsm", "status", "step", "error"] {
        if let Some(value) = instance.get(name) {
            node[name] = value.clone();
        }
    }
    node["children"] = json!([]);
    node["more"] = json!(false);
    node
}

/// Adds the children, and theirs. `more` says of an instance that it has children that are not shown.
async fn grow(client: &Client, node: &mut Value, depth: u32, room: &mut u32) -> Result<(), Error> {
    let id = node["id"].as_str().unwrap_or_default().to_owned();
    if depth == 0 || *room == 0 {
        node["more"] = json!(true);
        return Ok(());
    }
    let mut cursor: Option<String> = None;
    loop {
        let mut query = vec![("limit", PAGE.min(*room + 1).to_string())];
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = client.get(&["instances", &id, "children"], &query).await?.value;
        for child in page["items"].as_array().into_iter().flatten() {
            if *room == 0 {
                node["more"] = json!(true);
                return Ok(());
            }
            *room -= 1;
            let mut shown = self::node(child);
            if child["rounds"].as_u64().is_some_and(|rounds| rounds > 0) {
                Box::pin(grow(client, &mut shown, depth - 1, room)).await?;
            }
            node["children"].as_array_mut().into_iter().for_each(|children| children.push(shown.clone()));
        }
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return Ok(()),
        }
    }
}

fn draw(node: &Value, first: &str, rest: &str, lines: &mut Vec<String>) {
    lines.push(format!("{first}{}", line(node)));
    let children = node["children"].as_array().map(Vec::as_slice).unwrap_or_default();
    let more = node["more"] == json!(true);
    for (at, child) in children.iter().enumerate() {
        let last = at + 1 == children.len() && !more;
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        draw(child, &format!("{rest}{branch}"), &format!("{rest}{below}"), lines);
    }
    if more {
        lines.push(format!("{rest}└─ more children: --depth and --limit show them"));
    }
}

fn line(node: &Value) -> String {
    let step = match cell(node, "step") {
        step if step == "-" => String::new(),
        step => format!(" at {step}"),
    };
    let line = format!("{} {} {}{step}", cell(node, "id"), cell(node, "fsm"), cell(node, "status"));
    match error(node, "error") {
        none if none == "-" => line,
        error => format!("{line}  {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_drawn_with_everybody_under_their_parent() {
        let leaf = |id: &str, status: &str| json!({"id": id, "fsm": "item", "status": status, "step": "run"});
        let mut middle = leaf("2", "awaiting_children");
        middle["children"] = json!([leaf("4", "done")]);
        let mut failed = leaf("3", "failed");
        failed["error"] = json!({"kind": "stop", "message": "out of stock", "code": null});
        let mut root = leaf("1", "awaiting_children");
        root["children"] = json!([middle, failed]);
        root["more"] = json!(true);
        let mut lines = Vec::new();
        draw(&root, "", "", &mut lines);
        let expected = [
            "1 item awaiting_children at run",
            "├─ 2 item awaiting_children at run",
            "│  └─ 4 item done at run",
            "├─ 3 item failed at run  stop: out of stock",
            "└─ more children: --depth and --limit show them",
        ];
        assert_eq!(lines, expected);
    }
}
