//! Deliveries beside parks, ends and deadlines: nothing that was accepted is lost, and nobody sleeps through it.

use gd_core::{Status, Wake};
use gd_host::store::{Delivered, Verdict};

use super::commits::{Way, commit, done, fault, long, park, requeue, short};
use super::oracle::{Played, ensure};
use super::side::played;
use super::stage::{OWN_AFFAIRS, Stage};

/// A step parks for a signal that is delivered at the same time. A step that was handed one already waits for another.
pub(super) async fn a_park_and_a_delivery(stage: &Stage) -> Played {
    let mut count = 0;
    for handed in [0, 1] {
        let mut orders = stage.orders(2);
        while orders.begin() {
            stage.clear().await;
            let held = stage.executing(handed).await;
            let parks = orders.part(0, "park", stage.sides[0].flush(held.worker, commit(&held, park(None))));
            let delivers = orders.part(1, "deliver", stage.sides[1].deliver(held.id, "go", None));
            orders.play().await;
            let seen = async {
                let (verdict, delivered) = (played(parks).await?, played(delivers).await?);
                ensure(!matches!(verdict, Verdict::Stale), "the park of a claim that stands was refused")?;
                ensure(delivered == Some(Delivered::Stored), format!("the delivery came to {delivered:?}"))?;
                stage.holds().await?;
                stage.goes_on_with(held.id, handed + 1).await
            };
            seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
        }
        count += orders.played();
    }
    Ok(count)
}

