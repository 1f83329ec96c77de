//! Gives back what this worker owns and does not hold: a claim or a commit whose answer was lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use gd_core::{Claim, InstanceId, WorkerId};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::incarnation::{Incarnations, living};
use crate::store::Error;

/// Time between looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// What a look found: owned here, and held by nobody.
#[derive(Default)]
struct Look {
    unheld: HashSet<(InstanceId, Claim)>,
    /// Claims that had begun by its end: one of them may be why a row is not held yet.
    claims_begun: u64,
}

pub(super) async fn run(shared: Arc<Shared>, mut incarnations: Incarnations, closing: CancellationToken) {
    let mut before = Look::default();
    while let Some(incarnation) = living(&mut incarnations, &closing).await {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = closing.cancelled() => return,
        }
        match look(&shared, incarnation.worker).await {
            Ok((now, claims_answered)) => {
                let lost = lost(&before, &now, claims_answered);
                give_back(&shared, incarnation.worker, &lost).await;
                before = now;
            }
            Err(error) => tracing::debug!(%error, "what this worker owns cannot be read now"),
        }
    }
}

/// What is owned and not held, and how many claims had been answered before it was asked who holds what.
async fn look(shared: &Shared, worker: WorkerId) -> Result<(Look, u64), Error> {
    let owned = shared.store.owned_claims(worker).await?;
    let (claims_begun, claims_answered) = (shared.held.claims_begun(), shared.held.claims_answered());
    let unheld = owned.into_iter().filter(|(id, _)| !shared.held.contains(*id)).collect();
    Ok((Look { unheld, claims_begun }, claims_answered))
}

/// What two looks in a row found under the same claim, once every claim of the first look's time has been answered: a row that one of
/// them took would be held by now. A busy host, which always has a claim under way, is no obstacle.
fn lost(before: &Look, now: &Look, claims_answered: u64) -> Vec<(InstanceId, Claim)> {
    if claims_answered < before.claims_begun {
        return Vec::new();
    }
    now.unheld.intersection(&before.unheld).copied().collect()
}

async fn give_back(shared: &Shared, worker: WorkerId, unheld: &[(InstanceId, Claim)]) {
    if unheld.is_empty() {
        return;
    }
    match shared.store.release(worker, unheld).await {
        Ok(rows) => {
            tracing::info!(count = rows.len(), "reconcile: given back what was owned and not held");
            shared.given_back(rows);
        }
        Err(error) => tracing::warn!(%error, "reconcile: not given back yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(rows: &[(i64, i64)], claims_begun: u64) -> Look {
        Look { unheld: rows.iter().map(|(id, claim)| (InstanceId(*id), Claim(*claim))).collect(), claims_begun }
    }

    #[test]
    fn a_row_is_given_back_when_no_claim_under_way_can_be_why_it_is_not_held() {
        let row = vec![(InstanceId(7), Claim(3))];
        for (before, now, answered, expected) in [
            // A claim has been under way at every look of a busy host, but not the same.
            (look(&[(7, 3)], 10), look(&[(7, 3)], 900), 899, row.clone()),
            // The claim that was under way at the first look still is: the row may be its.
            (look(&[(7, 3)], 10), look(&[(7, 3)], 10), 9, vec![]),
            // Claimed again meanwhile.
            (look(&[(7, 3)], 10), look(&[(7, 5)], 11), 11, vec![]),
            (look(&[], 0), look(&[(7, 3)], 1), 1, vec![]),
        ] {
            assert_eq!(lost(&before, &now, answered), expected);
        }
    }
}
