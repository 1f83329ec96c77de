//! The README tells the truth: its commands are run as they stand, and print what stands there.

use std::process::Stdio;

use gd_tests::{HostProcess, PaymentProvider, program_folder, repository};
use tokio::process::Command;

/// Where the README's payment provider listens.
const PROVIDER: &str = "127.0.0.1:8099";
/// What stands before a block whose commands are run.
const MARK: &str = "<!-- run by tests/it/readme.rs";

/// A command and what it prints.
struct Shown {
    command: String,
    printed: String,
}

#[tokio::test]
async fn what_the_readme_shows_is_what_happens() {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("there is a README");
    let shown = shown(&readme);
    assert!(shown.len() >= 8, "only {} commands were found in the README", shown.len());
    let provider = PaymentProvider::start("readme").await;
    let mut host = HostProcess::dev("readme", &["--allow-egress", provider.address()]).await;
    for Shown { command, printed } in shown {
        let command = command.replace(PROVIDER, provider.address());
        let output = Command::new("sh")
            .args(["-c", &command])
            .current_dir(repository())
            .env("GD_URL", host.url())
            .env("PATH", format!("{}:{}", program_folder().display(), std::env::var("PATH").unwrap_or_default()))
            .stdin(Stdio::null())
            .output()
            .await
            .expect("a shell can be run");
        let found = String::from_utf8_lossy(&output.stdout).replace(provider.address(), PROVIDER);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {complaint}");
        assert_eq!(fixed(&found), fixed(&printed), "{command}: {complaint}");
    }
    assert!(host.terminate().await.success(), "dev stops by itself: {}", host.log());
}

/// The commands of the marked blocks, in order.
fn shown(readme: &str) -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    for block in readme.split(MARK).skip(1) {
        let body = block.split("```console\n").nth(1).and_then(|rest| rest.split("```").next());
        for line in body.expect("a block of commands follows the mark").lines() {
            match (line.strip_prefix("$ "), shown.last_mut()) {
                (Some(command), _) => shown.push(Shown { command: command.to_owned(), printed: String::new() }),
                (None, Some(last)) => last.printed.push_str(&format!("{line}\n")),
                (None, None) => panic!("{line:?} stands before any command"),
            }
        }
    }
    shown
}

/// Without what differs from run to run: times, durations, digests, sizes and the provider's names. Columns keep their order, not their width.
fn fixed(printed: &str) -> String {
    let words = |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    printed.trim_end().lines().map(words).collect::<Vec<_>>().join("\n")
}

fn word(word: &str) -> String {
    let digits = word.chars().take_while(char::is_ascii_digit).count();
    let is_time = word.contains('T') && word.ends_with('Z') && word.starts_with("20");
    let is_duration = digits > 0
        && ["us", "ms", "s"]
            .contains(&word[digits..].trim_start_matches('.').trim_start_matches(|c: char| c.is_ascii_digit()));
    let is_size = digits == word.len() && digits == 3;
    match () {
        () if is_time => "TIME".into(),
        () if is_duration => "TOOK".into(),
        () if word.contains("sha256:") => "DIGEST".into(),
        () if is_size => "SIZE".into(),
        () => word
            .split('"')
            .map(|part| if part.starts_with("ch_") { "CHARGE" } else { part })
            .collect::<Vec<_>>()
            .join("\""),
    }
}
