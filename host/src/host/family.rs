//! An instance and what it has started as children: looking at them, and ending them with it.

use futures::future::join_all;
use gd_core::{InstanceId, Status, TenantId};

use super::{Error, Host};
use crate::store::ChildRow;

/// Cancellations that one call has under way at a time. Chosen: they share the host's connections with everybody else.
const AT_A_TIME: usize = 4;

/// A family that was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelledFamily {
    /// Where the instance itself stands: cancelled, or as it had ended before.
    pub status: Status,
    /// How many were cancelled, with the instance itself.
    pub cancelled: u64,
}

impl Host {
    /// Children of an instance, in the order in which they were asked for, behind `after`: a round and an index.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for an instance of another tenant.
    pub async fn children(
        &self,
        tenant: TenantId,
        id: InstanceId,
        after: (i32, i32),
        rows_max: u32,
    ) -> Result<Vec<ChildRow>, Error> {
        self.0.store.read_status(tenant, id).await?.ok_or_else(|| Error::NotFound(id.to_string()))?;
        Ok(self.0.store.list_children(tenant, id, after, i64::from(rows_max)).await?)
    }

    /// Ends an instance like [`Host::cancel`], and then every descendant of it that lives. A parent ends before its children, so that it
    /// neither joins them nor starts more. Each is ended by itself: after an error, or when the caller leaves, some have ended and others
    /// have not; to ask again, also of an instance that has ended, ends the rest.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Ended`] when nothing of the family was alive; what is wrong with the reason.
    pub async fn cancel_family(
        &self,
        tenant: TenantId,
        id: InstanceId,
        reason: Option<&str>,
    ) -> Result<CancelledFamily, Error> {
        let (status, first) = match self.cancel(tenant, id, reason).await {
            Ok(()) => (Status::Cancelled, 1),
            Err(Error::Ended { status, .. }) => (status, 0),
            Err(error) => return Err(error),
        };
        let cancelled = first + self.cancel_below(tenant, id, reason).await?;
        if cancelled == 0 { Err(Error::Ended { id, status }) } else { Ok(CancelledFamily { status, cancelled }) }
    }

    /// Generation by generation: the depth of a family is bounded.
    async fn cancel_below(&self, tenant: TenantId, id: InstanceId, reason: Option<&str>) -> Result<u64, Error> {
        let (mut parents, mut cancelled) = (vec![id], 0);
        while !parents.is_empty() {
            let children = self.0.store.family(tenant, &parents).await?;
            let live: Vec<InstanceId> = children.iter().filter(|child| child.live).map(|child| child.id).collect();
            for some in live.chunks(AT_A_TIME) {
                for result in join_all(some.iter().map(|child| self.cancel(tenant, *child, reason))).await {
                    match result {
                        Ok(()) => cancelled += 1,
                        // It ended by itself meanwhile; what it has started is looked for all the same.
                        Err(Error::Ended { .. } | Error::NotFound(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
            // One that lived may have made its first children after it was seen here.
            parents = children.iter().filter(|child| child.live || child.is_parent).map(|child| child.id).collect();
        }
        Ok(cancelled)
    }
}
