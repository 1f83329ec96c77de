//! A slot that a commit lets go of goes to whoever waits for it, in the same commit.

use std::collections::HashMap;

use gd_core::{Claim, Inbox, InstanceId, KeyChange, Lane, Status, TenantId, Version, Visit, WorkerId};
use sqlx::PgConnection;

use super::{Commit, Flushed, Verdict, Verdicts};
use crate::store::claims::{self, Claimed, claimed};
use crate::store::places::Place;
use crate::store::rows::{self, count};
use crate::store::{Error, effects};

/// No queue has this number.
const NO_QUEUE: i32 = -1;

/// Gives each slot on, to be run here or to wait for the next claim.
pub(super) async fn hand_over(
    connection: &mut PgConnection,
    worker: WorkerId,
    written: &[&Commit],
    verdicts: &Verdicts,
    flushed: &mut Flushed,
) -> Result<(), Error> {
    let freed: HashMap<(i32, &str, i16), &Commit> =
        written.iter().filter(|commit| lets_go(commit, verdicts)).filter_map(|commit| of(commit)).collect();
    if freed.is_empty() {
        return Ok(());
    }
    let (mut tenants, mut keys, mut slots, mut queues) = (vec![], vec![], vec![], vec![]);
    for ((tenant, key, slot), commit) in &freed {
        tenants.push(*tenant);
        keys.push(*key);
        slots.push(*slot);
        queues.push(commit.takes_over.unwrap_or(NO_QUEUE));
    }
    let rows = sqlx::query_file!("src/store/sql/hand_over.sql", worker.0, &tenants, &keys as _, &slots, &queues)
        .fetch_all(&mut *connection)
        .await?;
    let mut taken = Vec::new();
    for row in rows {
        let lane = rows::lane(row.tenant_id, row.queue_id, row.priority);
        let by = (row.tenant_id, row.concurrency_key.clone().unwrap_or_default(), row.freed_slot);
        if row.status == Status::Executing.code() {
            taken.push((by, claimed!(row)));
        } else {
            note_waiting(row.status, lane, row.concurrency_key, row.rate_limit, flushed);
        }
    }
    let mut instances: Vec<Claimed> = taken.iter().map(|(_, claimed)| claimed.clone()).collect();
    claims::hand(connection, &mut instances).await?;
    for (((tenant, key, slot), _), claimed) in taken.into_iter().zip(instances) {
        if let Some(commit) = freed.get(&(tenant, key.as_str(), slot)) {
            flushed.taken_over.insert(commit.key(), claimed);
        }
    }
    Ok(())
}

fn note_waiting(status: i16, lane: Lane, key: Option<String>, bucket: Option<String>, flushed: &mut Flushed) {
    flushed.woken.push((Place::of((status, lane), key, bucket), 0));
}

/// Whether the instance does not hold its slot any more.
fn lets_go(commit: &Commit, verdicts: &Verdicts) -> bool {
    let keeps = !matches!(commit.decision.change.concurrency_key, KeyChange::Release);
    !(keeps && matches!(verdicts.get(&commit.key()), Some(Verdict::RunsOn { .. })))
}

fn of<'a>(commit: &&'a Commit) -> Option<((i32, &'a str, i16), &'a Commit)> {
    let (key, slot) = commit.slot.as_ref()?;
    Some(((key.tenant, key.key.as_str(), *slot), *commit))
}
