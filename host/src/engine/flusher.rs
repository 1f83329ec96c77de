//! Group commit: whatever waits when the last commit ended goes into the next one.

use std::sync::Arc;
use std::time::Duration;

use gd_core::{Decision, Position, WorkerId, unstorable};
use metrics::{Histogram, histogram};
use sqlx::PgConnection;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::incarnation::Incarnation;
use super::waits::Waits;
use super::{Shared, micros};
use crate::failpoint::{self, Failpoint};
use crate::store::{Claimed, Commit, Error, Flushed, Verdict, committed_claims, flush};
use crate::telemetry::metrics as names;

/// Waits before a batch is tried again whose database is in trouble: first and longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));
/// How often a batch is tried that meets a lock, before it is halved to find whose.
const CONTENTION_MAX: u32 = 3;
/// How long an instance whose row a stranger has locked stands aside, before it is tried again with the others.
const ASIDE: Duration = Duration::from_millis(50);
/// How long one transaction may take, the network included.
const TRANSACTION_MAX: Duration = Duration::from_secs(30);

/// What became of a commit.
#[expect(clippy::large_enum_variant, reason = "nearly every commit ends so, and a box is an allocation for each step")]
pub(super) enum Done {
    /// The database has answered: what was to be written; and the instance that the runner may go on with, where this one let go of a slot.
    Written(Verdict, Decision, Option<Box<Claimed>>),
    /// It has not, and the worker has no business with the instance any more.
    Unknown,
}

/// Where runners hand in their commits. Cheap to clone; the flusher ends with the last one.
#[derive(Clone)]
pub(super) struct Commits {
    entries: mpsc::Sender<Entry>,
    /// Counts the beginnings and ends of batches: odd while one is on its way.
    batches: watch::Receiver<u64>,
}

impl Commits {
    /// Commits one attempt, in a batch with others, durably.
    pub(super) async fn commit(&self, incarnation: &Incarnation, commit: Commit, position: Position) -> Done {
        let (answer, answered) = oneshot::channel();
        let lost = incarnation.lost.clone();
        let entry = Entry { worker: incarnation.worker, commit, position, lost, ambiguous: false, answer };
        if self.entries.send(entry).await.is_err() {
            return Done::Unknown;
        }
        answered.await.unwrap_or(Done::Unknown)
    }

    /// The end of the batch that is on its way now, if one is.
    pub(super) fn batch_end(&self) -> Option<impl Future<Output = ()> + use<>> {
        let mut batches = self.batches.clone();
        let begun = *batches.borrow();
        // An error says that the flusher is gone: no batch is on its way.
        (begun % 2 == 1).then_some(async move { drop(batches.wait_for(|count| *count > begun).await) })
    }
}

struct Entry {
    worker: WorkerId,
    commit: Commit,
    position: Position,
    lost: CancellationToken,
    /// A connection broke while it was written: it may be committed already.
    ambiguous: bool,
    answer: oneshot::Sender<Done>,
}

/// The commit loop.
pub(super) struct Flusher {
    shared: Arc<Shared>,
    entries: mpsc::Receiver<Entry>,
    batches: watch::Sender<u64>,
    connection: Option<PgConnection>,
    /// Entries whose row a stranger has locked.
    aside: Vec<Entry>,
    rows: Histogram,
    seconds: Histogram,
}

impl Flusher {
    pub(super) fn new(shared: Arc<Shared>) -> (Self, Commits) {
        let (sender, entries) = mpsc::channel(shared.config.flush_rows_max);
        let (rows, seconds) = (histogram!(names::FLUSH_ROWS), histogram!(names::FLUSH));
        let (batches, watched) = watch::channel(0);
        let flusher = Self { shared, entries, batches, connection: None, aside: Vec::new(), rows, seconds };
        (flusher, Commits { entries: sender, batches: watched })
    }

    /// Runs until every [`Commits`] is gone and every entry is answered.
    pub(super) async fn run(mut self) {
        let rows_max = self.shared.config.flush_rows_max;
        loop {
            let mut batch = Vec::new();
            let received = self.entries.recv_many(&mut batch, rows_max);
            let open = if self.aside.is_empty() {
                received.await > 0
            } else {
                // With something aside the queue is not waited for longer than that has to stand there.
                tokio::time::timeout(ASIDE, received).await.is_ok_and(|count| count > 0)
            };
            if !open && self.aside.is_empty() {
                return;
            }
            batch.append(&mut self.aside);
            self.batches.send_modify(|count| *count += 1);
            self.write_all(batch).await;
            self.batches.send_modify(|count| *count += 1);
        }
    }

    /// In batches of one incarnation each, since their fences differ, and of bounded size; plain ones apart, since one statement is
    /// enough for those.
    async fn write_all(&mut self, mut entries: Vec<Entry>) {
        let bytes_max = self.shared.config.flush_bytes_max;
        while let Some((worker, plain)) = entries.first().map(|entry| (entry.worker, entry.commit.is_plain())) {
            let mut bytes = 0;
            let batch: Vec<Entry> = entries
                .extract_if(.., |entry| {
                    let fits = bytes == 0 || bytes + entry.commit.bytes() <= bytes_max;
                    let taken = entry.worker == worker && entry.commit.is_plain() == plain && fits;
                    bytes += if taken { entry.commit.bytes().max(1) } else { 0 };
                    taken
                })
                .collect();
            self.write(worker, batch).await;
        }
    }

