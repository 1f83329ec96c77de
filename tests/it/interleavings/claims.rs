//! Who may write a row: its owner under the latest claim, and nobody else.

use gd_core::{AttemptOutcome, Claim, Status, Wake};
use gd_host::store::Verdict;

use super::commits::{Way, commit, done, long, next, park, requeue, short};
use super::oracle::{Played, ensure};
use super::side::played;
use super::stage::{Held, OWN_AFFAIRS, Stage};

/// What the history says of an attempt that was lost; what has a lower number is a commit of the attempt itself.
const RECOVERED: i16 = AttemptOutcome::Recovered as i16;

/// A worker that was silent for too long is declared dead and its row taken back, while its commit is on the way.
pub(super) async fn a_recovery_and_a_late_commit(stage: &Stage) -> Played {
    let mut count = 0;
    for (ending, way) in [(next("new"), short as Way), (done("result"), short), (done("result"), long)] {
        let mut orders = stage.orders(2).quiet(&OWN_AFFAIRS);
        while orders.begin() {
            stage.clear().await;
            let held = stage.executed_by(stage.worker_silent_for("1 min").await, 1).await;
            let recovers = orders.part(1, "recover", stage.sides[1].recover());
            let late = way(commit(&held, ending.clone()));
            let commits = orders.part(0, "commit", stage.sides[0].flush(held.worker, late));
            orders.play().await;
            let seen = async {
                let (verdict, (dead, taken)) = (played(commits).await?, played(recovers).await?);
                ensure(dead == [held.worker], "a worker that is silent for a minute is not declared dead")?;
                stage.one_of(&held, &verdict, taken).await?;
                stage.house.sweep_orphans().await?;
                stage.no_orphans().await
            };
            seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
        }
        count += orders.played();
    }
    Ok(count)
}

