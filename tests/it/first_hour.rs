//! The guide to the first hour tells the truth: from `new` to a bug that was fixed under a running instance, as it stands there.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use gd_tests::{HostProcess, eventually, program_folder, repository, scratch, target};
use tokio::process::Command;

use crate::transcript::{Piece, Shown, fixed, pieces};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_hour_goes_as_the_guide_says() {
    let guide = std::fs::read_to_string(repository().join("docs/guide/first-hour.md")).expect("there is a guide");
    let mut hour = Hour { folder: scratch("first-hour"), dev: None, seen: 0 };
    for piece in pieces(&guide, "tests/it/first_hour.rs") {
        match piece {
            Piece::Run(Shown { command, printed }) => hour.run(&command, &printed).await,
            Piece::Start(command) => hour.start(&command).await,
            Piece::Look(lines) => hour.look(&lines).await,
        }
    }
    let mut dev = hour.dev.expect("the guide starts a host");
    assert!(dev.terminate().await.success(), "dev stops by itself: {}", dev.log());
}

/// Where the newcomer is.
struct Hour {
    folder: PathBuf,
    dev: Option<HostProcess>,
    /// Lines of `dev` that were looked at.
    seen: usize,
}

impl Hour {
    async fn run(&mut self, command: &str, printed: &str) {
        if let Some(folder) = command.strip_prefix("cd ") {
            self.folder.push(folder);
            keep_builds(&self.folder);
            return;
        }
        let url = self.dev.as_ref().map_or("http://127.0.0.1:1", HostProcess::url);
        let mut shell = Command::new("sh");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_PKG_")) {
            shell.env_remove(name);
        }
        let output = shell
            .args(["-c", command])
            .current_dir(&self.folder)
            .env_remove("RUSTUP_TOOLCHAIN")
            .env("GD_URL", url)
            .env("CARGO_NET_OFFLINE", "true")
            .env("PATH", format!("{}:{}", program_folder().display(), std::env::var("PATH").unwrap_or_default()))
            .stdin(Stdio::null())
            .output()
            .await
            .expect("a shell can be run");
        let found = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {found}{complaint}");
        assert_eq!(fixed(&found), fixed(printed), "{command}: {complaint}");
    }

    /// Starts the host at a port of its own: what it says of its address is not looked for.
    async fn start(&mut self, command: &str) {
        let args: Vec<&str> = command.strip_prefix("gd-host dev ").expect("dev is started").split(' ').collect();
        self.dev = Some(HostProcess::dev_in(&self.folder, &args).await);
    }

    /// Waits until the lines have been printed, in this order, since those that were looked for before.
    async fn look(&mut self, lines: &str) {
        let dev = self.dev.as_ref().expect("the guide has started a host");
        let expected: Vec<String> = lines.lines().map(fixed).collect();
        self.seen = eventually(&format!("dev prints\n{lines}"), async || {
            let printed: Vec<String> = dev.printed().lines().map(fixed).collect();
            end_of(&expected, &printed, self.seen)
        })
        .await;
    }
}

/// Where the last of the expected lines is, which come in this order from `at` on, perhaps with others between.
fn end_of(expected: &[String], printed: &[String], mut at: usize) -> Option<usize> {
    for line in expected {
        at += printed[at..].iter().position(|found| found == line)? + 1;
    }
    Some(at)
}

/// What cargo builds there is kept for the next run.
fn keep_builds(folder: &Path) {
    let kept = target().join("first-hour");
    std::fs::create_dir_all(&kept).expect("a folder can be made in the target folder");
    std::os::unix::fs::symlink(kept, folder.join("target")).expect("a new crate has no target folder yet");
}
