//! Group commit: whatever waits when the last commit ended goes into the next one.

use std::sync::Arc;
use std::time::Duration;

use gd_core::{Position, WorkerId, unstorable};
use sqlx::PgConnection;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::incarnation::Incarnation;
use crate::store::{Commit, Error, Verdict, committed_claims, flush};

/// Waits before a batch that met contention, or a database that is away, is tried again: first and longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// What became of a commit.
pub(super) enum Done {
    /// The database has answered.
    Written(Verdict),
    /// It has not, and the worker has no business with the instance any more.
    Unknown,
}

/// Where runners hand in their commits. Cheap to clone; the flusher ends with the last one.
#[derive(Clone)]
pub(super) struct Commits(mpsc::Sender<Entry>);

impl Commits {
    /// Commits one attempt, in a batch with others, durably.
    pub(super) async fn commit(&self, incarnation: &Incarnation, commit: Commit, position: Position) -> Done {
        let (answer, answered) = oneshot::channel();
        let lost = incarnation.interrupt.clone();
        let entry = Entry { worker: incarnation.worker, commit, position, lost, answer };
        if self.0.send(entry).await.is_err() {
            return Done::Unknown;
        }
        answered.await.unwrap_or(Done::Unknown)
    }
}

struct Entry {
    worker: WorkerId,
    commit: Commit,
    position: Position,
    lost: CancellationToken,
    answer: oneshot::Sender<Done>,
}

/// The commit loop.
pub(super) struct Flusher {
    shared: Arc<Shared>,
    entries: mpsc::Receiver<Entry>,
    connection: Option<PgConnection>,
}

impl Flusher {
    pub(super) fn new(shared: Arc<Shared>) -> (Self, Commits) {
        let (sender, entries) = mpsc::channel(shared.config.flush_rows_max);
        (Self { shared, entries, connection: None }, Commits(sender))
    }

    /// Runs until every [`Commits`] is gone.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::new();
        let rows_max = self.shared.config.flush_rows_max;
        while self.entries.recv_many(&mut batch, rows_max).await > 0 {
            // Batches of different incarnations have different fences; there is more than one only around a lost lease.
            while let Some(worker) = batch.first().map(|entry| entry.worker) {
                let same: Vec<Entry> = batch.extract_if(.., |entry| entry.worker == worker).collect();
                self.write(worker, same).await;
            }
        }
    }

    /// Writes a batch, whatever it takes: again after contention and broken connections, in halves around a poisonous entry.
    async fn write(&mut self, worker: WorkerId, batch: Vec<Entry>) {
        let mut waiting = vec![batch];
        while let Some(mut batch) = waiting.pop() {
            match self.write_once(worker, &mut batch).await {
                Ok(verdicts) => answer(batch, verdicts),
                Err(error) if batch.len() > 1 => {
                    tracing::warn!(%error, size = batch.len(), "flush.error: the batch is tried in halves");
                    let rest = batch.split_off(batch.len() / 2);
                    waiting.push(rest);
                    waiting.push(batch);
                }
                Err(error) => self.write_poison(worker, batch, &error).await,
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
            Ok(verdicts) => answer(batch, verdicts),
            Err(error) => {
                tracing::error!(%error, "flush.error: not even the failure can be stored; the instance is given back")
            }
        }
    }

    /// One batch until the database says yes or no to what is in it. Takes out, and answers, what was committed by an
    /// attempt whose answer was lost, and what nobody has business with any more.
    async fn write_once(&mut self, worker: WorkerId, batch: &mut Vec<Entry>) -> Result<Vec<Verdict>, Error> {
        let mut wait = BACKOFF.0;
        let mut ambiguous = false;
        loop {
            let written = self.transact(worker, batch, ambiguous).await;
            let error = match written {
                Ok(verdicts) => return Ok(verdicts),
                Err(error) => error,
            };
            if error.is_connection() {
                tracing::warn!(%error, size = batch.len(), "flush.error: the connection broke, the batch is tried again");
                self.connection = None;
                ambiguous = true;
            } else if !error.is_contention() {
                return Err(error);
            }
            let lost: Vec<Entry> = batch.extract_if(.., |entry| entry.lost.is_cancelled()).collect();
            lost.into_iter().for_each(|entry| drop(entry.answer.send(Done::Unknown)));
            if batch.is_empty() {
                return Ok(Vec::new());
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(BACKOFF.1);
        }
    }

    async fn transact(
        &mut self,
        worker: WorkerId,
        batch: &mut Vec<Entry>,
        ambiguous: bool,
    ) -> Result<Vec<Verdict>, Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.shared.store.flush_connection().await?),
        };
        if ambiguous {
            let commits: Vec<Commit> = batch.iter().map(|entry| entry.commit.clone()).collect();
            let committed = committed_claims(connection, worker, &commits).await?;
            let went_through = |entry: &mut Entry| committed.contains(&entry.commit.id);
            for entry in batch.extract_if(.., went_through) {
                tracing::info!(instance = %entry.commit.id, "flush.ambiguous: the commit went through, its answer was lost");
                drop(entry.answer.send(Done::Unknown));
            }
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let commits: Vec<Commit> = batch.iter().map(|entry| entry.commit.clone()).collect();
        flush(connection, worker, &commits).await
    }
}

fn answer(batch: Vec<Entry>, verdicts: Vec<Verdict>) {
    for (entry, verdict) in batch.into_iter().zip(verdicts) {
        // A runner that is gone needs no answer.
        drop(entry.answer.send(Done::Written(verdict)));
    }
}
