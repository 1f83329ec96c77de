//! Why a measurement came to nothing.

use std::path::PathBuf;
use std::time::Duration;

use crate::{host, store};

/// A measurement that failed, with a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The private Postgres.
    #[error("{0}")]
    Postgres(#[from] gd_dev_postgres::Error),
    /// The host that is measured.
    #[error("{0}")]
    Host(#[from] host::Error),
    /// The schema.
    #[error("{0}")]
    Store(#[from] store::Error),
    /// A file or a program of this machine.
    #[error("cannot {what}: {source}")]
    System {
        /// What was attempted, on what.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A statement that looks at the database.
    #[error("psql ended: {0}")]
    Psql(String),
    /// An answer that is not what was asked for.
    #[error("{0:?} was expected to be {1}")]
    Answer(String, &'static str),
    /// Postgres' own benchmark is not there.
    #[error(
        "there is no `pgbench` in {0}: install it (Debian: postgresql-contrib), or go without ratios by --no-pgbench"
    )]
    NoPgbench(PathBuf),
    /// Postgres' own benchmark failed.
    #[error("pgbench failed: {0}")]
    Pgbench(String),
    /// An address that cannot be used.
    #[error("--database-url cannot be used: {0}")]
    Url(String),
    /// The component is another machine.
    #[error("the component is the machine {found:?}, the bench runs {expected:?}: build examples/{expected}")]
    OtherMachine {
        /// What its descriptor says.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A workload that has a name and nothing behind it.
    #[error("{workload} is not measured yet: {why}")]
    NotMeasured {
        /// Its name.
        workload: &'static str,
        /// What it lacks.
        why: &'static str,
    },
    /// Options that do not go together.
    #[error("{0}")]
    Usage(String),
    /// A server that does not count statements.
    #[error(
        "the server does not count statements: have it started with shared_preload_libraries = 'pg_stat_statements'"
    )]
    NoStatements,
    /// Not one instance that took two steps.
    #[error("no instance took two steps within {0:?}: try more --seconds")]
    TooFew(Duration),
    /// Instances that do not come to their end.
    #[error("instances were not through within {0:?}; see the log, and try fewer with --instances")]
    Stuck(Duration),
    /// Instances that came to another end than they should.
    #[error("{what}: {found} instead of {expected}: the numbers mean nothing")]
    Wrong {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// The host's API, over HTTP.
    #[error("the API of the measured host: {0}")]
    Http(#[from] reqwest::Error),
    /// A format that a report does not have.
    #[error("a report is a table or JSON: leave `-o yaml` away")]
    NoYaml,
    /// Somebody pressed ^C.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// Turns what the system says about `what` into an error.
    pub(super) fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }
}
