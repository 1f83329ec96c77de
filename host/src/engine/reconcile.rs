//! Gives back what this worker owns and does not hold: a claim or a commit whose answer was lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use gd_core::{Claim, InstanceId};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::incarnation::{Incarnations, living};

/// Time between looks. An instance is given back when two looks in a row find the same claim without a holder, so that
/// one whose claim is just being answered is left alone.
const INTERVAL: Duration = Duration::from_secs(2);

pub(super) async fn run(shared: Arc<Shared>, mut incarnations: Incarnations, closing: CancellationToken) {
    let mut suspects: HashSet<(InstanceId, Claim)> = HashSet::new();
    while let Some(incarnation) = living(&mut incarnations, &closing).await {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = closing.cancelled() => return,
        }
        let owned = match shared.store.owned_claims(incarnation.worker).await {
            Ok(owned) => owned,
            Err(error) => {
                tracing::debug!(%error, "what this worker owns cannot be read now");
                continue;
            }
        };
        let unheld: HashSet<_> = owned.into_iter().filter(|(id, _)| !shared.held.contains(*id)).collect();
        let rows: Vec<_> = unheld.intersection(&suspects).map(|(id, claim)| (*id, *claim, Duration::ZERO)).collect();
        suspects = unheld;
        if rows.is_empty() {
            continue;
        }
        match shared.store.release(incarnation.worker, &rows).await {
            Ok(lanes) => {
                tracing::info!(count = lanes.len(), "reconcile: given back what was owned and not held");
                shared.wakes.lanes(lanes);
            }
            Err(error) => tracing::warn!(%error, "reconcile: not given back yet"),
        }
    }
}