/// An instance that parks with the deadline over at once, a delivery, and the look at the deadlines.
pub(super) async fn a_park_a_delivery_and_a_deadline(stage: &Stage) -> Played {
    let mut orders = stage.orders(3).quiet(&OWN_AFFAIRS);
    while orders.begin() {
        stage.clear().await;
        let held = stage.executing(0).await;
        let parks = orders.part(0, "park", stage.sides[0].flush(held.worker, commit(&held, park(Some(0)))));
        let delivers = orders.part(1, "deliver", stage.sides[1].deliver(held.id, "go", None));
        let wakes = orders.part(2, "deadline", stage.sides[2].wake_timeouts());
        orders.play().await;
        let seen = async {
            played(parks).await?;
            ensure(played(delivers).await? == Some(Delivered::Stored), "the delivery was refused")?;
            stage.holds().await?;
            stage.woken_by(held.id, played(wakes).await?).await?;
            stage.goes_on_with(held.id, 1).await
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// A parked instance whose deadline is over is woken by it, by a delivery, and claimed, all at the same time.
pub(super) async fn a_deadline_a_delivery_and_a_claim(stage: &Stage) -> Played {
    let mut orders = stage.orders(3).quiet(&OWN_AFFAIRS);
    while orders.begin() {
        stage.clear().await;
        let (worker, id) = (stage.worker().await, stage.parked(Some("1 s")).await);
        let wakes = orders.part(0, "deadline", stage.sides[0].wake_timeouts());
        let delivers = orders.part(1, "deliver", stage.sides[1].deliver(id, "go", None));
        let claims = orders.part(2, "claim", stage.sides[2].claim(worker));
        orders.play().await;
        let seen = async {
            let claimed = played(claims).await?;
            ensure(played(delivers).await? == Some(Delivered::Stored), "the delivery was refused")?;
            let by_deadline = played(wakes).await?;
            stage.woken_by(id, by_deadline).await?;
            let signal_first = orders.came_before("deliver lock_target", "deadline wake_timeouts");
            ensure(signal_first == (by_deadline == 0), "who came second has woken it again")?;
            stage.holds().await?;
            let row = stage.row(id).await.ok_or("the instance is gone")?;
            let expected = if claimed.is_empty() { Status::Runnable } else { Status::Executing };
            ensure(row.status == expected.code(), format!("claimed {} times, and {row:?}", claimed.len()))
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// A worker is declared dead while it delivers a signal and claims whom that wakes.
pub(super) async fn a_recovery_and_a_delivery(stage: &Stage) -> Played {
    let mut orders = stage.orders(2).quiet(&OWN_AFFAIRS);
    while orders.begin() {
        stage.clear().await;
        let worker = stage.worker_silent_for("1 min").await;
        let id = stage.parked(None).await;
        let recovers = orders.part(0, "recover", stage.sides[0].recover());
        let delivers = orders.part(1, "deliver", stage.sides[1].deliver_for(worker, id));
        orders.play().await;
        let seen = async {
            let ((_, taken), claimed) = (played(recovers).await?, played(delivers).await?);
            ensure(taken == usize::from(claimed.is_some()), format!("claimed: {claimed:?}, taken back: {taken}"))?;
            stage.no_orphans().await?;
            stage.goes_on_with(id, 1).await
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// What a delivery wakes is claimed by it and by another worker, while its deadline is over.
pub(super) async fn a_delivery_that_claims(stage: &Stage) -> Played {
    let mut orders = stage.orders(3).quiet(&OWN_AFFAIRS);
    while orders.begin() {
        stage.clear().await;
        let (here, there, id) = (stage.worker().await, stage.worker().await, stage.parked(Some("1 s")).await);
        let wakes = orders.part(0, "deadline", stage.sides[0].wake_timeouts());
        let delivers = orders.part(1, "deliver", stage.sides[1].deliver_for(here, id));
        let claims = orders.part(2, "claim", stage.sides[2].claim(there));
        orders.play().await;
        let seen = async {
            let (woken, claimed, by_delivery) = (played(wakes).await?, played(claims).await?, played(delivers).await?);
            ensure(by_delivery.is_none() || woken == 0, "what its deadline had woken was claimed by a delivery")?;
            ensure(by_delivery.is_none() || claimed.is_empty(), "one instance was claimed twice")?;
            stage.holds().await?;
            let row = stage.row(id).await.ok_or("the instance is gone")?;
            let owner = by_delivery.as_ref().map(|_| here).or((!claimed.is_empty()).then_some(there));
            ensure(row.owner == owner.map(|owner| owner.0), format!("owned by {owner:?}, and {row:?}"))?;
            let Some(held) = by_delivery else { return Ok(()) };
            ensure(row.claim == held.claim.0 && held.inbox.awaited.len() == 1, format!("{held:?} of {row:?}"))
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// An instance ends while a signal is delivered to it: done, which takes the inbox along, or by a fault, which leaves it.
pub(super) async fn an_end_and_a_delivery(stage: &Stage) -> Played {
    let mut count = 0;
    let endings = [(done("result"), short as Way, false), (done("result"), long, false), (fault(), short, true)];
    for (ending, way, kept) in endings {
        let mut orders = stage.orders(2);
        while orders.begin() {
            stage.clear().await;
            let held = stage.executing(0).await;
            let end = way(commit(&held, ending.clone()));
            let ends = orders.part(0, "end", stage.sides[0].flush(held.worker, end));
            let delivers = orders.part(1, "deliver", stage.sides[1].deliver(held.id, "go", Some("once")));
            orders.play().await;
            let seen = async {
                ensure(matches!(played(ends).await?, Verdict::Ended), "the end was refused")?;
                let accepted = match played(delivers).await? {
                    Some(Delivered::Stored) => true,
                    None => false,
                    other => return Err(format!("the delivery came to {other:?}")),
                };
                stage.holds().await?;
                let there = stage.inbox(held.id).await.len();
                ensure(there == usize::from(accepted && kept), format!("accepted: {accepted}, in the inbox: {there}"))?;
                let remembered = stage.count("select count(*) from gd.signal_dedup").await;
                ensure(
                    remembered == i64::from(accepted),
                    "a key is remembered if its signal was accepted, and only then",
                )
            };
            seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
        }
        count += orders.played();
    }
    Ok(count)
}

/// A step goes on with the signal that it was handed while others arrive.
pub(super) async fn a_consumption_and_a_delivery(stage: &Stage) -> Played {
    let mut orders = stage.orders(2);
    while orders.begin() {
        stage.clear().await;
        let held = stage.executing(2).await;
        let commits = orders.part(0, "commit", stage.sides[0].flush(held.worker, commit(&held, requeue("new"))));
        let delivers = orders.part(1, "deliver", stage.sides[1].deliver(held.id, "go", None));
        orders.play().await;
        let seen = async {
            played(commits).await?;
            played(delivers).await?;
            let left = stage.inbox(held.id).await;
            ensure(left.iter().all(|id| !held.handed.contains(id)), "a signal that was consumed is still there")?;
            ensure(left.len() == 1, "a latecomer was consumed")
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// The same signal twice at the same time, and once more when it was consumed and its target waits for another.
pub(super) async fn a_redelivery(stage: &Stage) -> Played {
    let mut orders = stage.orders(2);
    while orders.begin() {
        stage.clear().await;
        let id = stage.parked(None).await;
        let first = orders.part(0, "deliver", stage.sides[0].deliver(id, "go", Some("once")));
        let second = orders.part(1, "redeliver", stage.sides[1].deliver(id, "go", Some("once")));
        orders.play().await;
        let seen = async {
            let both = [played(first).await?, played(second).await?];
            for one in [Delivered::Stored, Delivered::Duplicate] {
                ensure(both.contains(&Some(one)), format!("the deliveries came to {both:?}"))?;
            }
            stage.goes_on_with(id, 1).await?;
            let held = stage.claimed_by(stage.worker().await).await?;
            stage.house.flush(held.worker, commit(&held, park(None))).await?;
            Ok::<_, String>(())
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
        let late = orders.alone(0, "deliver late", stage.sides[0].deliver(id, "go", Some("once"))).await?;
        ensure(late == Some(Delivered::Duplicate), "a consumed signal is forgotten")?;
        let row = stage.row(id).await.ok_or("the instance is gone")?;
        ensure(row.status == Status::AwaitingSignal.code(), "a signal that was delivered before wakes")?;
    }
    Ok(orders.played())
}

/// A signal with a name that is not awaited.
pub(super) async fn a_delivery_of_another_name(stage: &Stage) -> Played {
    let id = stage.parked(None).await;
    stage.sides[0].deliver(id, "other", None).await?;
    let row = stage.row(id).await.ok_or("the instance is gone")?;
    ensure(row.status == Status::AwaitingSignal.code(), "a parked instance woke for a name that it does not await")?;
    stage.sides[0].deliver(id, "go", None).await?;
    stage.goes_on_with(id, 1).await?;
    ensure(stage.inbox(id).await.len() == 1, "the other signal waits for its time")?;
    Ok(1)
}

/// A step parks again for the name of what it was handed.
pub(super) async fn a_park_with_what_was_handed(stage: &Stage) -> Played {
    let held = stage.executing(2).await;
    let verdict = stage.sides[0].flush(held.worker, commit(&held, park(None))).await?;
    ensure(matches!(verdict, Verdict::Parked), format!("a signal that the step was handed wakes it: {verdict:?}"))?;
    ensure(stage.inbox(held.id).await == held.handed, "an await consumes nothing")?;
    Ok(1)
}

impl Stage {
    /// Holds what the row says of its wake to how many rows the look at the deadlines says it woke.
    async fn woken_by(&self, id: gd_core::InstanceId, by_deadline: usize) -> Result<(), String> {
        let row = self.row(id).await.ok_or("the instance is gone")?;
        let expected = if by_deadline == 1 { Wake::Timeout } else { Wake::Signal };
        ensure(row.wake == expected.code(), format!("woken {by_deadline} times by the deadline, and {row:?}"))
    }

    /// Has a worker claim the instance, which is handed so many signals, and go on: they are consumed.
    async fn goes_on_with(&self, id: gd_core::InstanceId, awaited: usize) -> Result<(), String> {
        let held = self.claimed_by(self.worker().await).await?;
        ensure(held.id == id, "another instance was claimed")?;
        ensure(held.handed.len() == awaited, format!("{} signals were handed over, not {awaited}", held.handed.len()))?;
        self.house.flush(held.worker, commit(&held, requeue("next"))).await?;
        let left = self.inbox(id).await;
        ensure(left.iter().all(|id| !held.handed.contains(id)), "a signal is handed over twice")
    }
}