/// Two hosts take back what a dead worker owned.
pub(super) async fn two_recoveries(stage: &Stage) -> Played {
    let mut orders = stage.orders(2);
    while orders.begin() {
        stage.clear().await;
        let held = stage.executed_by(stage.worker_silent_for("1 min").await, 0).await;
        stage.house.declare_dead().await?;
        let first = orders.part(0, "sweep", stage.sides[0].sweep_orphans());
        let second = orders.part(1, "sweep too", stage.sides[1].sweep_orphans());
        orders.play().await;
        let seen = async {
            let taken = played(first).await? + played(second).await?;
            ensure(taken == 1, format!("taken back {taken} times"))?;
            let row = stage.row(held.id).await.ok_or("the instance is gone")?;
            let once = row.attempt == 1 && row.claim == held.claim.0 + 1;
            ensure(once && stage.history(held.id).await.len() == 1, format!("it was lost once, and is {row:?}"))
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// A recovery and a late commit, and another worker claims what it finds.
pub(super) async fn a_recovery_a_late_commit_and_a_claim(stage: &Stage) -> Played {
    let mut orders = stage.orders(3).quiet(&RECOVERY_IN_BRIEF);
    while orders.begin() {
        stage.clear().await;
        let held = stage.executed_by(stage.worker_silent_for("1 min").await, 1).await;
        let other = stage.worker().await;
        let recovers = orders.part(1, "recover", stage.sides[1].recover());
        let commits = orders.part(0, "commit", stage.sides[0].flush(held.worker, commit(&held, next("new"))));
        let claims = orders.part(2, "claim", stage.sides[2].claim(other));
        orders.play().await;
        let seen = async {
            let (verdict, (_, taken)) = (played(commits).await?, played(recovers).await?);
            let claimed = played(claims).await?;
            stage.one_of(&held, &verdict, taken).await?;
            let Some(claimed) = claimed.first() else { return Ok(()) };
            ensure(claimed.claim.0 > held.claim.0, "a claim that was given out before is given out again")?;
            ensure(taken == 1 && claimed.wake == Wake::Recovered, "a row that nobody gave back is claimed")?;
            let row = stage.row(held.id).await.ok_or("the instance is gone")?;
            ensure(row.owner == Some(other.0), format!("the claim of worker {other} is lost: {row:?}"))
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// Statements of a recovery that others do not notice, beside those of a commit.
const RECOVERY_IN_BRIEF: [&str; 9] = [
    "begin",
    "consume_signals",
    "record_attempts",
    "record_logs",
    "read_inbox",
    "suspect_workers",
    "worker_lock_is_free",
    "declare_dead",
    "claim: commit",
];

/// A worker that is declared dead claims at the same time.
pub(super) async fn a_recovery_and_a_claim(stage: &Stage) -> Played {
    let mut orders = stage.orders(2);
    while orders.begin() {
        stage.clear().await;
        let worker = stage.worker_silent_for("1 min").await;
        stage.runnable().await;
        let recovers = orders.part(0, "recover", stage.sides[0].recover());
        let claims = orders.part(1, "claim", stage.sides[1].claim(worker));
        orders.play().await;
        let seen = async {
            let ((dead, _), claimed) = (played(recovers).await?, played(claims).await?);
            ensure(dead == [worker], "a worker that is silent for a minute is not declared dead")?;
            ensure(claimed.len() <= 1, "one row was claimed twice")?;
            stage.no_orphans().await
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// A worker is declared dead while it starts an instance that it claims in the same statement.
pub(super) async fn a_recovery_and_a_start(stage: &Stage) -> Played {
    let mut orders = stage.orders(2);
    let new = stage.plain().await;
    while orders.begin() {
        stage.clear().await;
        let worker = stage.worker_silent_for("1 min").await;
        let recovers = orders.part(0, "recover", stage.sides[0].recover());
        let starts = orders.part(1, "start", stage.sides[1].start_for(worker, new.clone()));
        orders.play().await;
        let seen = async {
            let ((dead, taken), claimed) = (played(recovers).await?, played(starts).await?);
            ensure(dead == [worker], "a worker that is silent for a minute is not declared dead")?;
            ensure(taken == usize::from(claimed), format!("claimed: {claimed}, taken back: {taken}"))?;
            ensure(stage.count("select count(*) from gd.instance").await == 1, "a start came to none or to two")?;
            stage.no_orphans().await
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// A worker stops while it starts an instance that it claims in the same statement.
pub(super) async fn a_stop_and_a_start(stage: &Stage) -> Played {
    let mut orders = stage.orders(2);
    let new = stage.plain().await;
    while orders.begin() {
        stage.clear().await;
        let worker = stage.worker().await;
        let leaves = orders.part(0, "leave", stage.sides[0].leave(worker));
        let starts = orders.part(1, "start", stage.sides[1].start_for(worker, new.clone()));
        orders.play().await;
        let seen = async {
            let (released, claimed) = (played(leaves).await?, played(starts).await?);
            ensure(released == usize::from(claimed), format!("claimed: {claimed}, given back: {released}"))?;
            ensure(
                stage.count("select count(*) from gd.instance where attempt > 0").await == 0,
                "a stop cost an attempt",
            )?;
            stage.no_orphans().await
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// A worker that was silent beats while it is declared dead.
pub(super) async fn a_recovery_and_a_beat(stage: &Stage) -> Played {
    let mut orders = stage.orders(2);
    while orders.begin() {
        stage.clear().await;
        let worker = stage.worker_silent_for("1 min").await;
        let recovers = orders.part(0, "recover", stage.sides[0].recover());
        let beats = orders.part(1, "beat", stage.sides[1].beat(worker));
        orders.play().await;
        let seen = async {
            let ((dead, _), alive) = (played(recovers).await?, played(beats).await?);
            let declared = stage.count("select count(*) from gd.worker where dead").await == 1;
            ensure(dead.is_empty() != declared, "a worker is declared dead by nobody")?;
            ensure(alive != declared, format!("declared dead: {declared}, told that it lives: {alive}"))
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// A worker gives back what it does not hold, and claims it again, while its commit of before is on the way after all.
pub(super) async fn a_release_and_a_late_commit(stage: &Stage) -> Played {
    let mut count = 0;
    for (ending, way) in [(next("new"), short as Way), (done("result"), short), (done("result"), long)] {
        let mut orders = stage.orders(2);
        while orders.begin() {
            stage.clear().await;
            let held = stage.executing(1).await;
            let (side, worker, id, claim) = (stage.sides[1].clone(), held.worker, held.id, held.claim);
            let late = way(commit(&held, ending.clone()));
            let commits = orders.part(0, "commit", stage.sides[0].flush(worker, late));
            let releases = orders.part(1, "release", async move {
                let released = side.release(worker, id, claim).await?;
                Ok((released, side.claim(worker).await?.len()))
            });
            orders.play().await;
            let seen = async {
                let (verdict, (released, claimed)) = (played(commits).await?, played(releases).await?);
                // The late commit may hold the lock that a claim passes over.
                ensure(claimed <= released, format!("released {released} rows and claimed {claimed}"))?;
                let written = !matches!(verdict, Verdict::Stale);
                ensure(written == (released == 0), format!("{verdict:?}, and {released} were released"))?;
                stage.written_or_untouched(&held, written).await?;
                let Some(row) = stage.row(id).await else { return Ok(()) };
                let owner = (written || claimed == 1).then_some(worker.0);
                let moves = if claimed == 1 { 2 } else { 1 };
                ensure(
                    (row.owner, row.claim) == (owner, claim.0 + moves),
                    format!("claimed {claimed} times, and {row:?}"),
                )
            };
            seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
        }
        count += orders.played();
    }
    Ok(count)
}

/// One claim is committed twice, as by a flush that was thought to be lost and its repetition.
pub(super) async fn two_commits_of_one_claim(stage: &Stage) -> Played {
    let mut count = 0;
    // What was handed nothing consumes nothing, and is plain.
    for (ending, handed) in
        [(next("new"), 0), (next("new"), 1), (requeue("new"), 1), (park(None), 1), (done("result"), 1)]
    {
        let mut orders = stage.orders(2);
        while orders.begin() {
            stage.clear().await;
            let held = stage.executing(handed).await;
            let first = orders.part(0, "commit", stage.sides[0].flush(held.worker, commit(&held, ending.clone())));
            let second = orders.part(1, "again", stage.sides[1].flush(held.worker, commit(&held, ending.clone())));
            orders.play().await;
            let seen = async {
                let both = [played(first).await?, played(second).await?];
                let stale = both.iter().filter(|verdict| matches!(verdict, Verdict::Stale)).count();
                ensure(stale == 1, format!("one of two is written: {both:?}"))?;
                let claim = stage.row(held.id).await.map_or(held.claim.0 + 1, |row| row.claim);
                ensure(claim == held.claim.0 + 1, format!("the claim went from {} to {claim}", held.claim))?;
                ensure(stage.history(held.id).await.len() == 1, "the history tells of one commit")?;
                stage.holds().await
            };
            seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
        }
        count += orders.played();
    }
    Ok(count)
}

/// The server crashed and forgot a claim, and gave the same number out to another worker: the first one's commit comes late.
pub(super) async fn a_claim_that_a_crash_gave_out_twice(stage: &Stage) -> Played {
    let endings = [(next("new"), short as Way), (park(None), short), (done("result"), short), (done("result"), long)];
    for (ending, way) in endings {
        stage.clear().await;
        let (stranger, held) = (stage.worker().await, stage.executing(1).await);
        let verdict = stage.sides[0].flush(stranger, way(commit(&held, ending))).await?;
        ensure(matches!(verdict, Verdict::Stale), format!("a worker commits what another owns: {verdict:?}"))?;
        stage.written_or_untouched(&held, false).await?;
        let released = stage.sides[0].release(stranger, held.id, held.claim).await?;
        ensure(released == 0, "a worker gives back what another owns")?;
    }
    Ok(8)
}

/// An instance changes hands in every way there is.
pub(super) async fn every_change_of_hands(stage: &Stage) -> Played {
    let side = &stage.sides[0];
    let (first, id) = (stage.worker_silent_for("1 min").await, stage.runnable().await);
    let mut claims = vec![0];
    let moved = async |claims: &mut Vec<i64>, how: &str| {
        let claim = stage.row(id).await.ok_or("the instance is gone")?.claim;
        ensure(claims.last().is_some_and(|before| *before < claim), format!("a {how} leaves the claim at {claim}"))?;
        claims.push(claim);
        Ok::<_, String>(Claim(claim))
    };
    ensure(side.claim(first).await?.len() == 1, "what is due is claimed")?;
    let claim = moved(&mut claims, "claim").await?;
    ensure(side.release(first, id, claim).await? == 1, "it is given back")?;
    moved(&mut claims, "release").await?;
    ensure(stage.row(id).await.is_some_and(|row| row.attempt == 0), "a release counts as an attempt")?;
    ensure(side.claim(first).await?.len() == 1, "it is claimed again")?;
    let lost = moved(&mut claims, "claim").await?;
    ensure(side.recover().await?.1 == 1, "it is taken back")?;
    moved(&mut claims, "recovery").await?;
    let row = stage.row(id).await.ok_or("the instance is gone")?;
    ensure((row.attempt, row.wake) == (1, Wake::Recovered.code()), format!("an attempt was lost, and {row:?}"))?;
    ensure(stage.history(id).await == [(lost.0, RECOVERED)], "the history tells of the lost attempt")?;
    let held = stage.claimed_by_side(side, stage.worker().await).await?;
    moved(&mut claims, "claim").await?;
    side.flush(held.worker, commit(&held, next("new"))).await?;
    moved(&mut claims, "commit").await?;
    stage.holds().await?;
    Ok(1)
}

/// The connection broke at the commit: which of these attempts were written?
pub(super) async fn an_ambiguous_commit(stage: &Stage) -> Played {
    let side = &stage.sides[0];
    let held = stage.executed_by(stage.worker_silent_for("1 min").await, 0).await;
    let asked = commit(&held, next("new"));
    ensure(!side.committed(held.worker, &asked).await?, "what was not committed counts as committed")?;
    stage.house.flush(held.worker, asked.clone()).await?;
    ensure(side.committed(held.worker, &asked).await?, "what was committed does not count")?;
    let second = Held { claim: held.claim.next(), ..held.clone() };
    let asked_again = commit(&second, next("newer"));
    ensure(!side.committed(held.worker, &asked_again).await?, "an earlier commit counts for a later one")?;
    let stranger = stage.worker().await;
    ensure(!side.committed(stranger, &asked).await?, "the commit of another worker counts")?;
    ensure(stage.house.recover().await?.1 == 1, "it is taken back")?;
    ensure(!side.committed(held.worker, &asked_again).await?, "what recovery wrote counts as a commit")?;
    let third = stage.claimed_by(stage.worker().await).await?;
    let never = commit(&third, next("newest"));
    side.cancel(third.id).await?;
    ensure(!side.committed(third.worker, &never).await?, "a cancellation counts as a commit")?;
    Ok(1)
}

impl Stage {
    /// Either the commit was written or the row was taken back, and never a part of both.
    async fn one_of(&self, held: &Held, verdict: &Verdict, taken: usize) -> Result<(), String> {
        let written = !matches!(verdict, Verdict::Stale);
        let recovered: Vec<i64> =
            self.history(held.id).await.iter().filter(|row| row.1 == RECOVERED).map(|row| row.0).collect();
        ensure(recovered.len() == taken, "the history tells of every lost attempt")?;
        // What ran on after its commit may be taken back too, under the claim that the commit gave it.
        let taken_from = if written { held.claim.next() } else { held.claim };
        ensure(
            recovered.iter().all(|claim| *claim == taken_from.0),
            format!("{verdict:?}, and taken back at {recovered:?}"),
        )?;
        ensure(written || taken == 1, "a commit was refused although nobody took the row")?;
        self.written_or_untouched(held, written).await?;
        self.holds().await?;
        match self.row(held.id).await {
            Some(row) if taken == 1 => ensure(row.attempt == 1, format!("an attempt was lost, and {row:?}")),
            Some(_) | None => Ok(()),
        }
    }

    /// A commit that was written shows in the row, the history and the inbox; one that was not shows nowhere.
    async fn written_or_untouched(&self, held: &Held, written: bool) -> Result<(), String> {
        let committed = self.history(held.id).await.iter().any(|row| row.0 == held.claim.0 && row.1 < RECOVERED);
        ensure(committed == written, format!("written: {written}, in the history: {committed}"))?;
        let there = self.inbox(held.id).await == held.handed;
        ensure(there != written, format!("written: {written}, its signals are still there: {there}"))?;
        let row = self.row(held.id).await;
        let new = row.as_ref().is_none_or(|row| row.state == b"new");
        ensure(new == written, format!("written: {written}, and {row:?}"))?;
        let over = self.count("select count(*) from gd.finished").await == 1;
        ensure(over == row.is_none(), "an instance is live or over")?;
        ensure(row.is_none_or(|row| row.status != Status::Executing.code() || row.owner.is_some()), "nobody owns it")
    }
}
