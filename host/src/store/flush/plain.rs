//! The outcomes that touch nothing but their own instance, which most are: one statement writes them, their history included.

use gd_core::{Draws, KeyChange, Status, Then, WorkerId};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Execute, PgConnection, Postgres, query::Map};

use super::{Commit, Flushed, Verdict};
use crate::failpoint::{self, Failpoint};
use crate::store::claims::read_inbox;
use crate::store::places::Place;
use crate::store::rows::{self, column, millis};
use crate::store::{Error, HistoryLevel};

impl Commit {
    /// Whether one statement can write it, together with others of its kind: it goes on to its next step here, or is done; and it has no
    /// parent or children, holds no slot, consumes and sends nothing, and leaves nothing but a line in the history.
    pub fn is_plain(&self) -> bool {
        let goes_nowhere_else = match &self.decision.change.then {
            Then::RunOn => self.run_on,
            Then::End { status: Status::Done, .. } => self.parent.is_none(),
            Then::End { .. } | Then::Requeue { .. } | Then::Again { .. } | Then::Park { .. } | Then::Join => false,
        };
        goes_nowhere_else && self.stands_alone() && self.says_nothing()
    }

    /// Nobody else's row is changed by it.
    fn stands_alone(&self) -> bool {
        let change = &self.decision.change;
        self.riders.is_empty()
            && self.slot.is_none()
            && self.round == 0
            && self.decision.consumes.is_empty()
            && matches!(change.concurrency_key, KeyChange::Keep | KeyChange::Release)
            && matches!(change.draws, Draws::Nothing)
    }

    /// The history has no more to tell of it than that it went well.
    fn says_nothing(&self) -> bool {
        self.decision.error.is_none() && self.log.is_empty() && self.input.is_empty()
    }
}

/// Writes them in one statement, which is a transaction of its own.
///
/// # Errors
/// When a statement fails: then none was written, unless the error is one of the connection.
pub(super) async fn commit(
    connection: &mut PgConnection,
    worker: WorkerId,
    commits: &[&Commit],
) -> Result<Flushed, Error> {
    let mut order: Vec<usize> = (0..commits.len()).collect();
    order.sort_unstable_by_key(|at| commits[*at].id);
    let (ends, moves): (Vec<usize>, Vec<usize>) = order.into_iter().partition(|at| commits[*at].ends());
    failpoint::pass(Failpoint::BeforeCommit);
    let (told, over) = (Plain::of(commits, &moves), Plain::of(commits, &ends));
    let written = statement(worker, &told, &over).fetch_all(&mut *connection).await?;
    let mut verdicts: Vec<Verdict> = commits.iter().map(|_| Verdict::Stale).collect();
    let mut with_mail = Vec::new();
    for row in written {
        let group = if row.place > 0 { &moves } else { &ends };
        let Some(at) = group.get(row.place.unsigned_abs() as usize - 1).copied() else { continue };
        verdicts[at] = match rows::status("instance", commits[at].id.0, row.status)? {
            Status::Executing => {
                if row.has_mail {
                    with_mail.push(at);
                }
                Verdict::RunsOn {
                    signals: Vec::new(),
                    children: Vec::new(),
                    effect_results: Vec::new(),
                    now_ms: row.now_ms.unsigned_abs(),
                }
            }
            Status::Done | Status::Failed | Status::Cancelled => Verdict::Ended,
            Status::Runnable | Status::AwaitingSignal | Status::AwaitingChildren => {
                Verdict::Runnable(Place::Lane(rows::lane(row.tenant_id, row.queue_id, row.priority)))
            }
        };
    }
    // All is written. Where this fails, the caller looks up what was, as after an answer that was lost.
    hand_mail(connection, commits, &with_mail, &mut verdicts).await.map_err(as_lost)?;
    Ok(Flushed { verdicts, ..Flushed::default() })
}

/// What the statement says of one row that it wrote.
struct Written {
    place: i32,
    status: i16,
    tenant_id: i32,
    queue_id: i32,
    priority: i16,
    has_mail: bool,
    now_ms: i64,
}

