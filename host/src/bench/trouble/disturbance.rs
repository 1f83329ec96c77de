//! Troubles that come from beside: another session, another process.

use std::convert::Infallible;
use std::path::PathBuf;

use tokio::process::Command;

use crate::bench::Error;
use crate::bench::psql::Session;
use crate::bench::run::Run;
use crate::cli::Trouble;

/// What is written over and over, in blocks that are flushed one by one: 64 MiB.
const WRITE: [&str; 4] = ["if=/dev/zero", "bs=256k", "count=256", "oflag=dsync"];

/// Something that goes on.
pub(super) enum Disturbance {
    /// A transaction that has seen the table of live instances as it was.
    Snapshot(Session),
    /// A session that does nothing but checkpoints.
    Checkpoints(Session),
    /// The file that is written.
    SlowDisk(PathBuf),
}

impl Disturbance {
    /// Begins it.
    pub(super) async fn begin(trouble: Trouble, run: &Run<'_>) -> Result<Self, Error> {
        if trouble == Trouble::SlowDisk {
            let folder = run.server.data_dir();
            let folder = folder.ok_or_else(|| Error::Usage("--trouble slow-disk is for a private Postgres".into()))?;
            return Ok(Self::SlowDisk(folder.join("gd-bench-slow-disk")));
        }
        let mut session = Session::open(run.server, run.database).await?;
        if trouble == Trouble::Checkpoints {
            return Ok(Self::Checkpoints(session));
        }
        session.ask("begin isolation level repeatable read; select count(*) from gd.instance").await?;
        Ok(Self::Snapshot(session))
    }

    /// Has it go on for ever, or until it fails.
    pub(super) async fn go_on(&mut self) -> Error {
        let Err(failed) = self.for_ever().await;
        failed
    }

    async fn for_ever(&mut self) -> Result<Infallible, Error> {
        loop {
            match self {
                Self::Snapshot(_) => std::future::pending::<()>().await,
                Self::Checkpoints(session) => drop(session.ask("checkpoint").await?),
                Self::SlowDisk(file) => {
                    let mut command = Command::new("dd");
                    command.args(WRITE).arg(format!("of={}", file.display())).kill_on_drop(true);
                    let written = command.output().await.map_err(Error::system("run dd"))?;
                    if !written.status.success() {
                        return Err(Error::Answer(
                            String::from_utf8_lossy(&written.stderr).into_owned(),
                            "a dd that went well",
                        ));
                    }
                }
            }
        }
    }

    /// Ends it, and leaves nothing of it.
    pub(super) async fn end(self) -> Result<(), Error> {
        match self {
            Self::Snapshot(mut session) => session.ask("rollback").await.map(drop),
            Self::Checkpoints(_) => Ok(()),
            Self::SlowDisk(file) => match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(Error::system(format!("remove {}", file.display()))(error))
                }
                _ => Ok(()),
            },
        }
    }
}
