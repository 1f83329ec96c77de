//! What a step asks of the engine while it runs.

use std::sync::Arc;

use gd_core::{InstanceId, InvalidOutcome, StartSpec, TenantId};

use super::Shared;
use super::specs::Refused;
use crate::sandbox::{Answer, ChildPayloads, Desk};
use crate::store::Claimed;

/// Answers for one claimed instance.
pub(super) struct Engine {
    shared: Arc<Shared>,
    instance: InstanceId,
    tenant: TenantId,
    depth: u32,
}

impl Engine {
    pub(super) fn of(shared: &Arc<Shared>, claimed: &Claimed) -> Self {
        Self { shared: shared.clone(), instance: claimed.id, tenant: claimed.tenant, depth: claimed.depth }
    }
}

impl Desk for Engine {
    fn child(&self, round: u32, index: u32) -> Answer<'_, Option<ChildPayloads>> {
        Box::pin(async move {
            match self.shared.store.read_child(self.instance, round, index).await {
                Ok(child) => child.map(|child| ChildPayloads { state: child.state, output: child.output }),
                Err(error) => {
                    tracing::warn!(instance = %self.instance, %error, "a child's payload cannot be read now");
                    None
                }
            }
        })
    }

    fn check_children<'a>(&'a self, children: &'a [StartSpec]) -> Answer<'a, Result<(), InvalidOutcome>> {
        Box::pin(async move {
            match self.shared.check_children(self.tenant, self.depth, children).await {
                Ok(()) => Ok(()),
                Err(Refused::Outcome(broken)) => Err(broken),
                // The commit meets the same trouble, and the instance is given back.
                Err(Refused::Trouble(error)) => {
                    tracing::warn!(instance = %self.instance, %error, "children cannot be looked at now");
                    Ok(())
                }
            }
        })
    }
}
