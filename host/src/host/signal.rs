//! Sending signals.

use gd_core::{InstanceId, TenantId};

use super::{Error, Host, names};
use crate::engine::Seat;
use crate::store::{Delivered, Delivery, NewSignal};

/// Whom a signal is for.
#[derive(Clone, Debug)]
pub enum Target {
    /// An instance.
    Id(InstanceId),
    /// Whoever holds this correlation key.
    Key(String),
}

/// A signal.
#[derive(Clone, Debug)]
pub struct Signal {
    /// What an await names.
    pub name: String,
    /// Opaque bytes.
    pub payload: Vec<u8>,
    /// The same key again is the same signal.
    pub dedup_key: Option<String>,
}

/// An accepted signal: it is in the inbox, or was there before.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// Its deduplication key was seen before, and nothing was stored.
    pub duplicate: bool,
}

impl Host {
    /// Sends a signal. It is durable when this returns.
    ///
    /// # Errors
    /// [`Error::NoTarget`] when nobody lives who could get it; [`Error::InboxFull`]; what is wrong with the signal.
    pub async fn signal(&self, tenant: TenantId, target: Target, signal: Signal) -> Result<Accepted, Error> {
        self.check_signal(&target, &signal)?;
        let id = match &target {
            Target::Id(id) => *id,
            Target::Key(key) => match self.0.store.find_holder(tenant, key).await? {
                Some(holder) => holder,
                None => return Err(Error::NoTarget(format!("with the correlation key {key:?}"))),
            },
        };
        let new = NewSignal { name: signal.name, payload: signal.payload, dedup_key: signal.dedup_key };
        let mut seat = None;
        let offer = |queue, version| {
            seat = self.0.engine.seat(queue, version);
            seat.as_ref().map(Seat::worker)
        };
        let delivery = self.0.store.deliver(tenant, id, &new, &self.0.limits, offer).await?;
        let Some(Delivery { delivered, lane, claimed }) = delivery else { return Err(Error::NoTarget(id.to_string())) };
        match (seat, claimed) {
            (Some(seat), Some(claimed)) => seat.run(*claimed),
            (_, None) | (None, _) => self.0.engine.wake(lane),
        }
        match delivered {
            Delivered::Stored => Ok(Accepted { duplicate: false }),
            Delivered::Duplicate => Ok(Accepted { duplicate: true }),
            Delivered::InboxFull => Err(Error::InboxFull(id)),
        }
    }

    fn check_signal(&self, target: &Target, signal: &Signal) -> Result<(), Error> {
        if let Target::Key(key) = target {
            names::check("correlation key", key)?;
        }
        names::check("signal's name", &signal.name)?;
        signal.dedup_key.as_deref().map_or(Ok(()), |key| names::check("deduplication key", key))?;
        let (bytes, max) = (signal.payload.len(), self.0.limits.signal_bytes_max);
        if bytes > max {
            return Err(Error::TooLarge { what: "signal's payload", bytes, max });
        }
        Ok(())
    }
}
