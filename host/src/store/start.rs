//! Inserting instances, with their correlation keys taken in the same statement.

use std::borrow::Borrow;
use std::collections::HashMap;

use gd_core::{Claim, Inbox, InstanceId, Lane, Scope, TenantId, Version, Visit, Wake, WorkerId};
use sqlx::PgConnection;

use super::claims::Claimed;
use super::places::{BucketKey, Key, Place};
use super::rows::{column, millis};
use super::{Error, Store};

/// How often a start looks again when the holder of its key ends at the same moment.
const RACES_MAX: usize = 10;

/// An instance to be.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns of gd.instance")]
pub struct NewInstance {
    pub fsm: i32,
    pub version: Version,
    pub step: String,
    pub state: Vec<u8>,
    pub queue: i32,
    pub priority: i16,
    pub delay_ms: u64,
    /// Milliseconds since the Unix epoch at which it is due; wins over the delay.
    pub due_ms: Option<i64>,
    pub correlation_key: Option<String>,
    /// The ends beyond which a unique key stays taken.
    pub scope: Scope,
    /// The key is an address alone, which others may have too.
    pub shared_key: bool,
    pub concurrency_key: Option<String>,
    /// `name` or `name:partition`.
    pub rate_limit: Option<String>,
    /// Tokens that its next step costs, from 1.
    pub weight: u32,
    pub parent: Option<Parent>,
}

impl NewInstance {
    /// Where it waits, and for how many milliseconds it does in any case. What is due at a time of its own is found by the poll.
    pub fn waits_at(&self, tenant: TenantId) -> (Place, u64) {
        let delay_ms = self.due_ms.map_or(self.delay_ms, |_| 0);
        let place = match (&self.rate_limit, &self.concurrency_key) {
            (Some(bucket), _) => Place::Tokens(BucketKey { tenant: tenant.0, key: bucket.clone() }),
            (None, Some(key)) if delay_ms == 0 => Place::Slot(Key { tenant: tenant.0, key: key.clone() }),
            (None, Some(_) | None) => {
                Place::Lane(Lane { tenant: tenant.0, queue: self.queue, priority: self.priority })
            }
        };
        (place, delay_ms)
    }
}

/// Where a child belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Who made it.
    pub id: InstanceId,
    /// The parent's round of children, from 1.
    pub round: u32,
    /// Its place in that round, from 0.
    pub index: u32,
    /// How many ancestors the child has.
    pub depth: u16,
}

/// What became of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It is there.
    New(InstanceId),
    /// Its key is held by this instance.
    Duplicate(InstanceId),
}

/// A plain start that went through.
#[derive(Clone, Copy, Debug)]
pub struct StartedPlain {
    /// Its number.
    pub id: InstanceId,
    /// Whether the worker that was given holds it now.
    pub claimed: bool,
    eligible_at_us: i64,
    now_ms: u64,
}

impl StartedPlain {
    /// The instance as the worker holds it, under its first claim.
    pub fn into_claimed(self, tenant: TenantId, new: NewInstance) -> Claimed {
        Claimed {
            id: self.id,
            tenant,
            lane: Lane { tenant: tenant.0, queue: new.queue, priority: new.priority },
            eligible_at_us: self.eligible_at_us,
            fsm: new.fsm,
            version: new.version,
            step: new.step,
            state: new.state,
            attempt: 0,
            faults: 0,
            visit: Visit(0),
            claim: Claim(1),
            wake: Wake::Start,
            correlation_key: None,
            concurrency_key: None,
            slot: None,
            parent: None,
            depth: 0,
            round: 0,
            awaits: Vec::new(),
            inbox: Inbox::default(),
            children: Vec::new(),
            effect_results: Vec::new(),
            now_ms: self.now_ms,
        }
    }
}

