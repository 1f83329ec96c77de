//! Correlation keys: one holder, from the start to the end and as long as the scope says.

use gd_core::Scope;
use gd_host::store::{Commit, Rider, Riders, Started, Verdict};

use super::commits::{Way, commit, done, long, next, short};
use super::oracle::{Played, ensure};
use super::side::played;
use super::stage::{OWN_AFFAIRS, Stage};

/// Scopes that free the key at a good end, and that keep it.
const SCOPES: [Scope; 2] = [
    Scope { on_done: false, on_failed: false, on_cancelled: false },
    Scope { on_done: true, on_failed: false, on_cancelled: false },
];

/// What a flush says that met a key which somebody else was taking.
const RACED: &str = "changed hands";

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
    for (kept, way) in SCOPES.into_iter().flat_map(|kept| [(kept, short as Way), (kept, long)]) {
        let mut orders = stage.orders(3).quiet(&OWN_AFFAIRS);
        while orders.begin() {
            stage.clear().await;
            stage.house.start(stage.keyed(kept)).await?;
            let held = stage.claimed_by(stage.worker().await).await?;
            let ends = orders.part(0, "end", stage.sides[0].flush(held.worker, way(commit(&held, done("result")))));
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

/// A step starts an instance with a key while somebody else does.
pub(super) async fn a_start_and_one_of_a_step(stage: &Stage) -> Played {
    let mut orders = stage.orders(2).quiet(&OWN_AFFAIRS);
    while orders.begin() {
        stage.clear().await;
        let held = stage.executing(0).await;
        let riders = Riders { children: vec![], effects: vec![Rider::Start(stage.keyed(SCOPES[0]))] };
        let step = Commit { riders, ..commit(&held, next("new")) };
        let starts_too = orders.part(0, "step", stage.sides[0].flush(held.worker, step.clone()));
        let starts = orders.part(1, "start", stage.sides[1].start(stage.keyed(SCOPES[0])));
        orders.play().await;
        let verdict = match played(starts_too).await {
            // Made once more, as a flusher does.
            Err(raced) if raced.contains(RACED) => {
                orders.alone(0, "step again", stage.sides[0].flush(held.worker, step)).await
            }
            verdict => verdict,
        };
        let seen = async {
            let verdict = verdict?;
            ensure(matches!(verdict, Verdict::RunsOn { .. }), "the step was refused")?;
            let started = played(starts).await?;
            stage.holds().await?;
            let holder = stage.count("select holder from gd.identity").await;
            let told = stage.count("select count(*) from gd.instance where convert_from(effect_results, 'utf8') like '%' || (select holder from gd.identity) || '%'").await;
            ensure(told == 1, "the step is told of another holder")?;
            match started {
                Started::New(id) | Started::Duplicate(id) => {
                    ensure(id.0 == holder, "the caller is told of another holder")
                }
            }
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}
