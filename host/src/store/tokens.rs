//! Token buckets: who waits, what a bucket holds, and who is granted. What is granted is decided by the caller, under the bucket's lock.

use gd_core::{Bucket, Claim, Inbox, InstanceId, Lane, Refill, Status, TenantId, Version, Visit, WorkerId};
use sqlx::PgConnection;

use super::claims::{self, Claimed, claimed};
use super::keys::lock_keys;
use super::places::{BucketKey, Moved, moved};
use super::rows::{self, count};
use super::{Error, Store, effects};

/// One that waits for tokens and is due.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its row.
    pub id: i64,
    /// Tokens that it draws.
    pub weight: i32,
    /// Where it would wait once it is paid.
    pub lane: Lane,
    /// The concurrency key that it needs a slot of.
    pub key: Option<String>,
    /// How often in a row its worker died under it.
    pub losses: u32,
}

/// A bucket that this transaction has locked.
#[derive(Clone, Debug)]
pub struct Locked {
    /// Its place among those that were asked for.
    pub place: usize,
    /// What it held when it was last drawn from.
    pub bucket: Bucket,
    /// The time.
    pub now_us: i64,
    /// Who waits, the most urgent first; one more than was asked for says that there are more.
    pub waiting: Vec<Waiting>,
}

/// What becomes of one that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// It runs here.
    Run,
    /// It is paid, and whoever serves its queue runs it.
    Pay,
    /// It gets tokens once it has a slot: it waits for that first.
    Aside,
}

/// What was granted.
#[derive(Debug, Default)]
pub struct Granted {
    /// What this worker holds by it.
    pub claimed: Vec<Claimed>,
    /// Where others wait.
    pub moved: Vec<Moved>,
}

/// A round of grants in progress.
pub struct Round(sqlx::Transaction<'static, sqlx::Postgres>);

impl Store {
    /// Buckets behind `after` that somebody waits for.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn scan_buckets(&self, after: &BucketKey, buckets_max: i64) -> Result<Vec<BucketKey>, Error> {
        let rows = sqlx::query_file!("src/store/sql/scan_buckets.sql", after.tenant, after.key, buckets_max)
            .fetch_all(&self.claims)
            .await?;
        Ok(rows.into_iter().map(|row| BucketKey { tenant: row.tenant_id, key: row.bucket }).collect())
    }

    /// The limit of each bucket; `None` where there is none by its name. Buckets that nobody has drawn from are made, full.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn refills(&self, buckets: &[BucketKey]) -> Result<Vec<Option<Refill>>, Error> {
        let (tenants, keys) = columns(buckets);
        let rows =
            sqlx::query_file!("src/store/sql/read_limits.sql", &tenants, &keys as _).fetch_all(&self.claims).await?;
        let (mut refills, mut fresh) = (Vec::with_capacity(rows.len()), (vec![], vec![], vec![]));
        for (row, bucket) in rows.into_iter().zip(buckets) {
            let (Some(allowed), Some(period_ms), Some(burst), Some(since_us)) =
                (row.allowed, row.period_ms, row.burst, row.since_us)
            else {
                refills.push(None);
                continue;
            };
            let refill = Refill { allowed, period_ms, burst, since_us };
            if !row.drawn {
                fresh.0.push(bucket.tenant);
                fresh.1.push(bucket.key.as_str());
                fresh.2.push(Bucket::full(&refill, 0).level);
            }
            refills.push(Some(refill));
        }
        if !fresh.0.is_empty() {
            sqlx::query_file!("src/store/sql/make_buckets.sql", &fresh.0, &fresh.1 as _, &fresh.2)
                .execute(&self.claims)
                .await?;
        }
        Ok(refills)
    }

    /// Locks those of these buckets that nobody else grants from now, and reads who waits for them, but none of the versions in `stalled`. Nothing comes back for a worker
    /// that is not alive.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn begin_grants(
        &self,
        worker: WorkerId,
        buckets: &[BucketKey],
        rows_max: i64,
        stalled: &[(i32, Version)],
    ) -> Result<(Round, Vec<Locked>), Error> {
        let mut transaction = self.claims.begin().await?;
        let (tenants, keys) = columns(buckets);
        let rows = sqlx::query_file!("src/store/sql/lock_buckets.sql", worker.0, &tenants, &keys as _)
            .fetch_all(&mut *transaction)
            .await?;
        let mut locked: Vec<Locked> = Vec::new();
        for row in rows {
            let Some(place) = usize::try_from(row.place - 1).ok() else { continue };
            let bucket = Bucket { level: row.level, at_us: row.refilled_us };
            locked.push(Locked { place, bucket, now_us: row.now_us, waiting: Vec::new() });
        }
        let of =
            |locked: &Locked| buckets.get(locked.place).map_or((0, ""), |bucket| (bucket.tenant, bucket.key.as_str()));
        let (tenants, keys): (Vec<i32>, Vec<&str>) = locked.iter().map(of).unzip();
        if !locked.is_empty() {
            let rows = sqlx::query_file!(
                "src/store/sql/wants_tokens.sql",
                &tenants,
                &keys as _,
                rows_max + 1,
                &claims::numbers(stalled)
            )
            .fetch_all(&mut *transaction)
            .await?;
            for row in rows {
                let place = usize::try_from(row.place - 1).unwrap_or(usize::MAX);
                let Some(locked) = locked.get_mut(place) else { continue };
                locked.waiting.push(Waiting {
                    id: row.id,
                    weight: row.weight,
                    lane: rows::lane(row.tenant_id, row.queue_id, row.priority),
                    key: row.concurrency_key,
                    losses: count(row.losses),
                });
            }
        }
        Ok((Round(transaction), locked))
    }
}

