//! What an operator does to one instance, and what keeps it from running.

use std::time::Duration;

use gd_core::{InstanceId, Reason, Status, TenantId, why};

use super::{Error, Host};
use crate::store::{Cancelled, Held, WorkerRow};

/// Bytes of the reason that an operator gives for a cancellation.
const REASON_BYTES_MAX: usize = 8 << 10;

/// A live instance that was held or let go.
#[derive(Clone, Copy, Debug)]
pub struct Controlled {
    /// Where it stands.
    pub status: Status,
    /// Whether it is held.
    pub held: bool,
}

/// Why an instance does not run, or what it does instead.
#[derive(Clone, Debug)]
pub struct Why {
    /// Where it stands.
    pub status: Status,
    /// Whether it is held.
    pub held: bool,
    /// Never empty; the one to look at first in front.
    pub reasons: Vec<Reason>,
}

impl Host {
    /// Ends an instance at once, also while it executes: its guest is interrupted, and what it still returns is not committed.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Ended`] when it has ended before; what is wrong with the reason.
    pub async fn cancel(&self, tenant: TenantId, id: InstanceId, reason: Option<&str>) -> Result<(), Error> {
        let reason = reason.unwrap_or("cancelled by an operator");
        if reason.len() > REASON_BYTES_MAX {
            return Err(Error::TooLarge { what: "reason", bytes: reason.len(), max: REASON_BYTES_MAX });
        }
        if reason.contains('\0') {
            return Err(Error::InvalidArgument("the reason holds a NUL character".into()));
        }
        match self.0.store.cancel(tenant, id, reason).await? {
            Some(Cancelled::Now { freed, parent }) => {
                self.0.engine.interrupt(id);
                freed.into_iter().for_each(|key| self.0.engine.freed(key));
                parent.into_iter().for_each(|lane| self.0.engine.wake(lane));
                Ok(())
            }
            Some(Cancelled::EndedBefore(status)) => Err(Error::Ended { id, status }),
            None => Err(Error::NotFound(id.to_string())),
        }
    }

    /// Keeps an instance from being claimed until it is resumed. A step that runs now still commits.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Ended`].
    pub async fn pause(&self, tenant: TenantId, id: InstanceId) -> Result<Controlled, Error> {
        let held = self.0.store.hold(tenant, id).await?;
        self.controlled(id, held, true)
    }

    /// Lets a paused instance go on; one that is not paused is left as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Ended`].
    pub async fn resume(&self, tenant: TenantId, id: InstanceId) -> Result<Controlled, Error> {
        let held = self.0.store.let_go(tenant, id).await?;
        self.controlled(id, held, false)
    }

    fn controlled(&self, id: InstanceId, held: Option<Held>, now_held: bool) -> Result<Controlled, Error> {
        match held {
            Some(Held::Live(status, place)) => {
                self.0.engine.waits_at(place, Duration::ZERO);
                Ok(Controlled { status, held: now_held })
            }
            Some(Held::EndedBefore(status)) => Err(Error::Ended { id, status }),
            None => Err(Error::NotFound(id.to_string())),
        }
    }

    /// What keeps an instance from running, in words.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn why(&self, tenant: TenantId, id: InstanceId) -> Result<Why, Error> {
        if let Some((mut facts, fsm, version)) = self.0.store.why_facts(tenant, id).await? {
            facts.not_loaded = self.0.registry.failure(fsm, version).map(|error| error.to_string());
            let (status, held) = (facts.status, facts.held);
            return Ok(Why { status, held, reasons: why(&id.to_string(), &facts) });
        }
        let ended = self.get(tenant, id).await?.summary;
        let how = ended.error.map(|error| format!(" ({}: {})", error.kind, error.message)).unwrap_or_default();
        let reason = Reason {
            word: "ended",
            sentence: format!("it has ended: {}{how}", ended.status.word()),
            hint: Some(format!("gd-host history {id}")),
        };
        Ok(Why { status: ended.status, held: false, reasons: vec![reason] })
    }

    /// Every worker that is known, the youngest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn workers(&self) -> Result<Vec<WorkerRow>, Error> {
        Ok(self.0.store.list_workers().await?)
    }
}
