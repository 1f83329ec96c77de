//! The outcomes after which an instance lives on.

use std::collections::HashMap;

use gd_core::{Claim, Draws, InstanceId, KeyChange, Status, Then, WorkerId};
use sqlx::PgConnection;

use super::riders::Carried;
use super::{Commit, Verdict, Verdicts};
use crate::store::places::Place;
use crate::store::rows::{self, column, millis};
use crate::store::{Error, effects};

/// Joins awaited names; a name holds no control character.
const NAME_SEPARATOR: &str = "\u{1f}";

/// Writes them; what was written has a verdict afterwards.
pub(super) async fn commit(
    connection: &mut PgConnection,
    worker: WorkerId,
    commits: &[&Commit],
    carried: &HashMap<(InstanceId, Claim), Carried>,
    verdicts: &mut Verdicts,
) -> Result<(), Error> {
    let moves = Moves::of(commits, carried);
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
        &moves.key_change,
        moves.new_key.as_slice() as _,
        &moves.draws,
        moves.bucket.as_slice() as _,
        &moves.weight,
        &moves.children,
        &moves.new_round,
        moves.effect_results.as_slice() as _,
        &moves.keep_results,
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        let (id, claim) = (InstanceId(row.id), Claim(row.claim));
        let verdict = match rows::status("instance", row.id, row.status)? {
            Status::Executing => Verdict::RunsOn {
                signals: Vec::new(),
                children: Vec::new(),
                effect_results: Vec::new(),
                now_ms: row.now_ms.unsigned_abs(),
            },
            Status::AwaitingSignal | Status::AwaitingChildren => Verdict::Parked,
            Status::Runnable | Status::Done | Status::Failed | Status::Cancelled => {
                let lane = rows::lane(row.tenant_id, row.queue_id, row.priority);
                Verdict::Runnable(Place::of((row.status, lane), row.concurrency_key, row.rate_limit))
            }
        };
        verdicts.insert((id, claim), verdict);
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
    key_change: Vec<i16>,
    new_key: Vec<Option<&'a str>>,
    draws: Vec<i16>,
    bucket: Vec<Option<&'a str>>,
    weight: Vec<i32>,
    children: Vec<i32>,
    new_round: Vec<bool>,
    effect_results: Vec<Option<Vec<u8>>>,
    keep_results: Vec<bool>,
}

impl<'a> Moves<'a> {
    fn of(commits: &[&'a Commit], carried: &HashMap<(InstanceId, Claim), Carried>) -> Self {
        let mut moves = Self::default();
        for commit in commits {
            let carried = carried.get(&commit.key());
            moves.push(commit, carried.map_or(0, |carried| carried.children));
            moves.push_flow(commit);
            moves.effect_results.push(carried.and_then(|carried| effects::stored(&carried.effects)));
        }
        moves
    }

    /// What the next attempt runs under.
    fn push_flow(&mut self, commit: &'a Commit) {
        let change = &commit.decision.change;
        let (key_change, new_key) = match &change.concurrency_key {
            KeyChange::Keep => (0, None),
            KeyChange::Release => (1, None),
            KeyChange::Switch(key) => (2, Some(key.as_str())),
        };
        let (draws, bucket, weight) = match &change.draws {
            Draws::Nothing => (0, None, 1),
            Draws::Again => (1, None, 1),
            Draws::From { bucket, weight } => (2, Some(bucket.as_str()), *weight),
        };
        self.key_change.push(key_change);
        self.new_key.push(new_key);
        self.draws.push(draws);
        self.bucket.push(bucket);
        self.weight.push(column(weight));
        self.new_round.push(!commit.decision.children.is_empty());
        self.keep_results.push(matches!(change.then, Then::Again { .. }));
    }

    fn push(&mut self, commit: &'a Commit, children: u32) {
        let change = &commit.decision.change;
        let (status, delay_ms, names, timeout_ms) = match &change.then {
            Then::RunOn if commit.run_on => (Status::Executing, 0, None, None),
            // An end is not a move; `flush` has set it aside.
            Then::RunOn | Then::End { .. } => (Status::Runnable, 0, None, None),
            Then::Requeue { delay_ms } | Then::Again { delay_ms } => (Status::Runnable, *delay_ms, None, None),
            Then::Park { names, timeout_ms } => (Status::AwaitingSignal, 0, Some(names), *timeout_ms),
            Then::Join if children > 0 => (Status::AwaitingChildren, 0, None, None),
            Then::Join => (Status::Runnable, 0, None, None),
        };
        self.children.push(column(children));
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
