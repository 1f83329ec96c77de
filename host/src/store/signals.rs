//! Delivering a signal: stored, deduplicated, and its target woken, in one commit.

use gd_core::{Claim, Inbox, InstanceId, Lane, Limits, Signal, SignalId, TenantId, Version, Visit, Wake, WorkerId};

use super::claims::{self, Claimed, claimed};
use super::rows::{self, count};
use super::{Error, Store, effects};

/// A signal on its way to one instance.
#[derive(Clone, Debug)]
pub struct NewSignal {
    /// What an await names.
    pub name: String,
    /// Opaque bytes.
    pub payload: Vec<u8>,
    /// The same key again is the same signal.
    pub dedup_key: Option<String>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It is in the inbox.
    Stored,
    /// Its key was seen before: nothing was stored.
    Duplicate,
    /// The inbox has no room for it.
    InboxFull,
}

/// What became of it and of its target.
#[derive(Debug)]
pub struct Delivery {
    /// Of the signal.
    pub delivered: Delivered,
    /// Where the target waits. A claim that came by meanwhile has passed over the locked row, whatever became of the signal.
    pub lane: Lane,
    /// The target, where a worker has claimed it.
    pub claimed: Option<Box<Claimed>>,
}

impl Store {
    /// Who holds a correlation key; of those who share it, the newest that lives.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn find_holder(&self, tenant: TenantId, key: &str) -> Result<Option<InstanceId>, Error> {
        let holder =
            sqlx::query_file_scalar!("src/store/sql/find_holder.sql", tenant.0, key).fetch_one(&self.pool).await?;
        Ok(holder.map(InstanceId))
    }

    /// Delivers a signal to an instance of this tenant; `None` when there is no such live instance. Where the signal wakes it, `offer` is
    /// asked for a worker of its queue and version that claims it in the same transaction.
    ///
    /// # Errors
    /// When a statement fails: then nothing was stored, unless the error is one of the connection. What was claimed then is given back by
    /// [`Store::owned_claims`] and [`Store::release`].
    pub async fn deliver(
        &self,
        tenant: TenantId,
        target: InstanceId,
        signal: &NewSignal,
        limits: &Limits,
        offer: impl FnOnce(i32, (i32, Version)) -> Option<WorkerId> + Send,
    ) -> Result<Option<Delivery>, Error> {
        let mut transaction = self.begin().await?;
        let addressee = sqlx::query_file!("src/store/sql/lock_target.sql", tenant.0, target.0, signal.name)
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(addressee) = addressee else { return Ok(None) };
        let version = (addressee.fsm_id, Version(addressee.version));
        let worker = addressee.claimable.then(|| offer(addressee.queue_id, version)).flatten();
        let row = sqlx::query_file!(
            "src/store/sql/store_signal.sql",
            target.0,
            signal.name,
            signal.payload,
            signal.dedup_key,
            i64::try_from(limits.inbox_signals_max).unwrap_or(i64::MAX),
            i64::try_from(limits.inbox_bytes_max).unwrap_or(i64::MAX),
            Wake::Signal.code(),
            worker.map(|worker| worker.0),
        )
        .fetch_one(&mut *transaction)
        .await?;
        let lane = rows::lane(addressee.tenant_id, addressee.queue_id, addressee.priority);
        let mut claimed = None;
        if row.claimed {
            let mut woken = claimed!(addressee);
            (woken.claim, woken.wake, woken.now_ms) = (woken.claim.next(), Wake::Signal, row.now_ms.unsigned_abs());
            match row.stored {
                // It found an empty inbox, and is all that is there.
                Some(id) if row.signals_before == 0 && woken.round == 0 => {
                    let (name, payload) = (signal.name.clone(), signal.payload.clone());
                    let first =
                        Signal { id: SignalId(id), name, payload, received_at_ms: row.received_at_ms.unsigned_abs() };
                    woken.inbox = Inbox::new(&woken.awaits, vec![first]);
                }
                Some(_) | None => claims::hand(&mut transaction, [&mut woken]).await?,
            }
            claimed = Some(Box::new(woken));
        }
        transaction.commit().await?;
        let delivered = match (row.duplicate, row.room) {
            (true, _) => Delivered::Duplicate,
            (false, false) => Delivered::InboxFull,
            (false, true) => Delivered::Stored,
        };
        Ok(Some(Delivery { delivered, lane, claimed }))
    }
}
