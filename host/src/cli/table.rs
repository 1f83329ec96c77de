//! Tables for people: plain aligned columns, safe to print whatever the answer contains.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde_json::Value;

use super::clean;

/// Chosen: a row with one long message still fits on two lines of a usual terminal.
const CELL_CHARS_MAX: usize = 120;

/// Rows of cells under a heading; cells are cleaned and cut at 120 characters.
pub(crate) fn horizontal<const N: usize>(heading: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = plain();
    table.set_header(heading);
    for row in rows {
        table.add_row(row.map(|cell| shortened(&clean::line(&cell))));
    }
    lines(&table)
}

/// One line per name and value, values not cut; a value may have several lines when it was laid out here.
pub(crate) fn vertical(rows: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let mut table = plain();
    for (name, value) in rows {
        table.add_row([name.to_owned(), clean::block(&value)]);
    }
    lines(&table)
}

/// The field `name` of `item` as text on one line; `-` when it is missing, null or empty.
pub(crate) fn cell(item: &Value, name: &str) -> String {
    let text = match &item[name] {
        Value::Null => String::new(),
        Value::String(text) => clean::line(text),
        Value::Array(items) => items.iter().map(plain_text).collect::<Vec<_>>().join(", "),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_)) => clean::line(&other.to_string()),
    };
    if text.is_empty() { "-".to_owned() } else { text }
}

/// The items of a page, with the line that says how to get the next one.
pub(crate) fn page(page: &Value, table: impl FnOnce(&[Value]) -> String) -> String {
    let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text = table(items);
    if let Some(cursor) = page["next"].as_str() {
        text.push_str(&format!("\nmore: --cursor {}", clean::line(cursor)));
    }
    text
}

/// An `{kind, message, code}` object of the API as `kind (code): message`; `-` when there is none.
pub(crate) fn error(item: &Value, name: &str) -> String {
    let error = &item[name];
    if !error.is_object() {
        return "-".to_owned();
    }
    let code = error["code"].as_str().map(|code| format!(" ({})", clean::line(code))).unwrap_or_default();
    format!("{}{code}: {}", cell(error, "kind"), cell(error, "message"))
}

fn plain_text(value: &Value) -> String {
    clean::line(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn lines(table: &Table) -> String {
    let mut table = table.clone();
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(CELL_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_aligned_without_trailing_space() {
        let rows = [["1".to_owned(), "b".to_owned()], ["long".to_owned(), "ü".to_owned()]];
        assert_eq!(horizontal(["id", "name"], rows), "id    name\n1     b\nlong  ü");
    }

    #[test]
    fn control_characters_neither_reach_the_terminal_nor_make_rows() {
        let hostile = "a\u{1b}]0;owned\u{7}\nfake\trow\r\u{9b}2J".to_owned();
        let text = horizontal(["key"], [[hostile.clone()]]);
        assert_eq!(text, "key\na]0;owned fake row 2J");
        assert_eq!(vertical([("key", cell(&json!({ "key": hostile }), "key"))]), "key  a]0;owned fake row 2J");
    }

    #[test]
    fn a_long_cell_is_cut_and_a_long_value_is_not() {
        let long = "ä".repeat(200);
        assert_eq!(horizontal(["x"], [[long.clone()]]), format!("x\n{}…", "ä".repeat(120)));
        assert_eq!(vertical([("x", long.clone())]), format!("x  {long}"));
    }

    #[test]
    fn a_value_with_lines_keeps_its_shape() {
        assert_eq!(
            vertical([("a", "1".to_owned()), ("state", "{\n  \"x\": 1\n}".to_owned())]),
            "a      1\nstate  {\n         \"x\": 1\n       }"
        );
    }

    #[test]
    fn a_cell_shows_any_kind_of_value() {
        let item = json!({"s": "x", "n": 3, "b": false, "a": ["p", "q\n"], "e": [], "z": null, "o": {"k": 1}});
        let check = |name: &str, expected: &str| assert_eq!(cell(&item, name), expected, "{name}");
        for (name, expected) in [
            ("s", "x"),
            ("n", "3"),
            ("b", "false"),
            ("a", "p, q "),
            ("e", "-"),
            ("z", "-"),
            ("?", "-"),
            ("o", "{\"k\":1}"),
        ] {
            check(name, expected);
        }
    }

    #[test]
    fn a_page_ends_with_the_way_to_the_next_one() {
        let render = |items: &[Value]| format!("{} items", items.len());
        assert_eq!(page(&json!({"items": [1, 2], "next": "abc"}), render), "2 items\nmore: --cursor abc");
        assert_eq!(page(&json!({"items": [], "next": null}), render), "0 items");
    }

    #[test]
    fn an_error_reads_kind_code_message() {
        let item = json!({"error": {"kind": "stop", "message": "no\nfunds", "code": "E1"}, "none": null});
        assert_eq!(error(&item, "error"), "stop (E1): no funds");
        assert_eq!(error(&item, "none"), "-");
    }
}
