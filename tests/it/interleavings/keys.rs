//! Correlation keys: one holder, from the start to the end and as long as the scope says.

use gd_core::Scope;
use gd_host::store::{Started, Verdict};

use super::commits::{commit, done};
use super::oracle::{Played, ensure};
use super::side::played;
use super::stage::{OWN_AFFAIRS, Stage};

/// Scopes that free the key at a good end, and that keep it.
const SCOPES: [Scope; 2] = [
    Scope { on_done: false, on_failed: false, on_cancelled: false },
    Scope { on_done: true, on_failed: false, on_cancelled: false },
];

/// Two starts with one key.
pub(super) async fn two_starts_of_one_key(stage: &Stage) -> Played {
    let mut orders = stage.orders(2);
    while orders.begin() {
        stage.clear().await;
        let first = orders.part(0, "start", stage.sides[0].start(stage.keyed(SCOPES[0])));
        let second = orders.part(1, "start again", stage.sides[1].start(stage.keyed(SCOPES[0])));
        orders.play().await;
        let seen = async {
            let both = [played(first).await?, played(second).await?];
            stage.holds().await?;
            match both {
                [Started::New(new), Started::Duplicate(holder)] | [Started::Duplicate(holder), Started::New(new)] => {
                    ensure(new == holder, "the duplicate is told of another holder")
                }
                both => Err(format!("two starts of one key came to {both:?}")),
            }
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// The holder of a key ends while two others start with it.
pub(super) async fn two_starts_and_the_end_of_the_holder(stage: &Stage) -> Played {
    let mut count = 0;
    for kept in SCOPES {
        let mut orders = stage.orders(3).quiet(&OWN_AFFAIRS);
        while orders.begin() {
            stage.clear().await;
            stage.house.start(stage.keyed(kept)).await?;
            let held = stage.claimed_by(stage.worker().await).await?;
            let ends = orders.part(0, "end", stage.sides[0].flush(held.worker, commit(&held, done("result"))));
            let first = orders.part(1, "start", stage.sides[1].start(stage.keyed(kept)));
            let second = orders.part(2, "start again", stage.sides[2].start(stage.keyed(kept)));
            orders.play().await;
            let seen = async {
                ensure(matches!(played(ends).await?, Verdict::Ended), "the end was refused")?;
                let mut new = 0;
                for start in [played(first).await?, played(second).await?] {
                    new += usize::from(matches!(start, Started::New(_)));
                }
                stage.holds().await?;
                ensure(
                    new <= usize::from(!kept.on_done),
                    format!("{new} instances took a key, kept: {}", kept.on_done),
                )?;
                let free = matches!(stage.house.start(stage.keyed(kept)).await?, Started::New(_));
                ensure(
                    free == (new == 0 && !kept.on_done),
                    format!("taken by {new}, kept: {}, free: {free}", kept.on_done),
                )
            };
            seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
        }
        count += orders.played();
    }
    Ok(count)
}