impl Store {
    /// Starts one instance.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn start(&self, tenant: TenantId, new: &NewInstance) -> Result<Started, Error> {
        let started = self.start_many(tenant, std::slice::from_ref(new)).await?;
        started.first().copied().ok_or(Error::Statement(sqlx::Error::RowNotFound))
    }

    /// Starts one instance without keys and limits, on a version that is routed; `None` where it is not any more, and nothing was started. Once
    /// there is a connection, `offer` is asked for a worker that claims it as soon as it is there, which it has to be at once.
    ///
    /// # Errors
    /// When the statement fails: what was claimed then is given back by [`Store::owned_claims`] and [`Store::release`].
    pub async fn start_plain(
        &self,
        tenant: TenantId,
        new: &NewInstance,
        offer: impl FnOnce() -> Option<WorkerId> + Send,
    ) -> Result<Option<StartedPlain>, Error> {
        let mut connection = self.pool.acquire().await?;
        let row = sqlx::query_file!(
            "src/store/sql/start_plain.sql",
            tenant.0,
            new.fsm,
            new.version.0,
            new.step,
            new.state,
            new.queue,
            new.priority,
            millis(new.delay_ms),
            offer().map(|worker| worker.0),
        )
        .fetch_optional(&mut *connection)
        .await?;
        Ok(row.map(|row| StartedPlain {
            id: InstanceId(row.id),
            claimed: row.claimed,
            eligible_at_us: row.eligible_at_us,
            now_ms: row.now_ms.unsigned_abs(),
        }))
    }

    /// Starts many instances with one statement, and says of each what became of it. Of two with one key the first wins.
    ///
    /// # Errors
    /// When the statement fails: then none was started, but for those that were while others raced for their keys.
    pub async fn start_many<N: Borrow<NewInstance>>(&self, tenant: TenantId, new: &[N]) -> Result<Vec<Started>, Error> {
        let mut known: Vec<Option<Started>> = vec![None; new.len()];
        for _ in 0..RACES_MAX {
            let open: Vec<usize> = (0..new.len()).filter(|at| known[*at].is_none()).collect();
            if open.is_empty() {
                break;
            }
            let entries: Vec<&NewInstance> = open.iter().map(|at| new[*at].borrow()).collect();
            let mut connection = self.pool.acquire().await?;
            for (at, started) in open.into_iter().zip(insert(&mut connection, tenant, &entries).await?) {
                known[at] = started;
            }
        }
        known.into_iter().collect::<Option<Vec<Started>>>().ok_or(Error::Statement(sqlx::Error::RowNotFound))
    }
}

/// Inserts instances with one statement, in the caller's transaction if there is one. `None` where the key's holder came or went within
/// this statement: the next one sees which.
pub(super) async fn insert<N: Borrow<NewInstance>>(
    connection: &mut PgConnection,
    tenant: TenantId,
    new: &[N],
) -> Result<Vec<Option<Started>>, Error> {
    let (sent, sent_as) = without_repeated_keys(new);
    if sent.is_empty() {
        return Ok(Vec::new());
    }
    let entries = Entries::of(&sent);
    let rows = sqlx::query_file!(
        "src/store/sql/start.sql",
        tenant.0,
        &entries.fsm,
        &entries.version,
        entries.step.as_slice() as _,
        entries.state.as_slice() as _,
        &entries.queue,
        &entries.priority,
        &entries.delay_ms,
        entries.key.as_slice() as _,
        &entries.keeps,
        entries.due_ms.as_slice() as _,
        &entries.shared_key,
        entries.concurrency_key.as_slice() as _,
        entries.rate_limit.as_slice() as _,
        &entries.weight,
        entries.parent.as_slice() as _,
        entries.child_round.as_slice() as _,
        entries.child_index.as_slice() as _,
        &entries.depth,
    )
    .fetch_all(connection)
    .await?;
    let outcome = |(started, holder): (Option<i64>, Option<i64>)| match (started, holder) {
        (Some(id), _) => Some(Started::New(InstanceId(id))),
        (None, Some(holder)) => Some(Started::Duplicate(InstanceId(holder))),
        (None, None) => None,
    };
    let outcomes: Vec<Option<Started>> = rows.into_iter().map(|row| outcome((row.started, row.holder))).collect();
    Ok(sent_as.into_iter().map(|sent_as| sent_as.outcome(&outcomes)).collect())
}

