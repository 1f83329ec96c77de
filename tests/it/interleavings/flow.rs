//! Children, concurrency keys and token buckets: joins that count, slots that are handed on, tokens that are paid once.

use gd_core::{InstanceId, Scope, Status};
use gd_host::store::{Cancelled, Commit, Key, Verdict};

use super::commits::{commit, done, spawn};
use super::oracle::{Played, ensure};
use super::side::played;
use super::stage::{Held, LANE, OWN_AFFAIRS, Stage};

/// Two children of one parent end at the same time, or one ends and one is cancelled.
pub(super) async fn two_siblings_end(stage: &Stage) -> Played {
    let mut count = 0;
    for cancels in [false, true] {
        let mut orders = stage.orders(2).quiet(&OWN_AFFAIRS);
        while orders.begin() {
            stage.clear().await;
            let (parent, [first, second]) = family(stage).await;
            let ends = orders.part(0, "end", stage.sides[0].flush(first.worker, of_parent(&first, parent)));
            let seen = if cancels {
                let cancelled = orders.part(1, "cancel", stage.sides[1].cancel(second.id));
                orders.play().await;
                played(cancelled).await.map(|cancelled| matches!(cancelled, Some(Cancelled::Now { .. })))
            } else {
                let ended = orders.part(1, "end too", stage.sides[1].flush(second.worker, of_parent(&second, parent)));
                orders.play().await;
                played(ended).await.map(|verdict| matches!(verdict, Verdict::Ended))
            };
            let seen = async {
                ensure(matches!(played(ends).await?, Verdict::Ended), "the end was refused")?;
                ensure(seen?, "the other end was refused")?;
                let row = stage.row(parent).await.ok_or("the parent is gone")?;
                ensure(row.status == Status::Runnable.code(), format!("both have ended, and the parent is {row:?}"))?;
                let left = stage.count("select count(*) from gd.child_outcome").await;
                ensure(left == 2, format!("{left} of two children left something"))?;
                let pending = stage.count("select sum(pending) from gd.instance").await;
                ensure(pending == 0, format!("the parent waits for {pending} that have ended"))
            };
            seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
        }
        count += orders.played();
    }
    Ok(count)
}

/// One of two children ends: its parent waits for the other.
pub(super) async fn one_of_two_siblings_ends(stage: &Stage) -> Played {
    stage.clear().await;
    let (parent, [first, _]) = family(stage).await;
    stage.sides[0].flush(first.worker, of_parent(&first, parent)).await?;
    let row = stage.row(parent).await.ok_or("the parent is gone")?;
    ensure(row.status == Status::AwaitingChildren.code(), format!("one of two has ended, and the parent is {row:?}"))?;
    Ok(1)
}

