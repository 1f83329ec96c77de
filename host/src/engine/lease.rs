//! The worker's lease: one row that beats, on a connection whose session lock dies with it.

use std::sync::Arc;
use std::time::Duration;

use gd_core::WorkerId;
use sqlx::PgConnection;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::incarnation::{Incarnation, Incarnations};
use super::waits::Waits;
use crate::store::{Error, Store};
use crate::telemetry::metrics as names;

/// Wait between attempts to keep a lease that is about to be lost: short, since the silence that is allowed is.
const RECONNECT: Duration = Duration::from_millis(250);
/// Waits between attempts to get a first or a new lease: first and longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// The loop that keeps the lease.
pub(super) struct Lease {
    shared: Arc<Shared>,
    interrupt: CancellationToken,
    present: watch::Sender<Option<Incarnation>>,
}

/// Why an incarnation ended.
enum End {
    Lost,
    Leaving,
}

impl Lease {
    pub(super) fn new(shared: Arc<Shared>, interrupt: CancellationToken) -> (Self, Incarnations) {
        let (present, incarnations) = watch::channel(None);
        (Self { shared, interrupt, present }, incarnations)
    }

    /// Lives one incarnation after the other until the host leaves.
    pub(super) async fn run(self, leaving: CancellationToken) {
        let waits = || Waits::new(BACKOFF.0, BACKOFF.1, self.shared.nonce);
        let mut wait = waits();
        while !leaving.is_cancelled() {
            let registered = tokio::select! {
                registered = self.register() => registered,
                () = leaving.cancelled() => return,
            };
            let (worker, connection) = match registered {
                Ok(registered) => registered,
                Err(error) => {
                    tracing::warn!(%error, "no lease to be had, trying again");
                    tokio::time::sleep(wait.next()).await;
                    continue;
                }
            };
            wait = waits();
            let incarnation =
                Incarnation { worker, lost: CancellationToken::new(), interrupt: self.interrupt.child_token() };
            self.present.send_replace(Some(incarnation.clone()));
            tracing::info!(%worker, "worker.lease: taken");
            match self.keep(worker, connection, &leaving).await {
                End::Leaving => self.retire(worker).await,
                End::Lost => {
                    metrics::counter!(names::LEASE_LOST).increment(1);
                    tracing::warn!(%worker, "worker.lease: lost, guests are interrupted and nothing of theirs is committed");
                    self.present.send_replace(None);
                    incarnation.lost.cancel();
                    incarnation.interrupt.cancel();
                }
            }
        }
    }

    async fn register(&self) -> Result<(WorkerId, PgConnection), Error> {
        let mut connection = self.shared.store.beat_connection().await?;
        let worker = fresh_id();
        Store::register_worker(&mut connection, worker, &self.shared.config.host, self.shared.config.lease).await?;
        Ok((worker, connection))
    }

    /// Beats until the lease is lost. A broken connection is not yet the end: the lock may be taken again before others may call
    /// this worker dead.
    async fn keep(&self, worker: WorkerId, mut connection: PgConnection, leaving: &CancellationToken) -> End {
        let config = &self.shared.config;
        let mut beaten = Instant::now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(config.beat) => {}
                () = leaving.cancelled() => return End::Leaving,
            }
            // Counted from before it is sent: the server may have written it then. A beat that is not answered is a broken connection.
            let sent = Instant::now();
            match tokio::time::timeout_at(beaten + config.silence, Store::beat(&mut connection, worker, config.lease))
                .await
            {
                Ok(Ok(others)) => {
                    self.shared.notices.others_live(others);
                    beaten = sent;
                }
                Ok(Err(Error::LeaseLost(_))) => return End::Lost,
                broken => {
                    tracing::warn!(?broken, %worker, "worker.lease: a beat failed");
                    match self.reconnect(worker, beaten + config.silence).await {
                        Some(again) => (connection, beaten) = (again, Instant::now()),
                        None => return End::Lost,
                    }
                }
            }
        }
    }

    /// A new connection with the session lock taken again and a beat sent, or nothing by the deadline.
    async fn reconnect(&self, worker: WorkerId, deadline: Instant) -> Option<PgConnection> {
        while Instant::now() < deadline {
            let again = tokio::time::timeout_at(deadline, self.take_again(worker)).await;
            match again {
                Ok(Ok(connection)) => return Some(connection),
                Ok(Err(Error::LeaseLost(_))) | Err(_) => return None,
                Ok(Err(_)) => tokio::time::sleep(RECONNECT).await,
            }
        }
        None
    }

    async fn take_again(&self, worker: WorkerId) -> Result<PgConnection, Error> {
        let mut connection = self.shared.store.beat_connection().await?;
        while !Store::take_worker_lock(&mut connection, worker).await? {
            // The server has not noticed yet that the old session is gone.
            tokio::time::sleep(RECONNECT).await;
        }
        Store::beat(&mut connection, worker, self.shared.config.lease).await?;
        Ok(connection)
    }

    async fn retire(&self, worker: WorkerId) {
        self.present.send_replace(None);
        if let Err(error) = self.leave(worker).await {
            tracing::warn!(%error, %worker, "worker.lease: not retired, recovery will see to it");
        }
    }

    /// Claims nothing any more, and gives back what a caller who left in the middle of a start had this worker claim.
    async fn leave(&self, worker: WorkerId) -> Result<(), Error> {
        let store = &self.shared.store;
        store.retire_worker(worker).await?;
        let left = store.owned_claims(worker).await?;
        if !left.is_empty() {
            self.shared.given_back(store.release(worker, &left).await?);
        }
        Ok(())
    }
}

/// Random, so that no incarnation is ever taken for another; positive, so that it reads well.
fn fresh_id() -> WorkerId {
    let (high, _) = uuid::Uuid::new_v4().as_u64_pair();
    WorkerId(i64::try_from(high >> 1).unwrap_or(i64::MAX))
}
