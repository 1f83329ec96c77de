//! The list of rows, the list of what shows them, and the sources that both speak of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use gd_tests::repository;

/// One row of `tests/conformance/rows.txt`.
pub(crate) struct Row {
    pub(crate) id: String,
    /// S and H must be shown; of B and X some may be left out.
    pub(super) scope: char,
}

/// What `tests/conformance/README.md` says of one row.
pub(super) enum Shown {
    /// By these tests, each `path::name`.
    By(Vec<String>),
    /// By none, for a reason.
    NotTaken,
}

/// Every row, in the order of the file.
pub(crate) fn rows() -> Vec<Row> {
    let rows: Vec<Row> = read("tests/conformance/rows.txt").lines().map(row).collect();
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids.len(), rows.len(), "an id stands there twice");
    rows
}

fn row(line: &str) -> Row {
    let mut words = line.splitn(3, ' ');
    let (id, scope, case) = (words.next(), words.next(), words.next());
    let id = id.filter(|id| is_id(id)).unwrap_or_else(|| panic!("{line:?} begins with no id"));
    let scope = scope.filter(|scope| ["S", "H", "B", "X"].contains(scope)).and_then(|scope| scope.chars().next());
    assert!(case.is_some_and(|case| !case.trim().is_empty()), "{line:?} has no case");
    Row { id: id.to_owned(), scope: scope.unwrap_or_else(|| panic!("{line:?} has no scope")) }
}

fn is_id(id: &str) -> bool {
    let Some((group, number)) = id.split_once('-') else { return false };
    let letters = (2..=3).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_uppercase());
    letters && number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is shown of which row: the tables of the list.
pub(super) fn list() -> BTreeMap<String, Shown> {
    let mut list = BTreeMap::new();
    let text = read("tests/conformance/README.md");
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    for (id, cell) in cells.filter(|(id, _)| is_id(id)) {
        let tests: Vec<String> = cell.split('`').filter(|piece| piece.contains("::")).map(str::to_owned).collect();
        let reason = cell.strip_prefix("not taken: ").is_some_and(|reason| reason.len() > 10);
        assert!(tests.is_empty() == reason, "{id} is shown by no test, or left out without a reason: {cell}");
        let shown = if reason { Shown::NotTaken } else { Shown::By(tests) };
        assert!(list.insert(id.to_owned(), shown).is_none(), "{id} stands in the list twice");
    }
    list
}

/// Whether there is such a test: `path::name`, the path below `tests/it/` unless it begins with another folder of sources.
pub(super) fn exists(test: &str) -> bool {
    let Some((path, name)) = test.split_once("::") else { return false };
    let elsewhere = ["host/", "guest-sdk/", "tests/"].iter().any(|folder| path.starts_with(folder));
    let path = if elsewhere { path.to_owned() } else { format!("tests/it/{path}") };
    let Ok(text) = fs::read_to_string(repository().join(path)) else { return false };
    let is_function = |line: &str| {
        line.trim_start()
            .trim_start_matches("async ")
            .strip_prefix("fn ")
            .is_some_and(|rest| rest.strip_prefix(name).is_some_and(|rest| rest.starts_with('(')))
    };
    let lines: Vec<&str> = text.lines().collect();
    let written = lines.windows(2).any(|pair| is_test(pair[0]) && is_function(pair[1]));
    // Some are made by a macro, which has their names in a table.
    let word = |line: &str| line.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name);
    written || (text.contains("macro_rules!") && lines.iter().any(|line| word(line)))
}

/// Tests of this folder whose names begin with ids, with their path and these ids.
pub(super) fn named_by_row() -> Vec<(String, Vec<String>)> {
    let folder = repository().join("tests/it/conformance");
    let mut named = Vec::new();
    for entry in fs::read_dir(folder).expect("this folder is there") {
        let path = entry.expect("an entry can be read").path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a source is text");
        let lines: Vec<&str> = text.lines().collect();
        for pair in lines.windows(2).filter(|pair| is_test(pair[0])) {
            let name = pair[1].split("fn ").nth(1).and_then(|rest| rest.split('(').next()).unwrap_or_default();
            named.push((format!("conformance/{file}::{name}"), ids_of(name)));
        }
    }
    named
}

/// The ids at the beginning of a test's name: `out_04_out_05_an_end_…` has two.
fn ids_of(name: &str) -> Vec<String> {
    let words: Vec<&str> = name.split('_').collect();
    let pairs = words.chunks_exact(2).map(|pair| format!("{}-{}", pair[0].to_uppercase(), pair[1]));
    pairs.take_while(|id| is_id(id)).collect()
}

fn is_test(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#[test]") || line.starts_with("#[tokio::test")
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
