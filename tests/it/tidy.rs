//! The rules of the house, held to by reading the sources.

use std::fs;
use std::path::{Path, PathBuf};

use gd_tests::repository;

/// Lines that a file of ours may have.
const LINES_MAX: usize = 500;

/// The modules of the host, from the bottom: each uses those above it in this list alone.
const FLOORS: [(&str, u8); 16] = [
    ("failpoint", 0),
    ("telemetry", 0),
    ("store", 1),
    ("sandbox", 1),
    ("registry", 2),
    ("engine", 3),
    ("host", 4),
    ("api", 5),
    ("cli", 5),
    ("inspect", 5),
    // Starting up: its configuration is made of flags, its errors of everybody's.
    ("error", 5),
    ("config", 6),
    ("new", 6),
    ("serve", 7),
    ("dev", 8),
    ("bench", 8),
];

/// Every file with one of these endings that is ours, with its text.
fn sources(endings: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![repository()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let hidden = name.starts_with('.') || name.starts_with("target") || name == "node_modules";
            if path.is_dir() && !hidden {
                folders.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(repository()).unwrap().to_owned(), text));
            }
        }
    }
    assert!(found.len() > 5, "{endings:?}");
    found
}

fn host_sources() -> Vec<(PathBuf, String)> {
    sources(&[".rs"]).into_iter().filter(|(path, _)| path.starts_with("host/src")).collect()
}

/// The module that a file of the host belongs to; none for the roots.
fn module(path: &Path) -> Option<String> {
    let first = path.strip_prefix("host/src").ok()?.components().next()?.as_os_str().to_string_lossy().into_owned();
    let name = first.strip_suffix(".rs").unwrap_or(&first).to_owned();
    (!["lib", "main"].contains(&name.as_str())).then_some(name)
}

fn floor(module: &str) -> u8 {
    let known = FLOORS.iter().find(|(name, _)| *name == module);
    known.unwrap_or_else(|| panic!("the module {module} has no floor yet: give it one here and in ARCHITECTURE.md")).1
}

#[test]
fn a_module_uses_lower_floors_alone() {
    for (path, text) in host_sources() {
        let Some(module) = module(&path) else { continue };
        for (at, line) in text.lines().enumerate() {
            for used in line.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if used.is_empty() || used == module {
                    continue;
                }
                assert!(floor(&used) < floor(&module), "{}:{}: {module} uses {used}", path.display(), at + 1);
            }
        }
    }
}

#[test]
fn every_statement_is_used_once_and_only_the_store_has_any() {
    let sources = host_sources();
    let mut files = 0;
    for entry in fs::read_dir(repository().join("host/src/store/sql")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let uses: usize =
            sources.iter().map(|(_, text)| text.matches(&format!("\"src/store/sql/{name}\"")).count()).sum();
        assert_eq!(uses, 1, "{name} is used {uses} times");
        files += 1;
    }
    let queries = |text: &str| text.matches("sqlx::query").count();
    let in_files: usize = sources.iter().map(|(_, text)| text.matches("sqlx::query_file").count()).sum();
    // The migrator's own table is not part of the schema that statements are checked against.
    let of_migrator: usize = sources.iter().map(|(_, text)| text.matches("_sqlx_migrations").count()).sum();
    let all: usize = sources.iter().map(|(_, text)| queries(text)).sum();
    assert_eq!((in_files, all), (files, files + of_migrator), "a statement stands in a file of its own");
    for (path, text) in sources {
        let below = module(&path).is_some_and(|module| module == "store");
        assert!(below || queries(&text) == 0, "{} has a statement of its own", path.display());
    }
}

#[test]
fn no_file_is_longer_than_one_wants_to_read() {
    for (path, text) in sources(&[".rs", ".sql", ".wit"]) {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines, the limit is {LINES_MAX}", path.display());
    }
}

#[test]
fn every_rust_file_says_first_what_it_is_for() {
    // What stands in `tests.rs` is the end of another file.
    for (path, text) in sources(&[".rs"]).into_iter().filter(|(path, _)| !path.ends_with("tests.rs")) {
        let first = text.lines().find(|line| !line.starts_with("#!")).unwrap_or_default();
        assert!(first.starts_with("//! "), "{} begins with {first:?}", path.display());
    }
}

#[test]
fn nothing_is_left_to_do_in_the_sources() {
    // Put together, so that this file does not find itself.
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat()];
    for (path, text) in sources(&[".rs", ".sql", ".wit", ".toml"]) {
        for (at, line) in text.lines().enumerate() {
            let marked = marks.iter().any(|mark| line.contains(mark.as_str()));
            let macros = ["todo", "unimplemented", "dbg"].iter().any(|name| line.contains(&format!("{name}!(")));
            assert!(!marked && !macros, "{}:{}: {line}", path.display(), at + 1);
        }
    }
}

#[test]
fn no_test_is_skipped_and_none_sleeps() {
    let (ignored, sleep) = (["#[ig", "nore"].concat(), ["thread::", "sleep"].concat());
    for (path, text) in sources(&[".rs"]) {
        assert!(!text.contains(&ignored), "{} skips a test", path.display());
        let is_test = path.starts_with("tests/it") || path.starts_with("tests/src");
        assert!(!is_test || !text.contains(&sleep), "{} sleeps", path.display());
    }
}

#[test]
fn no_test_is_named_test() {
    let named = ["fn test", "_"].concat();
    for (path, text) in sources(&[".rs"]) {
        let mut lines = text.lines().map(str::trim_start);
        while let Some(line) = lines.next() {
            let is_test = line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            let name = if is_test { lines.next().unwrap_or_default() } else { continue };
            assert!(!name.contains(&named), "{}: {name}: a test's name is its promise", path.display());
        }
    }
}
