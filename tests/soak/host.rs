//! One of the hosts: a real `gd-host serve` behind a wire of its own, started again after each of its deaths.

use std::fs::File;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use gd_tests::program_folder;
use gd_tests::wire::Wire;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::PgPool;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

use crate::client::Addresses;

/// Short, so that it is lost within a freeze; the shortest that a host takes.
const LEASE: &str = "3s";
/// How long a host may take to serve while its database is well.
const UP_WAIT: Duration = Duration::from_secs(120);
/// How long one try of it may take.
const READY_WAIT: Duration = Duration::from_secs(60);
/// How long a host may take to end after SIGTERM: its drain, and a busy machine.
const STOP_WAIT: Duration = Duration::from_secs(60);

/// A host and its place in the run.
pub(crate) struct Host {
    number: usize,
    pub(crate) name: &'static str,
    pub(crate) wire: Wire,
    folder: PathBuf,
    addresses: Arc<Addresses>,
    child: Option<Child>,
}

impl Host {
    /// Not started yet.
    pub(crate) fn new(number: usize, wire: Wire, folder: PathBuf, addresses: Arc<Addresses>) -> Self {
        Self { number, name: ["a", "b"][number], wire, folder, addresses, child: None }
    }

    /// Starts it, with the same arguments every time, and waits until it serves. It is tried again: the database may still be on its way.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + UP_WAIT;
        loop {
            match self.try_start().await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    return Err(error.context(format!("host {} does not start", self.name)));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(300)).await,
            }
        }
    }

    async fn try_start(&mut self) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.log()).context("opening a host's log")?;
        let mut command = Command::new(program_folder().join("gd-host"));
        command.args(["serve", "--database-url", self.wire.url(), "--listen", "127.0.0.1:0", "--lease", LEASE]);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GD_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().context("starting gd-host")?;
        if let Some(pid) = child.id() {
            std::fs::write(self.note(), pid.to_string()).context("noting a host's process id")?;
        }
        let stdout = child.stdout.take().context("a host has no output")?;
        self.child = Some(child);
        let mut lines = BufReader::new(stdout).lines();
        let first = timeout(READY_WAIT, lines.next_line()).await.context("it is not ready in time")??;
        let Some(url) = first.as_deref().and_then(|line| line.strip_prefix("gd-host is ready on ")) else {
            bail!("it ended, or said {first:?}; see {}", self.log().display());
        };
        self.addresses.set(self.number, Some(url.to_owned()));
        tokio::spawn(async move { lines.into_inner().read_to_end(&mut Vec::new()).await });
        Ok(())
    }

    /// `kill -9`.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        self.addresses.set(self.number, None);
        match self.child.take() {
            Some(mut child) => child.kill().await.context("killing a host"),
            None => Ok(()),
        }
    }

    /// SIGTERM, and waits until it has ended by itself.
    pub(crate) async fn terminate(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.addresses.set(self.number, None);
        self.signal(Signal::TERM)?;
        let Some(mut child) = self.child.take() else { return Ok(None) };
        match timeout(STOP_WAIT, child.wait()).await {
            Ok(status) => Ok(Some(status.context("waiting for a host")?)),
            Err(_) => {
                child.kill().await.context("killing a host")?;
                Ok(None)
            }
        }
    }

    /// Stops it dead, or lets it go on. Its clients do not know.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.pid().and_then(|pid| Pid::from_raw(pid.cast_signed())).context("a host does not run")?;
        kill_process(pid, signal).context("signalling a host")
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Says how it ended, if nobody asked it to.
    pub(crate) fn ended_by_itself(&mut self) -> Option<ExitStatus> {
        let status = self.child.as_mut()?.try_wait().ok().flatten()?;
        self.child = None;
        self.addresses.set(self.number, None);
        Some(status)
    }

    /// The worker that it is at present, if it has a lease.
    pub(crate) async fn worker(&self, pool: &PgPool) -> anyhow::Result<Option<i64>> {
        let sql = "select id from gd.worker where split_part(host, '/', 2) = $1 and not dead order by started_at desc limit 1";
        let pid = self.pid().unwrap_or_default().to_string();
        Ok(sqlx::query_scalar(sql).bind(pid).fetch_optional(pool).await?)
    }

    /// Where its events go, over all its lives.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join(format!("host-{}.log", self.name))
    }

    fn note(&self) -> PathBuf {
        self.folder.join(format!("host-{}.pid", self.name))
    }
}

impl Drop for Host {
    /// A wire that was told to cut a commit which then failed is no reason to panic.
    fn drop(&mut self) {
        drop(self.wire.problems());
    }
}
