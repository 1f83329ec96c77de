//! Taking runnable instances, finding lanes with work, giving rows back.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use gd_core::{
    Child, Claim, EffectResult, Inbox, InstanceId, Lane, Signal, SignalId, Status, TenantId, Version, Visit, Wake,
    WorkerId,
};
use sqlx::{PgConnection, PgExecutor};

use super::places::{Key, Moved, moved};
use super::rows::{self, column, count};
use super::{Error, Store, children, effects};

/// An instance that a worker holds, with everything that its next attempt needs.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns of gd.instance")]
pub struct Claimed {
    pub id: InstanceId,
    pub tenant: TenantId,
    /// Where it waited.
    pub lane: Lane,
    /// Since when it was due, in microseconds since the Unix epoch.
    pub eligible_at_us: i64,
    pub fsm: i32,
    pub version: Version,
    pub step: String,
    pub state: Vec<u8>,
    pub attempt: u32,
    pub faults: u32,
    pub visit: Visit,
    pub claim: Claim,
    pub wake: Wake,
    pub correlation_key: Option<String>,
    pub concurrency_key: Option<String>,
    /// The slot of its concurrency key that it holds.
    pub slot: Option<i16>,
    pub parent: Option<InstanceId>,
    pub depth: u32,
    /// Rounds of children that it has made.
    pub round: u32,
    pub awaits: Vec<String>,
    /// The inbox as of the claim.
    pub inbox: Inbox,
    /// What its children left, of all rounds.
    pub children: Vec<Child>,
    /// What became of the effects of the step before.
    pub effect_results: Vec<EffectResult>,
    /// The database's clock at the claim, in milliseconds since the Unix epoch.
    pub now_ms: u64,
}

/// What was claimed, and what was put aside.
#[derive(Debug, Default)]
pub struct Claims {
    /// What the worker holds now.
    pub claimed: Vec<Claimed>,
    /// Per lane asked, how many rows it gave, those put aside included.
    pub given: Vec<u32>,
    /// The keys of rows that were put aside, each once: who gets a free slot is to be decided.
    pub aside: Vec<Key>,
}

/// Of a row of a statement that claims. Inbox and children are read after it.
macro_rules! claimed {
    ($row:ident) => {{
        Claimed {
            id: InstanceId($row.id),
            tenant: TenantId($row.tenant_id),
            lane: rows::lane($row.tenant_id, $row.queue_id, $row.priority),
            eligible_at_us: $row.eligible_at_us,
            fsm: $row.fsm_id,
            version: Version($row.version),
            step: $row.step,
            state: $row.state,
            attempt: count($row.attempt),
            faults: count($row.faults),
            visit: Visit($row.visit),
            claim: Claim($row.claim),
            wake: rows::wake("instance", $row.id, $row.wake)?,
            correlation_key: $row.correlation_key,
            concurrency_key: $row.concurrency_key,
            slot: $row.slot,
            parent: $row.parent.map(InstanceId),
            depth: u32::from($row.depth.unsigned_abs()),
            round: count($row.round),
            awaits: $row.awaits.unwrap_or_default(),
            inbox: Inbox::default(),
            children: Vec::new(),
            effect_results: effects::read($row.id, $row.effect_results.as_deref())?,
            now_ms: $row.now_ms.unsigned_abs(),
        }
    }};
}
pub(super) use claimed;

impl Store {
    /// Claims from several lanes at once, each with its own bound, but nothing of the versions in `stalled`, and reads the inboxes of those that have
    /// mail. Also says for each lane how many rows it gave. One statement, and another where there is something to hand over.
    ///
    /// # Errors
    /// When a statement fails: what was claimed then is given back by [`Store::owned_claims`] and [`Store::release`].
    pub async fn claim(
        &self,
        worker: WorkerId,
        shares: &[(Lane, u32)],
        stalled: &[(i32, Version)],
    ) -> Result<Claims, Error> {
        let tenants: Vec<i32> = shares.iter().map(|(lane, _)| lane.tenant).collect();
        let queues: Vec<i32> = shares.iter().map(|(lane, _)| lane.queue).collect();
        let priorities: Vec<i16> = shares.iter().map(|(lane, _)| lane.priority).collect();
        let rows_max: Vec<i32> = shares.iter().map(|(_, rows)| column(*rows)).collect();
        let stalled = numbers(stalled);
        let rows =
            sqlx::query_file!("src/store/sql/claim.sql", worker.0, &tenants, &queues, &priorities, &rows_max, &stalled)
                .fetch_all(&self.claims)
                .await?;
        let mut claims = Claims { given: vec![0; shares.len()], ..Claims::default() };
        let mut with_mail = HashSet::new();
        for row in rows {
            let lane = rows::lane(row.tenant_id, row.queue_id, row.priority);
            if let Some(share) = shares.iter().position(|(asked, _)| *asked == lane) {
                claims.given[share] += 1;
            }
            if row.status != Status::WANTS_SLOT {
                if row.has_mail {
                    with_mail.insert(row.id);
                }
                claims.claimed.push(claimed!(row));
            } else if let Some(key) = row.concurrency_key {
                let key = Key { tenant: row.tenant_id, key };
                if !claims.aside.contains(&key) {
                    claims.aside.push(key);
                }
            }
        }
        let handed = |claimed: &&mut Claimed| claimed.round > 0 || with_mail.contains(&claimed.id.0);
        let handed: Vec<&mut Claimed> = claims.claimed.iter_mut().filter(handed).collect();
        if !handed.is_empty() {
            hand(&mut *self.claims.acquire().await?, handed).await?;
        }
        Ok(claims)
    }

