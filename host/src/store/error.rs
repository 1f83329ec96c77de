//! What can go wrong between the host and its database.

use sqlx::error::DatabaseError;

/// A failed statement or an unusable database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers, or the connection broke: worth another try.
    #[error("the database at {address} cannot be reached: {source}; start it, or name another with GD_DATABASE_URL")]
    Unreachable {
        /// Where it was looked for, without a password.
        address: String,
        /// What the driver said.
        source: sqlx::Error,
    },
    /// The URL is not one.
    #[error("{0:?} is not a database URL; it reads postgres://USER@HOST:PORT/DATABASE")]
    BadUrl(String),
    /// The server is older than what the statements need.
    #[error("the database server is PostgreSQL {found}, version 15 or newer is needed")]
    TooOld {
        /// Its major version.
        found: i32,
    },
    /// A server whose settings lose acknowledged commits.
    #[error("the database server runs with {setting} = off, so that a crash loses what was acknowledged; switch it on")]
    Unsafe {
        /// Which setting.
        setting: &'static str,
    },
    /// Migrations are missing.
    #[error("the database's schema is at version {found}, this binary needs {needed}; run `gd-host migrate`")]
    Behind {
        /// The newest migration that was applied, 0 for an empty database.
        found: i64,
        /// The newest that this binary has.
        needed: i64,
    },
    /// Somebody ran a newer binary on it.
    #[error(
        "the database's schema is at version {found}, newer than this binary, which knows {known}; use a newer gd-host"
    )]
    Newer {
        /// The newest migration that was applied.
        found: i64,
        /// The newest that this binary has.
        known: i64,
    },
    /// A migration failed; those before it stand.
    #[error("the migration of the database failed: {0}")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A row holds what this build cannot read.
    #[error("{table} row {id}: column {column} holds {value}, which this build does not know")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        id: i64,
        /// What stands there.
        value: String,
    },
    /// The worker was declared dead, or lost its session lock.
    #[error("the lease of worker {0} is lost")]
    LeaseLost(i64),
    /// A correlation key changed hands within the transaction: the same transaction may well succeed now.
    #[error("a correlation key changed hands while it was looked at")]
    Raced,
    /// Any other failed statement.
    #[error("a database statement failed: {0}")]
    Statement(#[source] sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Statement(error)
    }
}

impl Error {
    /// Whether the connection is at fault: what was sent may or may not have been carried out.
    pub fn is_connection(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Statement(error) => breaks_connection(error),
            Self::BadUrl(_)
            | Self::TooOld { .. }
            | Self::Unsafe { .. }
            | Self::Behind { .. }
            | Self::Newer { .. }
            | Self::Migrate(_)
            | Self::Corrupt { .. }
            | Self::Raced
            | Self::LeaseLost(_) => false,
        }
    }

    /// Whether the same transaction may well succeed now: a deadlock, a lock timeout, a serialisation failure.
    pub fn is_contention(&self) -> bool {
        let error = match self {
            Self::Raced => return true,
            Self::Statement(error) => error,
            _ => return false,
        };
        let code = error.as_database_error().and_then(DatabaseError::code);
        code.is_some_and(|code| matches!(&*code, "40P01" | "55P03" | "40001"))
    }

    /// Whether the database refuses what was to be written, and will refuse it again. Everything else is its own trouble: a full disk,
    /// a cancelled statement, a missing partition.
    pub fn is_about_data(&self) -> bool {
        match self {
            Self::Statement(sqlx::Error::Database(error)) => {
                let partition =
                    error.code().is_some_and(|code| code == "23514") && error.message().contains("partition");
                let class =
                    error.code().is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)));
                class && !partition
            }
            Self::Statement(error) => !breaks_connection(error),
            Self::Corrupt { .. } => true,
            Self::Unreachable { .. }
            | Self::BadUrl(_)
            | Self::TooOld { .. }
            | Self::Unsafe { .. }
            | Self::Behind { .. }
            | Self::Newer { .. }
            | Self::Migrate(_)
            | Self::Raced
            | Self::LeaseLost(_) => false,
        }
    }
}

fn breaks_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // Class 57P: the server stops or ends the session; class 08: the connection itself.
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
        }
        _ => false,
    }
}
