//! Removing what is over: whole day partitions where that can be, rows in batches else, and what they left elsewhere.

use std::time::Duration;

use sqlx::{Connection, PgConnection};

use super::{Error, Store};

/// How long a statement of retention waits for a lock: it comes again, a commit does not wait behind it.
pub(super) const LOCK_TIMEOUT: &str = "200ms";

/// The host that sweeps, as long as this lives: no other does meanwhile.
#[derive(Debug)]
pub struct Sweep {
    connection: PgConnection,
}

/// A day partition whose time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverPartition {
    /// Its name, without the schema.
    pub name: String,
    /// The table that it is a part of.
    pub parent: String,
    /// Whether it is still a part of it.
    pub attached: bool,
    /// Whether it was about to be detached when something came between.
    pub pending: bool,
    /// Microseconds since the Unix epoch at which its day began.
    pub began_us: i64,
}

/// Where a walk over ended instances stands: behind this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    ended_us: i64,
    id: i64,
}

/// Some instances that ended in a span of time.
#[derive(Clone, Debug, Default)]
pub struct FinishedPage {
    ids: Vec<i64>,
    ended_us: Vec<i64>,
    /// How many were passed over because their parent lives.
    pub spared: usize,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<Walked>,
}

impl FinishedPage {
    /// How many of them are over for good.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether none of them is over for good.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// Where a walk over buckets stands: behind this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalkedBuckets {
    tenant: i32,
    key: String,
}

impl Store {
    /// Begins a sweep; `None` when another host is at it.
    ///
    /// # Errors
    /// When there is no connection, or the statement fails.
    pub async fn begin_sweep(&self) -> Result<Option<Sweep>, Error> {
        let mut connection = self.sweep_connection(LOCK_TIMEOUT).await?;
        let locked =
            sqlx::query_file_scalar!("src/store/sql/try_retention_lock.sql").fetch_one(&mut connection).await?;
        Ok(locked.then_some(Sweep { connection }))
    }
}

impl Sweep {
    /// Ends the sweep. One that is dropped ends with its connection.
    pub async fn end(self) {
        self.connection.close().await.ok();
    }

    /// Day partitions that ended before all that is kept, oldest first. What is a day old at most stays.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn over_partitions(&mut self, kept: Duration) -> Result<Vec<OverPartition>, Error> {
        let rows = sqlx::query_file!("src/store/sql/over_partitions.sql", kept.as_secs_f64())
            .fetch_all(&mut self.connection)
            .await?;
        let partition = rows.into_iter().map(|row| OverPartition {
            name: row.name,
            parent: row.parent,
            attached: row.attached,
            pending: row.pending,
            began_us: row.began_us,
        });
        Ok(partition.collect())
    }

    /// The time that is this long ago by the database's clock, in microseconds since the Unix epoch.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn kept_since(&mut self, kept: Duration) -> Result<i64, Error> {
        let since = sqlx::query_file_scalar!("src/store/sql/kept_since.sql", kept.as_secs_f64());
        Ok(since.fetch_one(&mut self.connection).await?)
    }

    /// Takes a partition out of its table and drops it. Statements that use the table go on meanwhile; those that were begun before are
    /// waited for, and when that takes too long, the next sweep goes on with it.
    ///
    /// # Errors
    /// When a statement fails, or waits for too long.
    pub async fn drop_partition(&mut self, partition: &OverPartition) -> Result<(), Error> {
        // Not checked statements: they name a table that is only known here. Its name is one of digits after one of ours.
        let OverPartition { name, parent, .. } = partition;
        let how = match (partition.attached, partition.pending) {
            (false, _) => None,
            (true, false) => Some("concurrently"),
            (true, true) => Some("finalize"),
        };
        if let Some(how) = how {
            self.run(format!(r#"alter table gd."{parent}" detach partition gd."{name}" {how}"#)).await?;
        }
        self.run(format!(r#"drop table if exists gd."{name}""#)).await
    }

    async fn run(&mut self, statement: String) -> Result<(), Error> {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut self.connection).await?;
        Ok(())
    }

    /// Instances that ended in this span of time, in microseconds since the Unix epoch, from where the page before ended.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn finished_page(
        &mut self,
        (from_us, until_us): (i64, i64),
        after: Walked,
        rows_max: u32,
    ) -> Result<FinishedPage, Error> {
        let rows_max = i64::from(rows_max);
        let rows =
            sqlx::query_file!("src/store/sql/finished_page.sql", from_us, until_us, after.ended_us, after.id, rows_max)
                .fetch_all(&mut self.connection)
                .await?;
        let mut page = FinishedPage::default();
        if rows.len() as i64 == rows_max {
            page.next = rows.last().map(|row| Walked { ended_us: row.ended_us, id: row.id });
        }
        for row in rows {
            match row.spared {
                true => page.spared += 1,
                false => {
                    page.ids.push(row.id);
                    page.ended_us.push(row.ended_us);
                }
            }
        }
        Ok(page)
    }

    /// Removes what these instances left elsewhere. Their own rows are to go with their partition.
    ///
    /// # Errors
    /// When the statement fails: then nothing was removed.
    pub async fn take_leave(&mut self, page: &FinishedPage) -> Result<(), Error> {
        take_leave(&mut self.connection, page).await
    }

    /// Removes these instances, with what they left elsewhere and their history.
    ///
    /// # Errors
    /// When a statement fails: then nothing was removed.
    pub async fn delete_finished(&mut self, page: &FinishedPage) -> Result<(), Error> {
        let mut transaction = self.connection.begin().await?;
        take_leave(&mut transaction, page).await?;
        sqlx::query_file!("src/store/sql/delete_finished.sql", &page.ids, &page.ended_us)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Removes token buckets that are full again or belong to no limit, among the next so many; how many, and where to go on.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn sweep_buckets(
        &mut self,
        after: WalkedBuckets,
        rows_max: u32,
    ) -> Result<(u64, Option<WalkedBuckets>), Error> {
        let rows_max = i64::from(rows_max);
        let row = sqlx::query_file!("src/store/sql/sweep_buckets.sql", after.tenant, after.key, rows_max)
            .fetch_one(&mut self.connection)
            .await?;
        let next = row.last_tenant.zip(row.last_key).filter(|_| row.seen == rows_max);
        Ok((row.swept.unsigned_abs(), next.map(|(tenant, key)| WalkedBuckets { tenant, key })))
    }
}

async fn take_leave(connection: &mut PgConnection, page: &FinishedPage) -> Result<(), Error> {
    sqlx::query_file!("src/store/sql/take_leave.sql", &page.ids, &page.ended_us).execute(connection).await?;
    Ok(())
}
