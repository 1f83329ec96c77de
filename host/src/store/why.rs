//! The facts behind the answer to "why does it not run?".

use gd_core::{
    Aside, Bucket, Facts, InstanceId, Joining, Owner, Refill, Status, TenantId, Version, WantsSlot, WantsTokens,
};

use super::rows::{self, count};
use super::{Error, Store};

impl Store {
    /// What is known of a live instance of this tenant, and its FSM's number; `None` when there is none.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn why_facts(&self, tenant: TenantId, id: InstanceId) -> Result<Option<(Facts, i32, Version)>, Error> {
        let row = sqlx::query_file!("src/store/sql/why_facts.sql", tenant.0, id.0).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let owner = row.owner_host.map(|host| Owner {
            host,
            alive: row.owner_alive.unwrap_or(false),
            silent_ms: row.owner_silent_ms.unwrap_or(0),
            lease_left_ms: row.lease_left_ms.unwrap_or(0),
        });
        let aside = match row.status {
            Status::WANTS_SLOT => self.why_slot(tenant, id).await?,
            Status::WANTS_TOKENS => self.why_tokens(tenant, id).await?,
            _ => None,
        };
        let facts = Facts {
            status: rows::status("instance", id.0, row.status)?,
            held: row.held,
            fsm: row.fsm,
            version: row.version,
            step: row.step,
            queue: row.queue,
            attempt: count(row.attempt),
            losses: count(row.losses),
            lone_starts: count(row.lone_starts),
            awaits: row.awaits.unwrap_or_default(),
            due_in_ms: row.due_in_ms,
            deadline_in_ms: row.deadline_in_ms,
            unchanged_ms: row.unchanged_ms,
            owner,
            workers: row.workers,
            ahead: row.ahead,
            aside,
            reserved: row.reserved,
            joining: Joining { pending: row.pending.into(), ended: row.ended },
            last_error: row.last_error_kind.map(|kind| (kind, row.last_error_message.unwrap_or_default())),
            not_loaded: None,
        };
        Ok(Some((facts, row.fsm_id, Version(row.version))))
    }

    async fn why_slot(&self, tenant: TenantId, id: InstanceId) -> Result<Option<Aside>, Error> {
        let row = sqlx::query_file!("src/store/sql/why_slot.sql", tenant.0, id.0).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| {
            let holders = row.holders.into_iter().map(InstanceId).collect();
            Aside::Slot(WantsSlot { key: row.key, slots: row.slots, holders, ahead: row.ahead })
        }))
    }

    async fn why_tokens(&self, tenant: TenantId, id: InstanceId) -> Result<Option<Aside>, Error> {
        let row = sqlx::query_file!("src/store/sql/why_tokens.sql", tenant.0, id.0).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| {
            let limit = row.allowed.zip(row.period_ms).zip(row.burst).zip(row.since_us);
            let refill =
                limit.map(|(((allowed, period_ms), burst), since_us)| Refill { allowed, period_ms, burst, since_us });
            Aside::Tokens(WantsTokens {
                bucket: row.bucket,
                weight: row.weight,
                refill,
                level: row.level.zip(row.refilled_us).map(|(level, at_us)| Bucket { level, at_us }),
                now_us: row.now_us,
                ahead: row.ahead,
                ahead_weight: row.ahead_weight,
                stuck: row.stuck.map(InstanceId),
            })
        }))
    }
}
