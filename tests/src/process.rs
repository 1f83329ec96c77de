//! The real binary, as a host to kill and as a command line.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::paths::{program, scratch};
use crate::{Api, DEADLINE, eventually};

/// A `gd-host serve` of its own. Killed with this value.
#[derive(Debug)]
pub struct HostProcess {
    child: Child,
    url: String,
    printed: Arc<Mutex<String>>,
    errors: Arc<Mutex<String>>,
}

impl HostProcess {
    /// Starts a host on this database and waits until it serves.
    pub async fn serve(database_url: &str, more: &[&str]) -> Self {
        let mut command = command(&["serve", "--database-url", database_url, "--listen", "127.0.0.1:0"]);
        command.args(more);
        Self::start(command).await
    }

    /// The same, with a failpoint armed: `place:kill|freeze:n`.
    pub async fn serve_with_failpoint(database_url: &str, failpoint: &str, more: &[&str]) -> Self {
        let mut command = command(&["serve", "--database-url", database_url, "--listen", "127.0.0.1:0"]);
        command.args(more).env("GD_FAILPOINT", failpoint);
        Self::start(command).await
    }

    /// Starts a host with a Postgres of its own, in a new folder of this name, and waits until it serves.
    pub async fn dev(name: &str, more: &[&str]) -> Self {
        Self::dev_in(&scratch(name), more).await
    }

    /// The same in a folder that is there: the Postgres is in its `.gd/`.
    pub async fn dev_in(folder: &Path, more: &[&str]) -> Self {
        let mut command = command(&["dev", "--listen", "127.0.0.1:0"]);
        command.args(more).current_dir(folder);
        Self::start(command).await
    }

    async fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("gd-host can be run");
        let errors = kept(BufReader::new(child.stderr.take().expect("it is piped")).lines());
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let first = timeout(DEADLINE, stdout.next_line()).await.expect("it is ready in time").expect("it can be read");
        let said = || errors.lock().expect("nobody panics here").clone();
        let line = first.unwrap_or_else(|| panic!("gd-host serves nothing: {}", said()));
        let url = line.strip_prefix("gd-host is ready on ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, url, printed: kept(stdout), errors }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client of it.
    pub fn api(&self) -> Api {
        Api::new(&self.url)
    }

    /// What it has written to stdout after its address.
    pub fn printed(&self) -> String {
        self.printed.lock().expect("nobody panics here").clone()
    }

    /// Waits until it has written this to stdout.
    pub async fn prints(&self, part: &str) {
        let look = async || self.printed().contains(part).then_some(());
        eventually(&format!("{part:?} is printed"), look).await;
    }

    /// What it has written to stderr.
    pub fn log(&self) -> String {
        self.errors.lock().expect("nobody panics here").clone()
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// Waits until it was killed.
    pub async fn killed(&mut self) {
        let status =
            timeout(DEADLINE, self.child.wait()).await.expect("it dies in time").expect("it can be waited for");
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{}", self.log());
    }

    /// Waits until it has been frozen.
    pub async fn frozen(&self) {
        let stat = format!("/proc/{}/stat", self.child.id().expect("it runs"));
        eventually("it is frozen", async || {
            let text = std::fs::read_to_string(&stat).expect("it is there");
            text.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T')).then_some(())
        })
        .await;
    }

    /// SIGTERM, and waits until it has stopped by itself.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        timeout(DEADLINE, self.child.wait()).await.expect("it stops in time").expect("it can be waited for")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).expect("it runs");
        kill_process(pid, signal).expect("it can be signalled");
    }
}

/// Collects lines as they come.
fn kept(mut lines: Lines<impl AsyncBufRead + Send + Unpin + 'static>) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let kept = text.clone();
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            kept.lock().expect("nobody panics here").push_str(&format!("{line}\n"));
        }
    });
    text
}

/// What a command came to.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

/// Runs `gd-host` to its end.
pub async fn gd_host(args: &[&str]) -> Ran {
    let mut command = command(args);
    let ended = timeout(DEADLINE, command.kill_on_drop(true).output()).await;
    let Output { status, stdout, stderr } = ended.expect("it ends in time").expect("gd-host can be run");
    let text = |bytes| String::from_utf8(bytes).expect("it writes text");
    Ran { code: status.code().expect("it was not killed"), stdout: text(stdout), stderr: text(stderr) }
}

/// The binary without the settings of whoever runs the tests.
fn command(args: &[&str]) -> Command {
    let mut command = Command::new(program("gd-host"));
    for name in [
        "GD_URL",
        "GD_TOKEN",
        "GD_API_TOKEN",
        "GD_DATABASE_URL",
        "GD_LISTEN",
        "GD_LEASE",
        "GD_QUEUES",
        "GD_FAILPOINT",
        "GD_LOG",
        "RUST_LOG",
    ] {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null());
    command
}