/// How an entry of a batch reaches the statement.
#[derive(Clone, Copy)]
enum SentAs {
    /// At this place.
    Itself(usize),
    /// The entry at this place has its key.
    Repeated(usize),
}

impl SentAs {
    fn outcome(self, outcomes: &[Option<Started>]) -> Option<Started> {
        let at = |at: usize| outcomes.get(at).copied().flatten();
        match self {
            Self::Itself(place) => at(place),
            Self::Repeated(place) => {
                at(place).map(|(Started::New(id) | Started::Duplicate(id))| Started::Duplicate(id))
            }
        }
    }
}

/// The first entry of every unique key, and all entries without one.
fn without_repeated_keys<N: Borrow<NewInstance>>(new: &[N]) -> (Vec<&NewInstance>, Vec<SentAs>) {
    let (mut sent, mut first): (Vec<&NewInstance>, HashMap<&str, usize>) = (Vec::new(), HashMap::new());
    let mut sent_as = Vec::with_capacity(new.len());
    for entry in new.iter().map(Borrow::borrow) {
        let key = entry.correlation_key.as_deref().filter(|_| !entry.shared_key);
        if let Some(place) = key.and_then(|key| first.get(key)) {
            sent_as.push(SentAs::Repeated(*place));
            continue;
        }
        if let Some(key) = key {
            first.insert(key, sent.len());
        }
        sent_as.push(SentAs::Itself(sent.len()));
        sent.push(entry);
    }
    (sent, sent_as)
}

/// The arrays of `start.sql`.
#[derive(Default)]
struct Entries<'a> {
    fsm: Vec<i32>,
    version: Vec<i32>,
    step: Vec<&'a str>,
    state: Vec<&'a [u8]>,
    queue: Vec<i32>,
    priority: Vec<i16>,
    delay_ms: Vec<i64>,
    key: Vec<Option<&'a str>>,
    keeps: Vec<i16>,
    due_ms: Vec<Option<i64>>,
    shared_key: Vec<bool>,
    concurrency_key: Vec<Option<&'a str>>,
    rate_limit: Vec<Option<&'a str>>,
    weight: Vec<i32>,
    parent: Vec<Option<i64>>,
    child_round: Vec<Option<i32>>,
    child_index: Vec<Option<i32>>,
    depth: Vec<i16>,
}

impl<'a> Entries<'a> {
    fn of(new: &[&'a NewInstance]) -> Self {
        let mut entries = Self::default();
        for entry in new {
            entries.push(entry);
        }
        entries
    }

    fn push(&mut self, new: &'a NewInstance) {
        self.fsm.push(new.fsm);
        self.version.push(new.version.0);
        self.step.push(&new.step);
        self.state.push(&new.state);
        self.queue.push(new.queue);
        self.priority.push(new.priority);
        self.delay_ms.push(millis(new.delay_ms));
        self.key.push(new.correlation_key.as_deref());
        self.keeps.push(new.scope.bits());
        self.due_ms.push(new.due_ms);
        self.shared_key.push(new.shared_key);
        self.concurrency_key.push(new.concurrency_key.as_deref());
        self.rate_limit.push(new.rate_limit.as_deref());
        self.weight.push(column(new.weight));
        self.parent.push(new.parent.map(|parent| parent.id.0));
        self.child_round.push(new.parent.map(|parent| column(parent.round)));
        self.child_index.push(new.parent.map(|parent| column(parent.index)));
        self.depth.push(new.parent.map_or(0, |parent| i16::try_from(parent.depth).unwrap_or(i16::MAX)));
    }
}