    /// Whether an instance is due whose worker died under it time and again, of one of the `queues` (all for `None`), but of no
    /// version in `stalled`.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn has_suspect(&self, queues: Option<&[i32]>, stalled: &[(i32, Version)]) -> Result<bool, Error> {
        let stalled = numbers(stalled);
        Ok(sqlx::query_file_scalar!("src/store/sql/has_suspect.sql", &stalled, queues).fetch_one(&self.sweeps).await?)
    }

    /// Claims one such instance, durably, and says how many lone starts it has had with this one.
    ///
    /// # Errors
    /// When a statement fails: what was claimed then is given back as by [`Store::claim`].
    pub async fn claim_suspect(
        &self,
        worker: WorkerId,
        queues: Option<&[i32]>,
        stalled: &[(i32, Version)],
    ) -> Result<Option<(Claimed, u32)>, Error> {
        let stalled = numbers(stalled);
        let row = sqlx::query_file!("src/store/sql/claim_suspect.sql", worker.0, &stalled, queues)
            .fetch_optional(&self.sweeps)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let lone_starts = count(row.lone_starts);
        let mut claimed = claimed!(row);
        hand(&mut *self.sweeps.acquire().await?, std::slice::from_mut(&mut claimed)).await?;
        Ok(Some((claimed, lone_starts)))
    }

    /// Lanes with work behind `after`, at most `lanes_max`, and how long until the first row of each is due.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn scan_lanes(&self, after: Lane, lanes_max: i64) -> Result<Vec<(Lane, Duration)>, Error> {
        let rows =
            sqlx::query_file!("src/store/sql/scan_lanes.sql", after.tenant, after.queue, after.priority, lanes_max)
                .fetch_all(&self.claims)
                .await?;
        let found = |tenant, queue, priority, ms: i64| {
            (rows::lane(tenant, queue, priority), Duration::from_millis(ms.unsigned_abs()))
        };
        Ok(rows.into_iter().map(|row| found(row.tenant_id, row.queue_id, row.priority, row.due_in_ms)).collect())
    }

    /// Gives rows back unfinished; the attempt is not counted. Says where each waits now.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn release(&self, worker: WorkerId, rows: &[(InstanceId, Claim)]) -> Result<Vec<Moved>, Error> {
        let ids: Vec<i64> = rows.iter().map(|(id, _)| id.0).collect();
        let claims: Vec<i64> = rows.iter().map(|(_, claim)| claim.0).collect();
        let released =
            sqlx::query_file!("src/store/sql/release.sql", worker.0, &ids, &claims).fetch_all(&self.sweeps).await?;
        Ok(released.into_iter().map(|row| moved!(row)).collect())
    }

    /// What the database thinks that this worker holds.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn owned_claims(&self, worker: WorkerId) -> Result<Vec<(InstanceId, Claim)>, Error> {
        let rows = sqlx::query_file!("src/store/sql/owned_claims.sql", worker.0).fetch_all(&self.sweeps).await?;
        Ok(rows.into_iter().map(|row| (InstanceId(row.id), Claim(row.claim))).collect())
    }

    /// Wakes parked instances whose deadline has passed, at most `rows_max`. One entry per instance.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn wake_timeouts(&self, rows_max: i64) -> Result<Vec<Lane>, Error> {
        let rows = sqlx::query_file!("src/store/sql/wake_timeouts.sql", rows_max, Wake::Timeout.code())
            .fetch_all(&self.claims)
            .await?;
        Ok(rows.into_iter().map(|row| rows::lane(row.tenant_id, row.queue_id, row.priority)).collect())
    }
}

/// Versions as one number each.
pub(super) fn numbers(versions: &[(i32, Version)]) -> Vec<i64> {
    versions.iter().map(|(fsm, version)| (i64::from(*fsm) << 32) + i64::from(version.0)).collect()
}

/// Gives what was claimed its inbox, and parents what their children left.
pub(super) async fn hand<'c>(
    connection: &mut PgConnection,
    claimed: impl IntoIterator<Item = &'c mut Claimed>,
) -> Result<(), Error> {
    let claimed: Vec<&mut Claimed> = claimed.into_iter().collect();
    let ids: Vec<i64> = claimed.iter().map(|claimed| claimed.id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut signals = read_inbox(&mut *connection, &ids).await?;
    let parents: Vec<i64> = claimed.iter().filter(|claimed| claimed.round > 0).map(|claimed| claimed.id.0).collect();
    let mut children = children::read(connection, &parents).await?;
    for claimed in claimed {
        claimed.inbox = Inbox::new(&claimed.awaits, signals.remove(&claimed.id.0).unwrap_or_default());
        claimed.children = children.remove(&claimed.id.0).unwrap_or_default();
    }
    Ok(())
}

/// Unconsumed signals per instance, oldest first.
pub(super) async fn read_inbox<'e>(
    executor: impl PgExecutor<'e>,
    ids: &[i64],
) -> Result<HashMap<i64, Vec<Signal>>, Error> {
    let mut inboxes: HashMap<i64, Vec<Signal>> = HashMap::new();
    for row in sqlx::query_file!("src/store/sql/read_inbox.sql", ids).fetch_all(executor).await? {
        inboxes.entry(row.target).or_default().push(Signal {
            id: SignalId(row.id),
            name: row.name,
            payload: row.payload,
            received_at_ms: row.received_at_ms.unsigned_abs(),
        });
    }
    Ok(inboxes)
}