    /// Writes a batch, whatever it takes: in halves around an entry that the database refuses or whose row is locked.
    async fn write(&mut self, worker: WorkerId, batch: Vec<Entry>) {
        let mut waiting = vec![batch];
        while let Some(mut batch) = waiting.pop() {
            match self.write_once(worker, &mut batch).await {
                Ok(flushed) => self.answer(batch, flushed),
                Err(error) if batch.len() > 1 => {
                    metrics::counter!(names::FLUSH_RETRY, "reason" => "halved").increment(1);
                    tracing::warn!(%error, size = batch.len(), "flush.error: the batch is tried in halves");
                    let rest = batch.split_off(batch.len() / 2);
                    waiting.extend([rest, batch]);
                }
                Err(error) if error.is_about_data() => self.write_poison(worker, batch, &error).await,
                Err(_) => self.aside.append(&mut batch),
            }
        }
    }

    /// An entry that the database refuses becomes a failure of its own instance.
    async fn write_poison(&mut self, worker: WorkerId, mut batch: Vec<Entry>, error: &Error) {
        for entry in &mut batch {
            tracing::error!(instance = %entry.commit.id, %error, "flush.error: the outcome cannot be stored, its instance fails");
            entry.commit.decision = unstorable(&entry.position, &error.to_string(), &self.shared.limits);
        }
        match self.write_once(worker, &mut batch).await {
            Ok(flushed) => self.answer(batch, flushed),
            Err(error) if error.is_about_data() => {
                tracing::error!(%error, "flush.error: not even the failure can be stored; the instance is given back");
            }
            Err(_) => self.aside.append(&mut batch),
        }
    }

    /// One batch until the database has written it, or refuses something in it. Takes out, and answers, what was committed by
    /// an attempt whose answer was lost, and what nobody has business with any more.
    async fn write_once(&mut self, worker: WorkerId, batch: &mut Vec<Entry>) -> Result<Flushed, Error> {
        let (mut waits, mut tries) = (Waits::new(BACKOFF.0, BACKOFF.1, self.shared.nonce), 0);
        loop {
            let error = match self.transact(worker, batch).await {
                Ok(flushed) => return Ok(flushed),
                Err(error) => error,
            };
            if error.is_about_data() {
                return Err(error);
            }
            tries += 1;
            if error.is_contention() && tries >= CONTENTION_MAX {
                return Err(error);
            }
            let reason = if error.is_connection() { "connection" } else { "contention" };
            metrics::counter!(names::FLUSH_RETRY, "reason" => reason).increment(1);
            if error.is_connection() {
                self.connection = None;
                batch.iter_mut().for_each(|entry| entry.ambiguous = true);
            }
            tracing::warn!(%error, size = batch.len(), "flush.error: the batch is tried again");
            let lost: Vec<Entry> = batch.extract_if(.., |entry| entry.lost.is_cancelled()).collect();
            lost.into_iter().for_each(|entry| drop(entry.answer.send(Done::Unknown)));
            if batch.is_empty() {
                return Ok(Flushed::default());
            }
            tokio::time::sleep(waits.next()).await;
        }
    }

    /// Tells runners what became of their commits, and others what they may do by it.
    fn answer(&self, batch: Vec<Entry>, mut flushed: Flushed) {
        for (place, delay_ms) in flushed.woken {
            self.shared.waits_at(place, Duration::from_millis(delay_ms));
        }
        for (entry, verdict) in batch.into_iter().zip(flushed.verdicts) {
            let taken_over = flushed.taken_over.remove(&(entry.commit.id, entry.commit.claim)).map(Box::new);
            // A runner that is gone needs no answer; what it was to go on with is found as owned and not held.
            drop(entry.answer.send(Done::Written(verdict, entry.commit.decision, taken_over)));
        }
    }

    async fn transact(&mut self, worker: WorkerId, batch: &mut Vec<Entry>) -> Result<Flushed, Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.shared.store.flush_connection().await?),
        };
        let span = tracing::debug_span!("flush", size = batch.len());
        let written = tokio::time::timeout(TRANSACTION_MAX, async {
            answer_committed(connection, worker, batch).await?;
            if batch.is_empty() {
                return Ok(Flushed::default());
            }
            let commits: Vec<&Commit> = batch.iter().map(|entry| &entry.commit).collect();
            let began = Instant::now();
            let flushed = flush(connection, worker, &commits, &self.shared.limits).await?;
            self.rows.record(rows(commits.len()));
            self.seconds.record(began.elapsed());
            tracing::trace!(size = commits.len(), duration_us = micros(began.elapsed()), "flush.batch");
            failpoint::pass(Failpoint::AfterCommit);
            Ok(flushed)
        });
        let written = written.instrument(span);
        written.await.unwrap_or_else(|_| Err(Error::Statement(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))))
    }
}

/// Takes out, and answers, what was committed although the answer was lost.
async fn answer_committed(
    connection: &mut PgConnection,
    worker: WorkerId,
    batch: &mut Vec<Entry>,
) -> Result<(), Error> {
    let commits: Vec<&Commit> = batch.iter().filter(|entry| entry.ambiguous).map(|entry| &entry.commit).collect();
    if commits.is_empty() {
        return Ok(());
    }
    let committed = committed_claims(connection, worker, &commits).await?;
    for entry in batch.extract_if(.., |entry| committed.contains(&(entry.commit.id, entry.commit.claim))) {
        metrics::counter!(names::AMBIGUOUS).increment(1);
        tracing::info!(instance = %entry.commit.id, "flush.ambiguous: the commit went through, its answer was lost");
        drop(entry.answer.send(Done::Unknown));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "rows of one batch are few")]
fn rows(count: usize) -> f64 {
    count as f64
}
