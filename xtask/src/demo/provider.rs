//! The payment provider: started, and started again on the same port whenever it dies.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;

use super::api::Api;
use super::process;
use crate::workspace::Workspace;

/// How long each charge takes: long enough that a host has hundreds of them running when it is killed.
const LATENCY_MS: &str = "200..1200";
/// A provider that dies more often than this is broken; the demo's own invoices make it die a few times per wave.
const RESTARTS_MAX: usize = 1000;

/// One line of the provider's log.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Call {
    pub(super) invoice: String,
    pub(super) key: String,
    pub(super) call: u32,
    pub(super) action: String,
    pub(super) amount_cents: u64,
    pub(super) currency: String,
}

impl Call {
    /// Did money move?
    pub(super) fn charged(&self) -> bool {
        matches!(self.action.as_str(), "charged" | "charged_again" | "died")
    }
}

/// The provider and its supervisor.
pub(super) struct Provider {
    shared: Arc<Shared>,
    supervisor: Option<JoinHandle<()>>,
    api: Api,
}

struct Shared {
    launch: Launch,
    address: String,
    child: Mutex<Child>,
    ending: AtomicBool,
    restarts: AtomicUsize,
}

struct Launch {
    program: PathBuf,
    dir: PathBuf,
    invoices: PathBuf,
}

impl Provider {
    /// Starts it on a free port, its files in `dir`.
    pub(super) fn start(workspace: &Workspace, dir: &Path, invoices: &Path) -> anyhow::Result<Self> {
        let program = workspace.program("payment-provider");
        let launch = Launch { program, dir: dir.to_owned(), invoices: invoices.to_owned() };
        let (child, address) = launch.spawn("127.0.0.1:0")?;
        let api = Api::new(&format!("http://{address}"));
        let (ending, restarts) = (AtomicBool::new(false), AtomicUsize::new(0));
        let shared = Arc::new(Shared { launch, address, child: Mutex::new(child), ending, restarts });
        let supervised = Arc::clone(&shared);
        Ok(Self { shared, supervisor: Some(thread::spawn(move || supervised.supervise())), api })
    }

    /// `127.0.0.1:PORT`, the same over restarts.
    pub(super) fn address(&self) -> &str {
        &self.shared.address
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// How often it died and was started again.
    pub(super) fn restarts(&self) -> usize {
        self.shared.restarts.load(Ordering::Relaxed)
    }

    /// Calls that wait for their answer now; 0 when it is down.
    pub(super) fn in_flight(&self) -> usize {
        let answer = self.api.get("/charges").ok();
        answer
            .and_then(|answer| answer.body["in_flight"].as_u64())
            .map_or(0, |count| usize::try_from(count).unwrap_or(0))
    }

    /// Every call it ever got.
    pub(super) fn calls(&self) -> anyhow::Result<Vec<Call>> {
        let path = self.shared.launch.dir.join("calls.ndjson");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let parsed = text.lines().enumerate();
        parsed
            .map(|(at, line)| serde_json::from_str(line).with_context(|| format!("{} line {}", path.display(), at + 1)))
            .collect()
    }

    /// Ends the supervisor, and the provider too unless it is to go on.
    pub(super) fn finish(mut self, keep: bool) {
        self.end(keep);
    }

    fn end(&mut self, keep: bool) {
        self.shared.ending.store(true, Ordering::Relaxed);
        let Some(supervisor) = self.supervisor.take() else { return };
        // A supervisor that panicked has nothing left to do.
        let _ended = supervisor.join();
        if !keep {
            let mut child = self.shared.child();
            let _already_dead = child.kill();
            let _reaped = child.wait();
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.end(false);
    }
}

impl Shared {
    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn supervise(&self) {
        while !self.ending.load(Ordering::Relaxed) && self.restarts.load(Ordering::Relaxed) < RESTARTS_MAX {
            let died = matches!(self.child().try_wait(), Ok(Some(_)));
            if died {
                self.restarts.fetch_add(1, Ordering::Relaxed);
                if let Ok((child, _)) = self.launch.spawn(&self.address) {
                    *self.child() = child;
                }
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Launch {
    fn spawn(&self, listen: &str) -> anyhow::Result<(Child, String)> {
        let errors = self.dir.join("provider.log");
        let mut command = Command::new(&self.program);
        command.args(["--listen", listen, "--latency-ms", LATENCY_MS]);
        command.arg("--log").arg(self.dir.join("calls.ndjson")).arg("--invoices").arg(&self.invoices);
        command.stdout(Stdio::piped()).stderr(process::log(&errors)?);
        let mut child = process::spawn(&mut command, &self.dir.join("provider.pid"))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line).context("reading the provider's address")?;
        }
        match line.trim().strip_prefix("http://") {
            Some(address) => Ok((child, address.to_owned())),
            None => {
                // It ended without a word: nothing may stay behind.
                let _already_dead = child.kill();
                let _reaped = child.wait();
                bail!("the payment provider did not start:\n  {}", process::tail(&errors))
            }
        }
    }
}
