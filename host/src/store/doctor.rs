//! Looking at a database whatever state it is in, for `gd-host doctor`: nothing is refused, nothing is changed.

use std::time::Duration;

use gd_core::InstanceId;
use sqlx::{ConnectOptions, PgConnection};

use super::Error;
use super::connect::{address, applied, newest_known, options};
use super::workers::ms;

/// A connection for looking at a database.
#[derive(Debug)]
pub struct Examined {
    connection: PgConnection,
    /// Where it is, without a password.
    pub address: String,
}

/// How the server is set.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the settings of these names")]
pub struct ServerFacts {
    pub version: String,
    pub version_num: i32,
    pub synchronous_commit: String,
    pub fsync: String,
    pub full_page_writes: String,
    /// Connections that it gives to others than its superuser.
    pub connections_max: i32,
    /// Connections that there are.
    pub connections: i64,
    /// Its clock, in milliseconds since the Unix epoch.
    pub now_ms: i64,
}

/// The workers of a database.
#[derive(Clone, Copy, Debug)]
pub struct WorkerFacts {
    /// Those whose lease is not over.
    pub alive: i64,
    /// Those of them that have been silent for longer than was asked.
    pub silent: i64,
    /// Time since the youngest beat; none without a living worker.
    pub youngest_beat: Option<Duration>,
}

impl Examined {
    /// Connects, whatever server and schema are.
    ///
    /// # Errors
    /// [`Error::BadUrl`] and [`Error::Unreachable`].
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let options = options(url)?;
        let address = address(&options);
        match options.connect().await {
            Ok(connection) => Ok(Self { connection, address }),
            Err(source) => Err(Error::Unreachable { address, source }),
        }
    }

    /// How the server is set.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn server(&mut self) -> Result<ServerFacts, Error> {
        let facts = sqlx::query_file_as!(ServerFacts, "src/store/sql/doctor_server.sql");
        Ok(facts.fetch_one(&mut self.connection).await?)
    }

    /// The newest migration that was applied, 0 for an empty database; and the newest that this binary has.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn schema(&mut self) -> Result<(i64, i64), Error> {
        Ok((applied(&mut self.connection).await?, newest_known()))
    }

    /// How many days from today the first is that lacks a partition; none when none of the next `days` does.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn missing_partition(&mut self, days: i32) -> Result<Option<i32>, Error> {
        let missing = sqlx::query_file_scalar!("src/store/sql/doctor_partitions.sql", days);
        Ok(missing.fetch_one(&mut self.connection).await?)
    }

    /// Who works here.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn workers(&mut self, silence: Duration) -> Result<WorkerFacts, Error> {
        let row = sqlx::query_file!("src/store/sql/doctor_workers.sql", ms(silence));
        let row = row.fetch_one(&mut self.connection).await?;
        let youngest_beat = row.youngest_beat_ms.map(elapsed);
        Ok(WorkerFacts { alive: row.alive, silent: row.silent, youngest_beat })
    }

    /// The instance that has been due for longest without being claimed.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn oldest_due(&mut self) -> Result<Option<(InstanceId, Duration)>, Error> {
        let row = sqlx::query_file!("src/store/sql/doctor_oldest_due.sql").fetch_optional(&mut self.connection).await?;
        Ok(row.map(|row| (InstanceId(row.id), elapsed(row.due_for_ms))))
    }

    /// Parked instances whose deadline passed longer than `grace` ago; counted to `rows_max`.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn overdue_awaits(&mut self, grace: Duration, rows_max: i64) -> Result<i64, Error> {
        let overdue = sqlx::query_file_scalar!("src/store/sql/doctor_overdue_awaits.sql", ms(grace), rows_max);
        Ok(overdue.fetch_one(&mut self.connection).await?)
    }
}

/// A clock that was set back between two statements makes no negative time.
fn elapsed(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
