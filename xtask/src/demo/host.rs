//! The host under test: `gd-host dev` as a child process that is started, killed and started again.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::api::Api;
use super::{leftover, process};
use crate::cargo;
use crate::ui::note;
use crate::workspace::Workspace;

/// The first start makes a Postgres cluster.
const READY_WAIT: Duration = Duration::from_secs(90);
/// How long a polite end may take.
const STOP_WAIT: Duration = Duration::from_secs(10);

pub(super) struct Host {
    program: PathBuf,
    dir: PathBuf,
    listen: String,
    egress: String,
    child: Option<Child>,
}

impl Host {
    /// A host on a free port that may call `egress`; not started yet.
    pub(super) fn new(workspace: &Workspace, dir: &Path, egress: &str) -> anyhow::Result<Self> {
        let free = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .context("finding a free port")?;
        Ok(Self {
            program: workspace.program("gd-host"),
            dir: dir.to_owned(),
            listen: free.to_string(),
            egress: egress.to_owned(),
            child: None,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// Starts it and waits until it is ready; the same arguments every time.
    pub(super) fn start(&mut self) -> anyhow::Result<()> {
        let output = process::log(&self.log())?;
        let errors = output.try_clone().context("opening the host's log")?;
        let mut command = Command::new(&self.program);
        command.arg("dev").arg("--dir").arg(self.dir.join("gd"));
        command.args(["--listen", &self.listen, "--allow-egress", &self.egress]).stdout(output).stderr(errors);
        self.child = Some(process::spawn(&mut command, &self.dir.join("host.pid"))?);
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let api = Api::new(&self.url());
        let deadline = Instant::now() + READY_WAIT;
        while !api.get("/readyz").is_ok_and(|answer| answer.status == 200) {
            self.must_live()?;
            if Instant::now() > deadline {
                bail!("the host was not ready within {} s:\n  {}", READY_WAIT.as_secs(), process::tail(&self.log()));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Fails with the end of its log when it died by itself.
    pub(super) fn must_live(&mut self) -> anyhow::Result<()> {
        let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
        match ended {
            Some(status) => bail!("the host ended by itself ({status}):\n  {}", process::tail(&self.log())),
            None => Ok(()),
        }
    }

    /// Deploys a component with the command line.
    pub(super) fn deploy(&self, component: &Path) -> anyhow::Result<()> {
        let mut command = Command::new(&self.program);
        command.arg("deploy").arg(component).args(["--url", &self.url()]);
        let output = command.output().with_context(|| format!("running {}", self.program.display()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if !output.status.success() {
            bail!("`{}` failed ({}): {}", cargo::shown(&command), output.status, text(&output.stderr));
        }
        text(&output.stdout).lines().for_each(note);
        Ok(())
    }

    /// SIGKILL: nothing in it gets to run any more.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.must_live()?;
        if let Some(mut child) = self.child.take() {
            child.kill().context("killing the host")?;
            child.wait().context("waiting for the killed host")?;
        }
        Ok(())
    }

    /// SIGTERM: it must end by itself, well, in time, and take its Postgres along.
    pub(super) fn stop(&mut self) -> anyhow::Result<()> {
        self.must_live()?;
        let Some(mut child) = self.child.take() else { return Ok(()) };
        process::terminate(child.id());
        match process::wait(&mut child, STOP_WAIT)? {
            Some(status) if status.success() => {}
            Some(status) => bail!("after SIGTERM the host ended with {status}:\n  {}", process::tail(&self.log())),
            None => {
                child.kill().context("killing the host")?;
                child.wait().context("waiting for the killed host")?;
                bail!("the host did not end within {} s of SIGTERM", STOP_WAIT.as_secs());
            }
        }
        match leftover::running_clusters(&self.dir).first() {
            Some(dir) => bail!("the host ended, but its Postgres in {} still runs", dir.display()),
            None => Ok(()),
        }
    }

    /// Lets it go on after this process.
    pub(super) fn leave_running(&mut self) {
        self.child = None;
    }

    fn log(&self) -> PathBuf {
        self.dir.join("host.log")
    }
}

impl Drop for Host {
    /// After an error: nothing stays up.
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            process::terminate(child.id());
            if !matches!(process::wait(&mut child, STOP_WAIT), Ok(Some(_))) {
                let _already_dead = child.kill();
                let _reaped = child.wait();
            }
        }
    }
}
