//! Committing the outcomes of many attempts at once: each is written whole or not at all.

mod ends;
mod handover;
mod moves;
mod plain;
mod record;
mod riders;

use std::collections::{BTreeSet, HashMap, HashSet};

use gd_core::{
    Child, Claim, Decision, EffectResult, InstanceId, Limits, Signal, SignalId, TenantId, Then, Version, Visit, Wake,
    WorkerId,
};
use sqlx::{Connection, PgConnection};

use super::claims::{self, Claimed};
use super::places::{Key, Place};
use super::{Error, HistoryLevel, children};
use crate::failpoint::{self, Failpoint};

pub use plain::encoded;
pub use riders::{Rider, Riders};

/// One attempt's outcome, ready to be written.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The instance.
    pub id: InstanceId,
    /// The claim under which the attempt ran: with the worker, the fence of this write.
    pub claim: Claim,
    /// Whose it is.
    pub tenant: TenantId,
    /// Whom its end is told.
    pub parent: Option<InstanceId>,
    /// Rounds of children that it made before.
    pub round: u32,
    /// The slot of its concurrency key that it holds.
    pub slot: Option<(Key, i16)>,
    /// What is written.
    pub decision: Decision,
    /// What the decision's children and effects come to.
    pub riders: Riders,
    /// Whether the worker keeps the instance, where the decision leaves the choice.
    pub run_on: bool,
    /// The queue of which the worker may go on with another instance, where this one lets go of its slot.
    pub takes_over: Option<i32>,
    /// The signals that the attempt was handed as awaited: none of them wakes what it parks.
    pub handed: Vec<SignalId>,
    /// For the history.
    pub record: Record,
    /// What the attempt logged, as a JSON array; empty when it said nothing.
    pub log: Vec<u8>,
    /// How much of the attempt is kept.
    pub history: HistoryLevel,
    /// What the attempt was handed, as JSON; empty unless that is kept.
    pub input: Vec<u8>,
}

/// What the history tells of an attempt beside its outcome.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns of gd.attempt")]
pub struct Record {
    pub visit: Visit,
    pub attempt: u32,
    pub version: Version,
    pub wake: Wake,
    pub step: String,
    pub duration_us: u64,
    pub cpu_us: u64,
}

/// What became of one commit.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Written; the worker still holds the instance and may run its next step.
    RunsOn {
        /// The inbox as of this commit.
        signals: Vec<Signal>,
        /// What its children left.
        children: Vec<Child>,
        /// What became of this commit's effects.
        effect_results: Vec<EffectResult>,
        /// The database's clock at this commit.
        now_ms: u64,
    },
    /// Written; the instance is runnable and waits here, now or after a delay.
    Runnable(Place),
    /// Written; the instance waits for a signal or for its children.
    Parked,
    /// Written; the instance has ended.
    Ended,
    /// The instance is somebody else's by now: nothing was written.
    Stale,
}

/// What one flush came to.
#[derive(Debug, Default)]
pub struct Flushed {
    /// One per commit, in their order.
    pub verdicts: Vec<Verdict>,
    /// Instances that got a slot which a commit let go of, and that its worker holds now.
    pub taken_over: HashMap<(InstanceId, Claim), Claimed>,
    /// Where others wait by it, and after how many milliseconds.
    pub woken: Vec<(Place, u64)>,
}

impl Commit {
    /// One instance may stand in a batch twice, under a claim that is lost and under the one that took its place.
    fn key(&self) -> (InstanceId, Claim) {
        (self.id, self.claim)
    }

    fn ends(&self) -> bool {
        matches!(self.decision.change.then, Then::End { .. })
    }

    /// About how many bytes of payload it carries.
    pub fn bytes(&self) -> usize {
        let result = match &self.decision.change.then {
            Then::End { result, .. } => result.as_ref().map_or(0, Vec::len),
            Then::RunOn | Then::Requeue { .. } | Then::Again { .. } | Then::Park { .. } | Then::Join => 0,
        };
        result
            + self.decision.change.state.as_ref().map_or(0, Vec::len)
            + self.log.len()
            + self.input.len()
            + self.riders.bytes()
    }
}

type Verdicts = HashMap<(InstanceId, Claim), Verdict>;

