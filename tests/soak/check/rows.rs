//! What the database says of the instances that have ended.

use std::collections::HashMap;

use gd_core::{AttemptOutcome, Status, Wake};
use serde_json::Value;
use sqlx::PgPool;

use crate::ledger::Case;

/// A row of gd.finished.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub(crate) struct Finished {
    pub(crate) id: i64,
    pub(crate) status: i16,
    pub(crate) visit: i64,
    pub(crate) attempt: i32,
    pub(crate) claim: i64,
    pub(crate) correlation_key: Option<String>,
    pub(crate) parent: Option<i64>,
    pub(crate) child_round: Option<i32>,
    pub(crate) child_index: Option<i32>,
    pub(crate) error_kind: Option<String>,
    pub(crate) state: Vec<u8>,
    pub(crate) result: Option<Vec<u8>>,
}

/// A row of gd.attempt.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub(crate) struct Attempt {
    pub(crate) instance_id: i64,
    pub(crate) claim: i64,
    pub(crate) worker: i64,
    pub(crate) visit: i64,
    pub(crate) attempt: i32,
    pub(crate) wake: i16,
    pub(crate) outcome: i16,
    pub(crate) step: String,
    pub(crate) to_step: Option<String>,
    pub(crate) error_kind: Option<String>,
    pub(crate) at_ms: i64,
}

/// An instance that has ended, with all that belongs to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Instance {
    pub(crate) row: Finished,
    /// How many rows say that it has ended.
    pub(crate) ends: usize,
    /// By claim.
    pub(crate) history: Vec<Attempt>,
    /// Payloads that are still in its inbox.
    pub(crate) inbox: Vec<String>,
    /// Deduplication keys that were seen.
    pub(crate) remembered: Vec<String>,
}

impl Finished {
    pub(crate) fn status(&self) -> Option<Status> {
        Status::from_code(self.status)
    }
}

impl Attempt {
    pub(crate) fn outcome(&self) -> Option<AttemptOutcome> {
        AttemptOutcome::from_code(self.outcome)
    }

    pub(crate) fn wake(&self) -> Option<Wake> {
        Wake::from_code(self.wake)
    }

    fn tell(&self) -> String {
        format!(
            "claim {} visit {} attempt {} {}: woken by {}, {}{}{} at {} by {:x}",
            self.claim,
            self.visit,
            self.attempt,
            self.step,
            self.wake().map_or("?", Wake::word),
            self.outcome().map_or("?", AttemptOutcome::word),
            self.to_step.as_ref().map(|step| format!(" to {step}")).unwrap_or_default(),
            self.error_kind.as_ref().map(|kind| format!(" ({kind})")).unwrap_or_default(),
            self.at_ms,
            self.worker
        )
    }
}

impl Instance {
    pub(crate) fn state(&self) -> Value {
        serde_json::from_slice(&self.row.state).unwrap_or_default()
    }

    /// What a probe or a job left behind: its result if it is done, else its state.
    pub(crate) fn payload(&self) -> Value {
        match &self.row.result {
            Some(result) => serde_json::from_slice(result).unwrap_or_default(),
            None => self.state(),
        }
    }

    /// Story and history, for people.
    pub(crate) fn tell(&self, case: Option<&Case>) -> Vec<String> {
        let row = &self.row;
        let status = row.status().map_or("?", Status::word);
        let mut lines = vec![format!(
            "{status} at claim {} visit {} attempt {} {:?}",
            row.claim, row.visit, row.attempt, row.error_kind
        )];
        if let Some(Case { story, starts, sent, cancel, pauses, .. }) = case {
            lines.push(format!("story {} ({}): {}", story.number, story.kind, story.request()));
            lines.push(format!("starts {starts:?}, cancel {cancel:?}, pauses {pauses:?}"));
            lines.extend(sent.iter().map(|sent| format!("{sent:?}")));
        }
        lines.extend(self.history.iter().map(Attempt::tell));
        lines.push(format!("left behind: {}", self.payload()));
        lines.push(format!("inbox {:?}, remembered {:?}", self.inbox, self.remembered));
        lines
    }
}

/// The first part of every idempotency key.
pub(super) async fn cluster(pool: &PgPool) -> anyhow::Result<String> {
    Ok(sqlx::query_scalar("select replace(id::text, '-', '') from gd.cluster").fetch_one(pool).await?)
}

/// Who holds or has held a key, living or not.
pub(super) async fn keys(pool: &PgPool) -> anyhow::Result<HashMap<i64, String>> {
    let sql = "
        select id, correlation_key from gd.finished where correlation_key is not null
        union all select id, correlation_key from gd.instance where correlation_key is not null";
    let rows: Vec<(i64, String)> = sqlx::query_as(sql).fetch_all(pool).await?;
    Ok(rows.into_iter().collect())
}

/// What has not ended.
pub(super) async fn living(pool: &PgPool) -> anyhow::Result<Vec<(i64, Value)>> {
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("select id, state from gd.instance order by id").fetch_all(pool).await?;
    Ok(rows.into_iter().map(|(id, state)| (id, serde_json::from_slice(&state).unwrap_or_default())).collect())
}

/// So many instances behind this id, in the order of their ids.
pub(super) async fn read(pool: &PgPool, after: i64, count: i64) -> anyhow::Result<Vec<Instance>> {
    let sql = "select * from gd.finished where id > $1 order by id limit $2";
    let finished: Vec<Finished> = sqlx::query_as(sql).bind(after).bind(count).fetch_all(pool).await?;
    let ids: Vec<i64> = finished.iter().map(|row| row.id).collect();
    let mut instances: Vec<Instance> = Vec::with_capacity(finished.len());
    for row in finished {
        match instances.last_mut().filter(|last| last.row.id == row.id) {
            Some(last) => last.ends += 1,
            None => instances.push(Instance { row, ends: 1, ..Instance::default() }),
        }
    }
    for attempt in attempts(pool, &ids).await? {
        of(&mut instances, attempt.instance_id).into_iter().for_each(|found| found.history.push(attempt.clone()));
    }
    let sql = "select target, payload from gd.signal where target = any($1) order by target, id";
    let inboxes: Vec<(i64, Vec<u8>)> = sqlx::query_as(sql).bind(&ids).fetch_all(pool).await?;
    for (id, payload) in inboxes {
        let token = serde_json::from_slice(&payload).unwrap_or_else(|_| String::from_utf8_lossy(&payload).into_owned());
        of(&mut instances, id).into_iter().for_each(|found| found.inbox.push(token.clone()));
    }
    let sql = "select target, dedup_key from gd.signal_dedup where target = any($1)";
    let remembered: Vec<(i64, String)> = sqlx::query_as(sql).bind(&ids).fetch_all(pool).await?;
    for (id, key) in remembered {
        of(&mut instances, id).into_iter().for_each(|found| found.remembered.push(key.clone()));
    }
    Ok(instances)
}

async fn attempts(pool: &PgPool, ids: &[i64]) -> anyhow::Result<Vec<Attempt>> {
    let sql = "
        select *, (extract(epoch from at) * 1000)::bigint as at_ms
        from gd.attempt where instance_id = any($1) order by instance_id, claim";
    Ok(sqlx::query_as(sql).bind(ids).fetch_all(pool).await?)
}

fn of(instances: &mut [Instance], id: i64) -> Option<&mut Instance> {
    let place = instances.binary_search_by_key(&id, |instance| instance.row.id).ok()?;
    instances.get_mut(place)
}
