//! The pages of the guide tell the truth: their commands are run as they stand, and print what stands there.

use std::path::PathBuf;
use std::time::Duration;

use gd_tests::{DEADLINE, HostProcess, TestDatabase, repository};
use tokio::time::Instant;

use crate::transcript::{Piece, Shown, fixed, pieces, shell};

/// Verbs that only look: they are asked again until they say what the page says, since work goes on meanwhile.
const LOOKS: [&str; 7] = ["get", "history", "list", "logs", "tree", "versions", "why"];
/// What a command ends with that is meant to be refused; a comment to the shell.
const REFUSED: &str = "# refused";

macro_rules! pages {
    ($($test:ident $file:literal)+) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            page($file).await;
        })+

        #[test]
        fn no_page_of_the_guide_is_left_out() {
            let entries = std::fs::read_dir(repository().join("docs/guide")).expect("there is a guide");
            let mut found: Vec<String> =
                entries.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned()).collect();
            found.sort();
            // These two have tests of their own: `first_hour.rs`, and guest-sdk/tests/guide.rs.
            let mut run = vec!["first-hour.md", "testing.md", $($file),+];
            run.sort_unstable();
            assert_eq!(found, run, "pages that are there, and pages that are run");
        }
    };
}

pages! {
    children_go_as_the_guide_says "children.md"
    identity_goes_as_the_guide_says "identity.md"
    jobs_go_as_the_guide_says "jobs.md"
    keys_go_as_the_guide_says "keys.md"
    limits_go_as_the_guide_says "limits.md"
    machines_go_as_the_guide_says "machines.md"
    operations_go_as_the_guide_says "operations.md"
    scheduling_goes_as_the_guide_says "scheduling.md"
    signals_go_as_the_guide_says "signals.md"
}

async fn page(file: &str) {
    let path: PathBuf = repository().join("docs/guide").join(file);
    let text = std::fs::read_to_string(&path).expect("the page is there");
    let pieces = pieces(&text, "tests/it/guide.rs");
    assert!(pieces.len() >= 3, "{file} shows only {} commands", pieces.len());
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let database = TestDatabase::migrated().await;
    let mut host = HostProcess::serve(database.url(), &[]).await;
    let (mut rewritten, mut at) = (text.clone(), 0);
    for piece in pieces {
        let Piece::Run(shown) = piece else { panic!("{piece:?}") };
        let found = run(&host, &shown, update).await;
        if update {
            let (old, new) = (block(&shown.command, &shown.printed), block(&shown.command, &found));
            at += rewritten[at..].find(&old).expect("it stands in the page");
            rewritten.replace_range(at..at + old.len(), &new);
            at += new.len();
        } else {
            assert_eq!(fixed(&found), fixed(&shown.printed), "{file}: {}", shown.command);
        }
    }
    if rewritten != text {
        std::fs::write(&path, rewritten).expect("the page can be written");
    }
    assert!(host.terminate().await.success(), "it stops by itself: {}", host.log());
}

/// As it stands in a page.
fn block(command: &str, printed: &str) -> String {
    let printed = printed.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    format!("$ {command}\n{printed}{}", if printed.is_empty() { "" } else { "\n" })
}

/// What a command prints; a look is taken again until it is what was expected, or stays the same where nothing is.
async fn run(host: &HostProcess, shown: &Shown, update: bool) -> String {
    let looks = LOOKS.iter().any(|verb| shown.command.starts_with(&format!("gd-host {verb} ")));
    let deadline = Instant::now() + DEADLINE;
    let mut found = once(host, &shown.command).await;
    loop {
        let is_there = if update { false } else { fixed(&found) == fixed(&shown.printed) };
        if !looks || is_there || Instant::now() > deadline {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(if update { 1_000 } else { 50 })).await;
        let again = once(host, &shown.command).await;
        if update && fixed(&again) == fixed(&found) {
            return again;
        }
        found = again;
    }
}

async fn once(host: &HostProcess, command: &str) -> String {
    let output = shell(command, host.url()).await;
    let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let refused = command.ends_with(REFUSED);
    assert_eq!(output.status.success(), !refused, "{command}: {said}{complaint}");
    if refused { complaint.into_owned() } else { said.into_owned() }
}
