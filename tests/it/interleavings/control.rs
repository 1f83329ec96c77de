//! What an operator does beside what a worker does: a cancellation, a pause.

use gd_core::{AttemptOutcome, Ending, Scope, Status};
use gd_host::store::{Cancelled, Verdict};

use super::commits::{Way, commit, done, long, next, requeue, short};
use super::oracle::{Played, ensure};
use super::side::played;
use super::stage::{OWN_AFFAIRS, Stage};

const CANCELLED: i16 = AttemptOutcome::Cancelled as i16;

/// An instance is cancelled while its attempt commits: one that goes on, or one that ends it.
pub(super) async fn a_cancellation_and_a_commit(stage: &Stage) -> Played {
    let mut count = 0;
    for (ending, ends) in [(next("new"), false), (done("result"), true)] {
        let mut orders = stage.orders(2).quiet(&OWN_AFFAIRS);
        while orders.begin() {
            stage.clear().await;
            stage.house.start(stage.keyed(Scope::default())).await?;
            let held = stage.claimed_by(stage.worker().await).await?;
            let commits = orders.part(0, "commit", stage.sides[0].flush(held.worker, commit(&held, ending.clone())));
            let cancels = orders.part(1, "cancel", stage.sides[1].cancel(held.id));
            orders.play().await;
            let seen = async {
                let (verdict, cancelled) = (played(commits).await?, played(cancels).await?);
                let written = !matches!(verdict, Verdict::Stale);
                let by_operator = match cancelled {
                    Some(Cancelled::Now { .. }) => true,
                    Some(Cancelled::EndedBefore(Status::Done)) => false,
                    other => return Err(format!("the cancellation came to {other:?}")),
                };
                ensure(written || by_operator, "the commit was refused although nobody cancelled")?;
                ensure(!(ends && written && by_operator), "it has ended twice")?;
                let history = stage.history(held.id).await;
                let committed = history.iter().any(|row| row.0 == held.claim.0 && row.1 < CANCELLED);
                ensure(committed == written, format!("written: {written}, and the history is {history:?}"))?;
                let told = history.iter().any(|row| row.1 == CANCELLED);
                ensure(told == by_operator, "the history tells of every cancellation")?;
                let over = stage.count("select status::bigint from gd.finished").await;
                let expected = if by_operator { Status::Cancelled } else { Status::Done };
                ensure(over == i64::from(expected.code()), format!("it has ended with the status {over}"))?;
                ensure(stage.count("select count(*) from gd.identity").await == 0, "its key is still taken")?;
                stage.holds().await
            };
            seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
        }
        count += orders.played();
    }
    Ok(count)
}

/// A chain of steps is paused: the step under way commits, and no further one is begun.
pub(super) async fn a_pause_and_a_commit(stage: &Stage) -> Played {
    Ok(a_pause_and_a_commit_of(stage, short).await? + a_pause_and_a_commit_of(stage, long).await?)
}

async fn a_pause_and_a_commit_of(stage: &Stage, way: Way) -> Played {
    let mut orders = stage.orders(2).quiet(&OWN_AFFAIRS);
    while orders.begin() {
        stage.clear().await;
        let held = stage.executing(0).await;
        let commits = orders.part(0, "commit", stage.sides[0].flush(held.worker, way(commit(&held, next("new")))));
        let pauses = orders.part(1, "pause", stage.sides[1].pause(held.id));
        orders.play().await;
        let seen = async {
            let verdict = played(commits).await?;
            ensure(played(pauses).await?, "the pause found nobody")?;
            ensure(!matches!(verdict, Verdict::Stale), "a pause refuses the step under way")?;
            if matches!(verdict, Verdict::RunsOn { .. }) {
                let second = super::stage::Held { claim: held.claim.next(), ..held.clone() };
                let verdict = stage.sides[2].flush(second.worker, way(commit(&second, next("newer")))).await?;
                ensure(
                    matches!(verdict, Verdict::Runnable(_)),
                    format!("it runs on although it is paused: {verdict:?}"),
                )?;
            }
            let row = stage.row(held.id).await.ok_or("the instance is gone")?;
            ensure(row.status == Status::Runnable.code() && row.owner.is_none(), format!("it is paused, and {row:?}"))?;
            let worker = stage.worker().await;
            ensure(stage.sides[2].claim(worker).await?.is_empty(), "what is paused was claimed")?;
            stage.holds().await
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// An instance whose worker died under it three times: the ordinary claim passes it by, the lone run counts its start.
pub(super) async fn a_suspect(stage: &Stage) -> Played {
    for outcome in [requeue("new"), next("new")] {
        stage.clear().await;
        a_suspect_with(stage, outcome).await?;
    }
    Ok(2)
}

async fn a_suspect_with(stage: &Stage, outcome: Ending) -> Result<(), String> {
    let (side, id) = (&stage.sides[0], stage.runnable().await);
    let losses = "select losses::bigint * 100 + lone_starts from gd.instance";
    for lost in 1..=3 {
        let worker = stage.worker_silent_for("1 min").await;
        ensure(side.claim(worker).await?.len() == 1, format!("it is claimed before its loss {lost}"))?;
        ensure(side.recover().await?.1 == 1, "it is taken back")?;
        ensure(stage.count(losses).await == lost * 100, "a loss is counted")?;
    }
    let worker = stage.worker().await;
    ensure(side.claim(worker).await?.is_empty(), "a suspect was claimed among others")?;
    let (claimed, lone_starts) = side.claim_suspect(worker).await?.ok_or("no suspect was found")?;
    ensure((claimed.id, lone_starts) == (id, 1), "its start was not counted")?;
    ensure(side.claim_suspect(worker).await?.is_none(), "it was claimed twice")?;
    let held = super::stage::Held { id, worker, claim: claimed.claim, handed: vec![] };
    let verdict = side.flush(worker, commit(&held, outcome)).await?;
    ensure(stage.count(losses).await == 0, "an outcome clears the suspicion")?;
    if matches!(verdict, Verdict::RunsOn { .. }) {
        let second = super::stage::Held { claim: held.claim.next(), ..held };
        side.flush(worker, commit(&second, requeue("newer"))).await?;
    }
    ensure(side.claim(worker).await?.len() == 1, "it is claimed like any other again")?;
    stage.holds().await
}
