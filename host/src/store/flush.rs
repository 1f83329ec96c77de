//! Committing the outcomes of many attempts at once: each is written whole or not at all.

use std::collections::{HashMap, HashSet};

use gd_core::{
    Claim, Decision, InstanceId, Lane, Scope, Signal, SignalId, Status, Then, Version, Visit, Wake, WorkerId,
};
use sqlx::{Connection, PgConnection};

use super::rows::{self, column, millis};
use super::{Error, claims};
use crate::failpoint::{self, Failpoint};

/// Joins awaited names; a name holds no control character.
const NAME_SEPARATOR: &str = "\u{1f}";

/// One attempt's outcome, ready to be written.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The instance.
    pub id: InstanceId,
    /// The claim under which the attempt ran: with the worker, the fence of this write.
    pub claim: Claim,
    /// What is written.
    pub decision: Decision,
    /// Whether the worker keeps the instance, where the decision leaves the choice.
    pub run_on: bool,
    /// The signals that the attempt was handed as awaited: none of them wakes what it parks.
    pub handed: Vec<SignalId>,
    /// For the history.
    pub record: Record,
    /// What the attempt logged, as a JSON array; empty when it said nothing.
    pub log: Vec<u8>,
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
        /// The database's clock at this commit.
        now_ms: u64,
    },
    /// Written; the instance is runnable in this lane, now or after a delay.
    Runnable(Lane),
    /// Written; the instance waits for a signal.
    Parked,
    /// Written; the instance has ended.
    Ended,
    /// The instance is somebody else's by now: nothing was written.
    Stale,
}

impl Commit {
    /// One instance may stand in a batch twice, under a claim that is lost and under the one that took its place.
    fn key(&self) -> (InstanceId, Claim) {
        (self.id, self.claim)
    }

    /// About how many bytes of payload it carries.
    pub fn bytes(&self) -> usize {
        let result = match &self.decision.change.then {
            Then::End { result, .. } => result.as_ref().map_or(0, Vec::len),
            Then::RunOn | Then::Requeue { .. } | Then::Again { .. } | Then::Park { .. } => 0,
        };
        result + self.decision.change.state.as_ref().map_or(0, Vec::len) + self.log.len()
    }
}

type Verdicts = HashMap<(InstanceId, Claim), Verdict>;

/// Writes all commits in one transaction, in a constant number of statements.
///
/// # Errors
/// When a statement fails: then nothing of all this was written, unless the error is one of the connection.
pub async fn flush(
    connection: &mut PgConnection,
    worker: WorkerId,
    commits: &[&Commit],
) -> Result<Vec<Verdict>, Error> {
    let mut transaction = connection.begin().await?;
    let ids: Vec<i64> = commits.iter().map(|commit| commit.id.0).collect();
    sqlx::query_file!("src/store/sql/lock_claimed.sql", &ids).fetch_all(&mut *transaction).await?;
    let (ends, moves): (Vec<&Commit>, Vec<&Commit>) = commits.iter().copied().partition(|commit| is_end(commit));
    let mut verdicts = Verdicts::with_capacity(commits.len());
    if !moves.is_empty() {
        commit_moves(&mut transaction, worker, &moves, &mut verdicts).await?;
    }
    if !ends.is_empty() {
        commit_ends(&mut transaction, worker, &ends, &mut verdicts).await?;
    }
    let written: Vec<&Commit> = commits.iter().copied().filter(|commit| verdicts.contains_key(&commit.key())).collect();
    if !written.is_empty() {
        consume_signals(&mut transaction, &written).await?;
        record_attempts(&mut transaction, worker, &written).await?;
        record_logs(&mut transaction, &written).await?;
    }
    hand_inboxes(&mut transaction, &mut verdicts).await?;
    failpoint::pass(Failpoint::BeforeCommit);
    transaction.commit().await?;
    Ok(commits.iter().map(|commit| verdicts.remove(&commit.key()).unwrap_or(Verdict::Stale)).collect())
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

fn is_end(commit: &Commit) -> bool {
    matches!(commit.decision.change.then, Then::End { .. })
}

async fn commit_moves(
    connection: &mut PgConnection,
    worker: WorkerId,
    commits: &[&Commit],
    verdicts: &mut Verdicts,
) -> Result<(), Error> {
    let moves = Moves::of(commits);
    let rows = sqlx::query_file!(
        "src/store/sql/commit_moves.sql",
        worker.0,
        &moves.id,
        &moves.claim,
        &moves.status,
        moves.step.as_slice() as _,
        moves.state.as_slice() as _,
        &moves.attempt,
        &moves.faults,
        &moves.new_visit,
        &moves.delay_ms,
        moves.awaits.as_slice() as _,
        &moves.keep_awaits,
        moves.timeout_ms.as_slice() as _,
        &moves.wake,
        &moves.handed,
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        let lane = rows::lane(row.tenant_id, row.queue_id, row.priority);
        let verdict = match rows::status("instance", row.id, row.status)? {
            Status::Executing => Verdict::RunsOn { signals: Vec::new(), now_ms: row.now_ms.unsigned_abs() },
            Status::AwaitingSignal | Status::AwaitingChildren => Verdict::Parked,
            Status::Runnable | Status::Done | Status::Failed | Status::Cancelled => Verdict::Runnable(lane),
        };
        verdicts.insert((InstanceId(row.id), Claim(row.claim)), verdict);
    }
    Ok(())
}

/// The arrays of `commit_moves.sql`.
#[derive(Default)]
struct Moves<'a> {
    id: Vec<i64>,
    claim: Vec<i64>,
    status: Vec<i16>,
    step: Vec<Option<&'a str>>,
    state: Vec<Option<&'a [u8]>>,
    attempt: Vec<i32>,
    faults: Vec<i32>,
    new_visit: Vec<bool>,
    delay_ms: Vec<i64>,
    awaits: Vec<Option<String>>,
    keep_awaits: Vec<bool>,
    timeout_ms: Vec<Option<i64>>,
    wake: Vec<i16>,
    handed: Vec<String>,
}

