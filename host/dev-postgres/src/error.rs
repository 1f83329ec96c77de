//! What can go wrong with a private cluster, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a cluster could not be found, made, started, asked or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `GD_PG_BIN` is set and does not lead to usable programs; nothing else was tried.
    #[error("GD_PG_BIN={}: {reason}; point it at the folder that holds `postgres`, `initdb` and `psql`", path.display())]
    ConfiguredBinaries {
        /// The value of the variable.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No Postgres of a supported version on this machine, and it may not be installed from here.
    #[error(
        "no Postgres {minimum} or newer was found; install one with `{command}`, or set GD_PG_BIN or GD_DATABASE_URL"
    )]
    NotInstalled {
        /// The oldest major version that works.
        minimum: u32,
        /// The line to run.
        command: String,
    },
    /// The system's package manager was asked for Postgres and failed.
    #[error("installing Postgres with `{command}` failed: {reason}; run the line yourself, or set GD_PG_BIN")]
    Install {
        /// The line that was run.
        command: String,
        /// Its exit status or its last words.
        reason: String,
    },
    /// The data was written by a major version that this machine has no programs for.
    #[error(
        "the cluster in {} was made by Postgres {made_by}, which is not on this machine; set GD_PG_BIN to its folder, or remove the cluster",
        data.display()
    )]
    OtherVersion {
        /// The data folder.
        data: PathBuf,
        /// The major version written in it.
        made_by: u32,
    },
    /// As root there is nobody to run Postgres as.
    #[error(
        "Postgres refuses to run as root and this machine has neither a user `postgres` nor `nobody`; add one of them"
    )]
    NoAccount,
    /// The cluster is already here, but its user cannot reach it any more.
    #[error("user `{user}` cannot enter {}, where the cluster's data is; allow it to (chmod o+x), or move the folder", dir.display())]
    Unreachable {
        /// The folder that cannot be entered.
        dir: PathBuf,
        /// Who Postgres runs as.
        user: String,
    },
    /// A folder with the cluster's name in a shared place belongs to somebody else.
    #[error("{} exists and belongs to somebody else; remove it, or use another folder for the cluster", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// Another process has been starting or stopping this cluster for too long.
    #[error("another process has held {} for {} s; wait for it, or end it", path.display(), waited.as_secs())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// How long this one waited.
        waited: Duration,
    },
    /// One of Postgres' programs failed.
    #[error("{program} failed for {}: {message}", target.display())]
    Program {
        /// Which one.
        program: &'static str,
        /// The folder or database it was asked to work on.
        target: PathBuf,
        /// Its last words.
        message: String,
    },
    /// Postgres did not come up.
    #[error("postgres did not start on {}: {message}; its log is {}", data.display(), log.display())]
    Start {
        /// The data folder.
        data: PathBuf,
        /// The log that tells the whole story.
        log: PathBuf,
        /// The last lines of that log.
        message: String,
    },
    /// Postgres did not go down in time.
    #[error("postgres (pid {pid}) did not stop within {} s; stop it with StopMode::Immediate, or `kill -QUIT {pid}`", waited.as_secs())]
    Stop {
        /// The postmaster.
        pid: i32,
        /// How long this one waited.
        waited: Duration,
    },
    /// A file, folder or process could not be worked with.
    #[error("{attempt} {}", path.display())]
    Io {
        /// What was attempted, as a verb: "create", "read".
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: what was attempted, on which path.
    pub(crate) fn io(attempt: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { attempt, path, source }
    }
}