impl Round {
    /// Free slots of these keys, at most as many as are wanted of each. A key that somebody else decides about now has none.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn free_slots(&mut self, keys: &[(i32, &str, i32)]) -> Result<Vec<Vec<i16>>, Error> {
        let mut free = vec![Vec::new(); keys.len()];
        let tenants: Vec<i32> = keys.iter().map(|(tenant, ..)| *tenant).collect();
        let names: Vec<&str> = keys.iter().map(|(_, key, _)| *key).collect();
        let locked = lock_keys(&mut self.0, &tenants, &names).await?;
        let own: Vec<(i32, &str, i32)> = locked.iter().filter_map(|at| keys.get(*at).copied()).collect();
        let tenants: Vec<i32> = own.iter().map(|(tenant, ..)| *tenant).collect();
        let names: Vec<&str> = own.iter().map(|(_, key, _)| *key).collect();
        let wanted: Vec<i32> = own.iter().map(|(.., wanted)| *wanted).collect();
        if own.is_empty() {
            return Ok(free);
        }
        let rows = sqlx::query_file!("src/store/sql/free_slots.sql", &tenants, &names as _, &wanted)
            .fetch_all(&mut *self.0)
            .await?;
        for row in rows {
            let at = usize::try_from(row.place - 1).ok().and_then(|place| locked.get(place));
            if let Some(slots) = at.and_then(|at| free.get_mut(*at)) {
                slots.push(row.slot);
            }
        }
        Ok(free)
    }

    /// Grants, and says which of the rows it was written to: one that changed meanwhile is left, and pays nothing.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn grant(
        &mut self,
        worker: WorkerId,
        grants: &[(i64, Grant, Option<i16>)],
    ) -> Result<(Granted, Vec<i64>), Error> {
        let ids: Vec<i64> = grants.iter().map(|(id, ..)| *id).collect();
        let status: Vec<i16> = grants.iter().map(|(_, grant, _)| grant.status()).collect();
        let slots: Vec<Option<i16>> = grants.iter().map(|(.., slot)| *slot).collect();
        let rows = sqlx::query_file!("src/store/sql/grant_tokens.sql", worker.0, &ids, &status, &slots as _)
            .fetch_all(&mut *self.0)
            .await?;
        let (mut granted, mut written) = (Granted::default(), Vec::with_capacity(rows.len()));
        for row in rows {
            written.push(row.id);
            if row.status == Status::Executing.code() {
                granted.claimed.push(claimed!(row));
            } else {
                granted.moved.push(moved!(row));
            }
        }
        claims::hand(&mut self.0, &mut granted.claimed).await?;
        Ok((granted, written))
    }

    /// Charges the buckets, and commits.
    ///
    /// # Errors
    /// When a statement fails: then nothing was granted, unless the error is one of the connection.
    pub async fn finish(mut self, charges: &[(&BucketKey, Bucket)]) -> Result<(), Error> {
        if !charges.is_empty() {
            let tenants: Vec<i32> = charges.iter().map(|(key, _)| key.tenant).collect();
            let keys: Vec<&str> = charges.iter().map(|(key, _)| key.key.as_str()).collect();
            let levels: Vec<i64> = charges.iter().map(|(_, bucket)| bucket.level).collect();
            let at: Vec<i64> = charges.iter().map(|(_, bucket)| bucket.at_us).collect();
            charge(&mut self.0, &tenants, &keys, (&levels, &at)).await?;
        }
        self.0.commit().await?;
        Ok(())
    }
}

impl Grant {
    fn status(self) -> i16 {
        match self {
            Self::Run => Status::Executing.code(),
            Self::Pay => Status::Runnable.code(),
            Self::Aside => Status::WANTS_SLOT,
        }
    }
}

async fn charge(
    connection: &mut PgConnection,
    tenants: &[i32],
    keys: &[&str],
    (levels, at): (&[i64], &[i64]),
) -> Result<(), Error> {
    sqlx::query_file!("src/store/sql/charge_buckets.sql", tenants, keys as _, levels, at).execute(connection).await?;
    Ok(())
}

fn columns(buckets: &[BucketKey]) -> (Vec<i32>, Vec<&str>) {
    buckets.iter().map(|bucket| (bucket.tenant, bucket.key.as_str())).unzip()
}