impl<'a> Moves<'a> {
    fn of(commits: &[&'a Commit]) -> Self {
        let mut moves = Self::default();
        for commit in commits {
            moves.push(commit);
        }
        moves
    }

    fn push(&mut self, commit: &'a Commit) {
        let change = &commit.decision.change;
        let (status, delay_ms, names, timeout_ms) = match &change.then {
            Then::RunOn if commit.run_on => (Status::Executing, 0, None, None),
            // An end is not a move; `flush` has set it aside.
            Then::RunOn | Then::End { .. } => (Status::Runnable, 0, None, None),
            Then::Requeue { delay_ms } | Then::Again { delay_ms } => (Status::Runnable, *delay_ms, None, None),
            Then::Park { names, timeout_ms } => (Status::AwaitingSignal, 0, Some(names), *timeout_ms),
        };
        self.id.push(commit.id.0);
        self.claim.push(commit.claim.0);
        self.status.push(status.code());
        self.step.push(change.step.as_deref());
        self.state.push(change.state.as_deref());
        self.attempt.push(column(change.attempt));
        self.faults.push(column(change.faults));
        self.new_visit.push(change.new_visit);
        self.delay_ms.push(millis(delay_ms));
        self.awaits.push(names.map(|names| names.join(NAME_SEPARATOR)));
        self.keep_awaits.push(matches!(change.then, Then::Again { .. }));
        self.timeout_ms.push(timeout_ms.map(millis));
        self.wake.push(change.then.wake().code());
        self.handed.push(commit.handed.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
    }
}

async fn commit_ends(
    connection: &mut PgConnection,
    worker: WorkerId,
    commits: &[&Commit],
    verdicts: &mut Verdicts,
) -> Result<(), Error> {
    let ends = Ends::of(commits);
    let ended = sqlx::query_file!(
        "src/store/sql/commit_ends.sql",
        worker.0,
        &ends.id,
        &ends.claim,
        &ends.status,
        &ends.keep_bit,
        &ends.clears_inbox,
        ends.result.as_slice() as _,
        ends.error_kind.as_slice() as _,
        ends.error_message.as_slice() as _,
        ends.error_code.as_slice() as _,
    )
    .fetch_all(connection)
    .await?;
    verdicts.extend(ended.into_iter().map(|row| ((InstanceId(row.id), Claim(row.claim)), Verdict::Ended)));
    Ok(())
}

/// The arrays of `commit_ends.sql`.
#[derive(Default)]
struct Ends<'a> {
    id: Vec<i64>,
    claim: Vec<i64>,
    status: Vec<i16>,
    keep_bit: Vec<i16>,
    clears_inbox: Vec<bool>,
    result: Vec<Option<&'a [u8]>>,
    error_kind: Vec<Option<&'a str>>,
    error_message: Vec<Option<&'a str>>,
    error_code: Vec<Option<&'a str>>,
}

impl<'a> Ends<'a> {
    fn of(commits: &[&'a Commit]) -> Self {
        let mut ends = Self::default();
        for commit in commits {
            let Then::End { status, result, error, clears_inbox } = &commit.decision.change.then else { continue };
            ends.id.push(commit.id.0);
            ends.claim.push(commit.claim.0);
            ends.status.push(status.code());
            ends.keep_bit.push(Scope::bit_of(*status));
            ends.clears_inbox.push(*clears_inbox);
            ends.result.push(result.as_deref());
            ends.error_kind.push(error.as_ref().map(|error| error.kind.as_str()));
            ends.error_message.push(error.as_ref().map(|error| error.message.as_str()));
            ends.error_code.push(error.as_ref().and_then(|error| error.code.as_deref()));
        }
        ends
    }
}

async fn record_attempts(connection: &mut PgConnection, worker: WorkerId, commits: &[&Commit]) -> Result<(), Error> {
    let each = |column: fn(&Commit) -> i64| commits.iter().map(|commit| column(commit)).collect::<Vec<i64>>();
    let attempt: Vec<i32> = commits.iter().map(|commit| column(commit.record.attempt)).collect();
    let version: Vec<i32> = commits.iter().map(|commit| commit.record.version.0).collect();
    let wake: Vec<i16> = commits.iter().map(|commit| commit.record.wake.code()).collect();
    let outcome: Vec<i16> = commits.iter().map(|commit| commit.decision.outcome.code()).collect();
    let step: Vec<&str> = commits.iter().map(|commit| commit.record.step.as_str()).collect();
    let to_step: Vec<Option<&str>> = commits.iter().map(|commit| commit.decision.change.step.as_deref()).collect();
    let error = |text: for<'c> fn(&'c gd_core::ErrorInfo) -> Option<&'c str>| {
        commits.iter().map(|commit| commit.decision.error.as_ref().and_then(text)).collect::<Vec<Option<&str>>>()
    };
    let (kind, message) = (error(|error| Some(&error.kind)), error(|error| Some(&error.message)));
    let code = error(|error| error.code.as_deref());
    sqlx::query_file!(
        "src/store/sql/record_attempts.sql",
        worker.0,
        &each(|commit| commit.id.0),
        &each(|commit| commit.claim.0),
        &each(|commit| commit.record.visit.0),
        &attempt,
        &version,
        &wake,
        &outcome,
        &each(|commit| millis(commit.record.duration_us)),
        &each(|commit| millis(commit.record.cpu_us)),
        step.as_slice() as _,
        to_step.as_slice() as _,
        kind.as_slice() as _,
        message.as_slice() as _,
        code.as_slice() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn record_logs(connection: &mut PgConnection, written: &[&Commit]) -> Result<(), Error> {
    let talkative: Vec<&&Commit> = written.iter().filter(|commit| !commit.log.is_empty()).collect();
    if talkative.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = talkative.iter().map(|commit| commit.id.0).collect();
    let claims: Vec<i64> = talkative.iter().map(|commit| commit.claim.0).collect();
    let lines: Vec<&[u8]> = talkative.iter().map(|commit| commit.log.as_slice()).collect();
    sqlx::query_file!("src/store/sql/record_logs.sql", &ids, &claims, lines.as_slice() as _)
        .execute(connection)
        .await?;
    Ok(())
}

async fn consume_signals(connection: &mut PgConnection, written: &[&Commit]) -> Result<(), Error> {
    let consumed =
        written.iter().flat_map(|commit| commit.decision.consumes.iter().map(|signal| (commit.id.0, signal.0)));
    let (targets, signals): (Vec<i64>, Vec<i64>) = consumed.unzip();
    if !signals.is_empty() {
        sqlx::query_file!("src/store/sql/consume_signals.sql", &targets, &signals).execute(connection).await?;
    }
    Ok(())
}

/// Each chained step sees a fresh inbox: that of its predecessor's commit.
async fn hand_inboxes(connection: &mut PgConnection, verdicts: &mut Verdicts) -> Result<(), Error> {
    let mut running: HashMap<i64, &mut Vec<Signal>> = HashMap::new();
    for ((id, _), verdict) in verdicts.iter_mut() {
        if let Verdict::RunsOn { signals, .. } = verdict {
            running.insert(id.0, signals);
        }
    }
    if running.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = running.keys().copied().collect();
    for (id, inbox) in claims::read_inbox(connection, &ids).await? {
        if let Some(signals) = running.get_mut(&id) {
            **signals = inbox;
        }
    }
    Ok(())
}