/// Writes all commits in one transaction, in a constant number of statements; in one statement where all of them are plain.
///
/// # Errors
/// When a statement fails: then nothing of all this was written, unless the error is one of the connection.
pub async fn flush(
    connection: &mut PgConnection,
    worker: WorkerId,
    commits: &[&Commit],
    limits: &Limits,
) -> Result<Flushed, Error> {
    if commits.iter().all(|commit| commit.is_plain()) {
        return plain::commit(connection, worker, commits).await;
    }
    let mut transaction = connection.begin().await?;
    let targets = riders::Targets::resolve(&mut transaction, commits).await?;
    let fence = Fence::lock(&mut transaction, commits, &targets).await?;
    let mut flushed = Flushed::default();
    let carried =
        riders::carry_out(&mut transaction, &fence.hold(worker, commits), &targets, limits, &mut flushed).await?;
    let (ends, moves): (Vec<&Commit>, Vec<&Commit>) = commits.iter().copied().partition(|commit| commit.ends());
    let mut verdicts = Verdicts::with_capacity(commits.len());
    if !moves.is_empty() {
        moves::commit(&mut transaction, worker, &moves, &carried, &mut verdicts).await?;
    }
    if !ends.is_empty() {
        ends::commit(&mut transaction, worker, &ends, &mut verdicts, &mut flushed).await?;
    }
    let written: Vec<&Commit> = commits.iter().copied().filter(|commit| verdicts.contains_key(&commit.key())).collect();
    if !written.is_empty() {
        record::signals(&mut transaction, &written).await?;
        record::history(&mut transaction, worker, &written).await?;
        handover::hand_over(&mut transaction, worker, &written, &verdicts, &mut flushed).await?;
    }
    hand_on(&mut transaction, &mut verdicts, &written, carried).await?;
    failpoint::pass(Failpoint::BeforeCommit);
    transaction.commit().await?;
    flushed.verdicts = commits.iter().map(|commit| verdicts.remove(&commit.key()).unwrap_or(Verdict::Stale)).collect();
    Ok(flushed)
}

/// Who owns each row under which claim, once they are locked.
struct Fence(HashMap<i64, (Option<i64>, i64)>);

impl Fence {
    /// Locks every row that the flush writes to.
    async fn lock(
        connection: &mut PgConnection,
        commits: &[&Commit],
        targets: &riders::Targets,
    ) -> Result<Self, Error> {
        let mut ids: BTreeSet<i64> = commits.iter().map(|commit| commit.id.0).collect();
        ids.extend(commits.iter().filter(|commit| commit.ends()).filter_map(|commit| commit.parent).map(|id| id.0));
        ids.extend(targets.ids());
        let ids: Vec<i64> = ids.into_iter().collect();
        Ok(Self(lock(connection, &ids).await?))
    }

    /// Commits with riders that this worker still has the right to: nothing rides with what is stale.
    fn hold<'a>(&self, worker: WorkerId, commits: &[&'a Commit]) -> Vec<&'a Commit> {
        let holds = |commit: &&&Commit| self.0.get(&commit.id.0) == Some(&(Some(worker.0), commit.claim.0));
        commits.iter().filter(|commit| !commit.riders.is_empty()).filter(holds).copied().collect()
    }
}

/// Locks rows in the order of their ids, and says who owns each under which claim.
pub(super) async fn lock(
    connection: &mut PgConnection,
    ids: &[i64],
) -> Result<HashMap<i64, (Option<i64>, i64)>, Error> {
    let rows = sqlx::query_file!("src/store/sql/lock_claimed.sql", ids).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.id, (row.owner, row.claim))).collect())
}

/// Which of these attempts were committed by this worker although the answer was lost.
///
/// # Errors
/// When the statement fails.
pub async fn committed_claims(
    connection: &mut PgConnection,
    worker: WorkerId,
    commits: &[&Commit],
) -> Result<HashSet<(InstanceId, Claim)>, Error> {
    let ids: Vec<i64> = commits.iter().map(|commit| commit.id.0).collect();
    let claims: Vec<i64> = commits.iter().map(|commit| commit.claim.0).collect();
    let rows =
        sqlx::query_file!("src/store/sql/committed_claims.sql", worker.0, &ids, &claims).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (InstanceId(row.id), Claim(row.claim))).collect())
}

/// Each chained step sees a fresh inbox, what its children left, and what became of the effects of its predecessor.
async fn hand_on(
    connection: &mut PgConnection,
    verdicts: &mut Verdicts,
    written: &[&Commit],
    mut carried: HashMap<(InstanceId, Claim), riders::Carried>,
) -> Result<(), Error> {
    let runs_on = |commit: &&&Commit| matches!(verdicts.get(&commit.key()), Some(Verdict::RunsOn { .. }));
    let running: Vec<&Commit> = written.iter().filter(runs_on).copied().collect();
    if running.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = running.iter().map(|commit| commit.id.0).collect();
    let mut inboxes = claims::read_inbox(&mut *connection, &ids).await?;
    let parents: Vec<i64> = running.iter().filter(|commit| commit.round > 0).map(|commit| commit.id.0).collect();
    let mut left = children::read(connection, &parents).await?;
    for (key, verdict) in verdicts.iter_mut() {
        let Verdict::RunsOn { signals, children, effect_results, .. } = verdict else { continue };
        *signals = inboxes.remove(&key.0.0).unwrap_or_default();
        *children = left.remove(&key.0.0).unwrap_or_default();
        *effect_results = carried.remove(key).map(|carried| carried.effects).unwrap_or_default();
    }
    Ok(())
}
