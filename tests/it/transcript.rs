//! Transcripts in the documentation: their commands, what they print, and what may differ from run to run.

use std::process::{Output, Stdio};

use gd_tests::{program_folder, repository};
use tokio::process::Command;

/// A piece of a document that a test acts on.
#[derive(Debug)]
pub(crate) enum Piece {
    /// A command, and what it prints.
    Run(Shown),
    /// A command that goes on beside the others.
    Start(String),
    /// Lines that what was started has printed.
    Look(String),
}

/// A command and what it prints.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) command: String,
    pub(crate) printed: String,
}

/// The pieces of a document that stand in blocks under `<!-- run by WHO`, `<!-- started by WHO` and `<!-- looked for by WHO`.
pub(crate) fn pieces(document: &str, who: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for block in document.split("<!-- ").skip(1) {
        let Some((what, rest)) = block.split_once(" by ").filter(|(_, rest)| rest.starts_with(who)) else { continue };
        let (_, body) = rest.split_once("```").expect("a block follows the mark");
        let body = body.split("```").next().unwrap_or_default().split_once('\n').expect("a block has lines").1;
        match what {
            "run" => pieces.extend(shown(body).into_iter().map(Piece::Run)),
            "started" => pieces.extend(shown(body).into_iter().map(|shown| Piece::Start(shown.command))),
            "looked for" => pieces.push(Piece::Look(body.to_owned())),
            other => panic!("{other:?} is nothing that {who} does"),
        }
    }
    pieces
}

/// The commands of a block, in order.
fn shown(body: &str) -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    for line in body.lines() {
        match (line.strip_prefix("$ "), shown.last_mut()) {
            (Some(command), _) => shown.push(Shown { command: command.to_owned(), printed: String::new() }),
            (None, Some(last)) => last.printed.push_str(&format!("{line}\n")),
            (None, None) => panic!("{line:?} stands before any command"),
        }
    }
    shown
}

/// Runs a command as it stands in a document: in the repository, with the programs on the path, against the host of this URL.
pub(crate) async fn shell(command: &str, url: &str) -> Output {
    let path = format!("{}:{}", program_folder().display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(repository()).env("GD_URL", url).env("PATH", path).stdin(Stdio::null());
    shell.output().await.expect("a shell can be run")
}

/// Without what differs from run to run: times, durations, digests, sizes, numbers of tries and the provider's names. Columns keep
/// their order, not their width.
pub(crate) fn fixed(printed: &str) -> String {
    printed.trim().lines().map(line).collect::<Vec<_>>().join("\n")
}

fn line(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let fixed = |at: usize| {
        let (before, after) = (at.checked_sub(1).map(|before| words[before]), words.get(at + 1));
        let is_number = !words[at].is_empty() && words[at].chars().all(|c| c.is_ascii_digit() || c == '.');
        let unit = after
            .is_some_and(|after| ["ms", "s", "min"].contains(&after.trim_end_matches(|c: char| !c.is_alphanumeric())));
        match is_number && (unit || before == Some("attempt")) {
            true => "NUMBER".into(),
            false => word(words[at]),
        }
    };
    (0..words.len()).map(fixed).collect::<Vec<_>>().join(" ")
}

fn word(word: &str) -> String {
    let digits = word.chars().take_while(char::is_ascii_digit).count();
    let is_time = word.contains('T') && word.ends_with('Z') && word.starts_with("20");
    let is_clock = word.len() == 12
        && word.split(':').count() == 3
        && word.chars().all(|c| c.is_ascii_digit() || ":.".contains(c));
    let is_duration = digits > 0
        && ["us", "ms", "s"]
            .contains(&word[digits..].trim_start_matches('.').trim_start_matches(|c: char| c.is_ascii_digit()));
    let number = word.trim_start_matches('(');
    let is_size = number.len() == 3 && number.chars().all(|c| c.is_ascii_digit());
    let is_try = word.strip_prefix('#').is_some_and(|number| number.chars().all(|c| c.is_ascii_digit()));
    match () {
        () if is_time || is_clock => "TIME".into(),
        () if is_duration => "TOOK".into(),
        () if word.contains("sha256:") => "DIGEST".into(),
        () if is_size => "SIZE".into(),
        () if is_try => "TRY".into(),
        () => word
            .split('"')
            .map(|part| if part.starts_with("ch_") { "CHARGE" } else { part })
            .collect::<Vec<_>>()
            .join("\""),
    }
}
