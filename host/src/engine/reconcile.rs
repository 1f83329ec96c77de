//! Gives back what this worker owns and does not hold: a claim or a commit whose answer was lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use gd_core::{Claim, InstanceId, WorkerId};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::incarnation::{Incarnations, living};
use crate::store::Error;

/// Time between looks. An instance is given back when two looks in a row find the same claim without a holder.
const INTERVAL: Duration = Duration::from_secs(2);

pub(super) async fn run(shared: Arc<Shared>, mut incarnations: Incarnations, closing: CancellationToken) {
    let mut suspects: HashSet<(InstanceId, Claim)> = HashSet::new();
    while let Some(incarnation) = living(&mut incarnations, &closing).await {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = closing.cancelled() => return,
        }
        match look(&shared, incarnation.worker).await {
            Ok(None) => {}
            Ok(Some(unheld)) => {
                let twice: Vec<_> = unheld.intersection(&suspects).copied().collect();
                give_back(&shared, incarnation.worker, &twice).await;
                suspects = unheld;
            }
            Err(error) => tracing::debug!(%error, "what this worker owns cannot be read now"),
        }
    }
}

/// What is owned and not held; `None` when a claim was under way meanwhile, whose rows are not held yet.
async fn look(shared: &Shared, worker: WorkerId) -> Result<Option<HashSet<(InstanceId, Claim)>>, Error> {
    let before = shared.held.claims_so_far();
    let owned = shared.store.owned_claims(worker).await?;
    let (begun, answered) = before;
    if begun != answered || shared.held.claims_so_far() != before {
        return Ok(None);
    }
    Ok(Some(owned.into_iter().filter(|(id, _)| !shared.held.contains(*id)).collect()))
}

async fn give_back(shared: &Shared, worker: WorkerId, unheld: &[(InstanceId, Claim)]) {
    if unheld.is_empty() {
        return;
    }
    let rows: Vec<_> = unheld.iter().map(|(id, claim)| (*id, *claim, Duration::ZERO)).collect();
    match shared.store.release(worker, &rows).await {
        Ok(lanes) => {
            tracing::info!(count = lanes.len(), "reconcile: given back what was owned and not held");
            shared.wakes.lanes(lanes);
        }
        Err(error) => tracing::warn!(%error, "reconcile: not given back yet"),
    }
}
