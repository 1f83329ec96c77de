//! What the host's statements are called: by their files.

use std::collections::HashMap;
use std::fs;
use std::sync::LazyLock;

use crate::paths::repository;

static NAMES: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let folder = repository().join("host/src/store/sql");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let named = entries.map(|entry| {
        let path = entry.expect("an entry can be read").path();
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (text.trim().to_owned(), path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
    });
    named.collect()
});

/// The file's name of a statement of the store, without its ending; of anything else the first word, in lower case: `begin`, `commit`.
pub(super) fn name_of(text: &str) -> String {
    let word = || text.split_whitespace().next().unwrap_or_default().trim_end_matches(';').to_lowercase();
    NAMES.get(text.trim()).cloned().unwrap_or_else(word)
}

/// Whether others could notice, by a row or a lock, that this statement was carried out and not yet committed.
pub(super) fn writes(text: &str) -> bool {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let code = code.join(" ").to_lowercase();
    ["insert into", "update ", "delete from", "for key share", "_advisory_"].iter().any(|word| code.contains(word))
}

/// The text of a statement of the store.
pub fn statement(name: &str) -> String {
    let path = repository().join(format!("host/src/store/sql/{name}.sql"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