/// A parent starts a child while its worker is declared dead and its row taken back.
pub(super) async fn a_spawn_and_a_recovery(stage: &Stage) -> Played {
    let mut orders = stage.orders(2).quiet(&OWN_AFFAIRS);
    while orders.begin() {
        stage.clear().await;
        let held = stage.executed_by(stage.worker_silent_for("1 min").await, 0).await;
        let child = stage.keyed(Scope::default());
        let recovers = orders.part(1, "recover", stage.sides[1].recover());
        let spawns = orders.part(0, "spawn", stage.sides[0].flush(held.worker, spawn(&held, child)));
        orders.play().await;
        let seen = async {
            let verdict = played(spawns).await?;
            played(recovers).await?;
            let children = stage.count("select count(*) from gd.instance where parent is not null").await;
            let row = stage.row(held.id).await.ok_or("the parent is gone")?;
            match verdict {
                Verdict::Parked => {
                    let waits = row.status == Status::AwaitingChildren.code() && children == 1;
                    ensure(waits, format!("its spawn was committed, with {children} children: {row:?}"))
                }
                Verdict::Stale => ensure(children == 0, "a stale outcome has started a child"),
                other => Err(format!("a spawn came to {other:?}")),
            }
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// The holder of a key's only slot ends while somebody who wants it is put aside.
pub(super) async fn a_slot_is_let_go_of_while_another_is_put_aside(stage: &Stage) -> Played {
    let mut orders = stage.orders(2).quiet(&OWN_AFFAIRS);
    while orders.begin() {
        stage.clear().await;
        let held = stage.executing(0).await;
        with_slot(stage, held.id).await;
        let waiter = stage.runnable().await;
        under_key(stage, waiter).await;
        let other = stage.worker().await;
        let ends = orders.part(0, "end", stage.sides[0].flush(held.worker, with_key(commit(&held, done("result")))));
        let claims = orders.part(1, "claim", stage.sides[1].claim_and_promote(other));
        orders.play().await;
        let seen = async {
            ensure(matches!(played(ends).await?, Verdict::Ended), "the end was refused")?;
            played(claims).await?;
            let stuck = "select count(*) from gd.instance i where status = 4 and not exists \
                         (select from gd.instance h where h.concurrency_key = i.concurrency_key and h.slot is not null)";
            ensure(stage.count(stuck).await == 0, "it waits beside a free slot")
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// Two hosts give out the free slot of a key that two wait for.
pub(super) async fn a_free_slot_is_given_once(stage: &Stage) -> Played {
    let mut orders = stage.orders(2);
    while orders.begin() {
        stage.clear().await;
        for _ in 0..2 {
            let waiter = stage.runnable().await;
            under_key(stage, waiter).await;
        }
        let workers = [stage.worker().await, stage.worker().await];
        let first = orders.part(0, "claim", stage.sides[0].claim_and_promote(workers[0]));
        let second = orders.part(1, "claim too", stage.sides[1].claim_and_promote(workers[1]));
        orders.play().await;
        let seen = async {
            played(first).await?;
            played(second).await?;
            stage.house.promote("k").await?;
            let slots = stage.count("select count(*) from gd.instance where slot is not null").await;
            ensure(slots == 1, format!("{slots} instances have the one slot"))
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// The holder of a key's only slot is cancelled while its attempt ends; somebody waits for the slot.
pub(super) async fn a_holder_is_cancelled_while_it_ends(stage: &Stage) -> Played {
    let mut orders = stage.orders(2).quiet(&OWN_AFFAIRS);
    while orders.begin() {
        stage.clear().await;
        let held = stage.executing(0).await;
        with_slot(stage, held.id).await;
        let waiter = aside(stage).await;
        let ends = orders.part(0, "end", stage.sides[0].flush(held.worker, with_key(commit(&held, done("result")))));
        let cancels = orders.part(1, "cancel", stage.sides[1].cancel_and_promote(held.id));
        orders.play().await;
        let seen = async {
            let (verdict, cancelled) = (played(ends).await?, played(cancels).await?);
            let by_operator = matches!(cancelled, Some(Cancelled::Now { .. }));
            ensure(by_operator == matches!(verdict, Verdict::Stale), "it has ended twice, or not at all")?;
            let row = stage.row(waiter).await.ok_or("who waits is gone")?;
            ensure(
                row.status == Status::Runnable.code(),
                format!("the slot is free, and who waits for it is {row:?}"),
            )?;
            let slots = stage.count("select count(*) from gd.instance where slot is not null").await;
            ensure(slots == 1, format!("{slots} instances have the one slot"))
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// A slot is handed over to be run by the same worker, while an operator pauses who is to get it.
pub(super) async fn a_slot_is_taken_over_while_its_heir_is_paused(stage: &Stage) -> Played {
    let mut orders = stage.orders(2).quiet(&OWN_AFFAIRS);
    while orders.begin() {
        stage.clear().await;
        let held = stage.executing(0).await;
        with_slot(stage, held.id).await;
        let heir = aside(stage).await;
        let before = stage.row(heir).await.ok_or("it was just made")?.claim;
        let end = Commit { takes_over: Some(LANE.queue), ..with_key(commit(&held, done("result"))) };
        let ends = orders.part(0, "end", stage.sides[0].flush(held.worker, end));
        let pauses = orders.part(1, "pause", stage.sides[1].pause_as_it_stands(heir));
        orders.play().await;
        let seen = async {
            ensure(matches!(played(ends).await?, Verdict::Ended), "the end was refused")?;
            let stood = played(pauses).await?.ok_or("the heir is gone")?;
            let row = stage.row(heir).await.ok_or("the heir is gone")?;
            let runs = row.status == Status::Executing.code();
            ensure(runs == (stood == Status::Executing), format!("it was paused as {stood:?}, and is {row:?}"))?;
            ensure(runs == (row.owner == Some(held.worker.0)), format!("it runs nowhere: {row:?}"))?;
            ensure(row.claim == before + i64::from(runs), format!("it changed hands under its claim: {row:?}"))?;
            let slots = stage.count("select count(*) from gd.instance where slot is not null").await;
            ensure(slots == i64::from(runs), format!("{slots} instances have the one slot"))
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// Two hosts grant from one bucket that reaches for one of two.
pub(super) async fn two_rounds_of_grants(stage: &Stage) -> Played {
    let mut orders = stage.orders(2);
    while orders.begin() {
        stage.clear().await;
        sql(stage, "delete from gd.bucket; delete from gd.rate_limit; \
                    insert into gd.rate_limit (tenant_id, name, allowed, period_ms, burst) values (1, 'mail', 0, 1000, 1)").await;
        for _ in 0..2 {
            let waiter = stage.runnable().await;
            sql(stage, &format!("update gd.instance set status = 5, rate_limit = 'mail' where id = {waiter}")).await;
        }
        let workers = [stage.worker().await, stage.worker().await];
        let first = orders.part(0, "grant", stage.sides[0].grant(workers[0], "mail"));
        let second = orders.part(1, "grant too", stage.sides[1].grant(workers[1], "mail"));
        orders.play().await;
        let seen = async {
            let granted = played(first).await? + played(second).await?;
            ensure(granted <= 1, format!("{granted} were granted the one token"))?;
            let runnable = stage.count("select count(*) from gd.instance where status = 0").await;
            ensure(runnable == granted as i64, format!("{granted} were granted, {runnable} are runnable"))?;
            let later = stage.house.grant(workers[0], "mail").await?;
            ensure(granted + later == 1, format!("{} were granted the one token", granted + later))
        };
        seen.await.map_err(|seen| format!("{seen}, after {orders}"))?;
    }
    Ok(orders.played())
}

/// A parent that waits for two children, which two workers execute.
async fn family(stage: &Stage) -> (InstanceId, [Held; 2]) {
    let parent = stage.runnable().await;
    sql(stage, &format!("update gd.instance set status = 3, pending = 2, round = 1, wake = 5 where id = {parent}"))
        .await;
    let children = [stage.executing(0).await, stage.executing(0).await];
    for (index, child) in children.iter().enumerate() {
        let id = child.id;
        sql(
            stage,
            &format!(
                "update gd.instance set parent = {parent}, child_round = 1, child_index = {index} where id = {id}"
            ),
        )
        .await;
    }
    (parent, children)
}

fn of_parent(held: &Held, parent: InstanceId) -> Commit {
    Commit { parent: Some(parent), ..commit(held, done("result")) }
}

fn with_key(commit: Commit) -> Commit {
    Commit { slot: Some((Key { tenant: 1, key: "k".into() }, 0)), ..commit }
}

/// Somebody who stands aside for a slot of the key.
async fn aside(stage: &Stage) -> InstanceId {
    let waiter = stage.runnable().await;
    sql(stage, &format!("update gd.instance set concurrency_key = 'k', status = 4 where id = {waiter}")).await;
    waiter
}

async fn with_slot(stage: &Stage, id: InstanceId) {
    sql(stage, &format!("update gd.instance set concurrency_key = 'k', slot = 0 where id = {id}")).await;
}

async fn under_key(stage: &Stage, id: InstanceId) {
    sql(stage, &format!("update gd.instance set concurrency_key = 'k' where id = {id}")).await;
}

async fn sql(stage: &Stage, text: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(text.to_owned())).execute(stage.pool()).await.expect("a row can be set up");
}
