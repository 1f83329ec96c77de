//! Looking at instances and versions, and waiting for an instance to settle.

use std::pin::pin;
use std::time::Duration;

use gd_core::{InstanceId, Status, TenantId};
use tokio::time::Instant;

use super::{Error, Host, names};
use crate::store::{Filter, FsmRow, HistoryRow, InstanceRow, InstanceSummary, LogRow, VersionRow};

/// Waits between looks at an instance that another host may run: first and longest.
const LOOKS: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(250));

/// What a caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The instance has ended.
    Terminal,
    /// It has ended, or is parked until somebody acts.
    Settled,
}

impl Until {
    fn reached(self, status: Status) -> bool {
        match self {
            Self::Terminal => status.is_terminal(),
            Self::Settled => status.is_settled(),
        }
    }
}

/// An instance that was waited for.
#[derive(Clone, Debug)]
pub struct Waited {
    /// Whether it came to what was waited for.
    pub reached: bool,
    /// Where it stands.
    pub instance: InstanceRow,
}

impl Host {
    /// One instance.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for an instance of another tenant.
    pub async fn get(&self, tenant: TenantId, id: InstanceId) -> Result<InstanceRow, Error> {
        self.0.store.get_instance(tenant, id).await?.ok_or_else(|| Error::NotFound(id.to_string()))
    }

    /// Instances, newest first, with ids below `before`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(
        &self,
        tenant: TenantId,
        before: InstanceId,
        rows_max: u32,
        filter: &Filter,
    ) -> Result<Vec<InstanceSummary>, Error> {
        for (what, name) in
            [("FSM's name", &filter.fsm), ("step", &filter.step), ("queue", &filter.queue), ("key", &filter.key)]
        {
            name.as_deref().map_or(Ok(()), |name| names::check(what, name))?;
        }
        Ok(self.0.store.list_instances(tenant, before, i64::from(rows_max), filter).await?)
    }

    /// Attempts of an instance, oldest first, with claims above `after`.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for an instance of another tenant.
    pub async fn history(
        &self,
        tenant: TenantId,
        id: InstanceId,
        after: i64,
        rows_max: u32,
    ) -> Result<Vec<HistoryRow>, Error> {
        self.get(tenant, id).await?;
        Ok(self.0.store.history(id, after, i64::from(rows_max)).await?)
    }

    /// What the attempt of an instance under this claim was handed, as JSON.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for an instance of another tenant; [`Error::NoInput`] where the FSM's history does not keep inputs, or
    /// there was no such attempt.
    pub async fn input(&self, tenant: TenantId, id: InstanceId, claim: i64) -> Result<Vec<u8>, Error> {
        self.get(tenant, id).await?;
        self.0.store.input(id, claim).await?.ok_or(Error::NoInput { id, claim })
    }

    /// What the attempts of an instance with claims above `after` logged, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for an instance of another tenant.
    pub async fn logs(
        &self,
        tenant: TenantId,
        id: InstanceId,
        after: i64,
        rows_max: u32,
    ) -> Result<Vec<LogRow>, Error> {
        self.get(tenant, id).await?;
        Ok(self.0.store.logs(id, after, i64::from(rows_max)).await?)
    }

    /// Waits until an instance has ended or settled, at most `time`.
    ///
    /// # Errors
    /// [`Error::NotFound`], at once.
    pub async fn wait(&self, tenant: TenantId, id: InstanceId, until: Until, time: Duration) -> Result<Waited, Error> {
        let deadline = Instant::now() + time;
        let watch = self.0.engine.watch(id);
        let mut look = LOOKS.0;
        loop {
            let mut changed = pin!(watch.changed());
            changed.as_mut().enable();
            let over = Instant::now() >= deadline;
            if over || watch.has_ended() || self.has_reached(tenant, id, until).await? {
                let instance = self.get(tenant, id).await?;
                let reached = until.reached(instance.summary.status);
                if over || reached {
                    return Ok(Waited { reached, instance });
                }
            }
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(deadline.min(Instant::now() + look)) => look = (look * 2).min(LOOKS.1),
            }
        }
    }

    async fn has_reached(&self, tenant: TenantId, id: InstanceId, until: Until) -> Result<bool, Error> {
        let status = self.0.store.read_status(tenant, id).await?;
        Ok(until.reached(status.ok_or_else(|| Error::NotFound(id.to_string()))?))
    }

    /// Every FSM, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fsms(&self, tenant: TenantId) -> Result<Vec<FsmRow>, Error> {
        Ok(self.0.store.list_fsms(tenant).await?)
    }

    /// Every version of an FSM, oldest first.
    ///
    /// # Errors
    /// [`Error::UnknownFsm`].
    pub async fn versions(&self, tenant: TenantId, fsm: &str) -> Result<Vec<VersionRow>, Error> {
        names::check("FSM's name", fsm)?;
        let versions = self.0.store.list_versions(tenant, fsm).await?;
        if versions.is_empty() {
            return Err(Error::UnknownFsm(fsm.to_owned()));
        }
        Ok(versions)
    }
}