/// The arguments of the statement that writes these commits, as they are sent: for who measures what encoding costs.
pub fn encoded(worker: WorkerId, commits: &[&Commit]) -> Option<PgArguments> {
    let (ends, moves): (Vec<usize>, Vec<usize>) = (0..commits.len()).partition(|at| commits[*at].ends());
    let (moves, ends) = (Plain::of(commits, &moves), Plain::of(commits, &ends));
    statement(worker, &moves, &ends).take_arguments().ok().flatten()
}

/// The statement with its arguments.
fn statement<'q>(
    worker: WorkerId,
    moves: &'q Plain<'_>,
    ends: &'q Plain<'_>,
) -> Map<'q, Postgres, impl FnMut(PgRow) -> Result<Written, sqlx::Error> + Send + use<>, PgArguments> {
    sqlx::query_file_as!(
        Written,
        "src/store/sql/commit_plain.sql",
        worker.0,
        &moves.id,
        &moves.claim,
        moves.to_step.as_slice() as _,
        moves.payload.as_slice() as _,
        &moves.recorded,
        moves.step.as_slice() as _,
        &moves.visit,
        &moves.attempt,
        &moves.version,
        &moves.wake,
        &moves.duration_us,
        &moves.cpu_us,
        &ends.id,
        &ends.claim,
        ends.payload.as_slice() as _,
        &ends.recorded,
        ends.step.as_slice() as _,
        &ends.visit,
        &ends.attempt,
        &ends.version,
        &ends.wake,
        &ends.duration_us,
        &ends.cpu_us,
    )
}

fn as_lost(error: Error) -> Error {
    Error::Statement(sqlx::Error::Io(std::io::Error::other(error)))
}

/// Each chained step sees its inbox as of now.
async fn hand_mail(
    connection: &mut PgConnection,
    commits: &[&Commit],
    with_mail: &[usize],
    verdicts: &mut [Verdict],
) -> Result<(), Error> {
    if with_mail.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = with_mail.iter().map(|at| commits[*at].id.0).collect();
    let mut inboxes = read_inbox(connection, &ids).await?;
    for at in with_mail {
        if let Verdict::RunsOn { signals, .. } = &mut verdicts[*at] {
            *signals = inboxes.remove(&commits[*at].id.0).unwrap_or_default();
        }
    }
    Ok(())
}

/// The arrays of `commit_plain.sql`: of what goes on, or of what is done.
#[derive(Default)]
struct Plain<'a> {
    id: Vec<i64>,
    claim: Vec<i64>,
    to_step: Vec<&'a str>,
    payload: Vec<&'a [u8]>,
    recorded: Vec<bool>,
    step: Vec<&'a str>,
    visit: Vec<i64>,
    attempt: Vec<i32>,
    version: Vec<i32>,
    wake: Vec<i16>,
    duration_us: Vec<i64>,
    cpu_us: Vec<i64>,
}

impl<'a> Plain<'a> {
    fn of(commits: &[&'a Commit], group: &[usize]) -> Self {
        let mut plain = Self::default();
        for commit in group.iter().map(|at| commits[*at]) {
            let change = &commit.decision.change;
            let (to_step, payload) = match &change.then {
                Then::End { result, .. } => (None, result.as_deref()),
                Then::RunOn | Then::Requeue { .. } | Then::Again { .. } | Then::Park { .. } | Then::Join => {
                    (change.step.as_deref(), change.state.as_deref())
                }
            };
            plain.id.push(commit.id.0);
            plain.claim.push(commit.claim.0);
            plain.to_step.push(to_step.unwrap_or_default());
            plain.payload.push(payload.unwrap_or_default());
            plain.recorded.push(commit.history != HistoryLevel::Off);
            plain.step.push(&commit.record.step);
            plain.visit.push(commit.record.visit.0);
            plain.attempt.push(column(commit.record.attempt));
            plain.version.push(commit.record.version.0);
            plain.wake.push(commit.record.wake.code());
            plain.duration_us.push(millis(commit.record.duration_us));
            plain.cpu_us.push(millis(commit.record.cpu_us));
        }
        plain
    }
}
