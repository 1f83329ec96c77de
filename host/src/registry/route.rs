//! What an FSM runs on that is started now: the version that is routed, or one that was asked for.

use gd_core::{Descriptor, TenantId, Version};

use super::{DescriptorDoc, Error, Registry};
use crate::store::Route;

/// What was found of an FSM.
#[derive(Clone, Debug)]
pub struct Routed {
    /// Its number in the database.
    pub fsm: i32,
    /// The version, and what it says of itself; `None` when there is no such version.
    pub version: Option<(Version, Descriptor)>,
}

impl Registry {
    /// The version of an FSM that new instances get, or this one; `None` when there is no such FSM.
    ///
    /// # Errors
    /// When the database fails, or holds a descriptor that cannot be read.
    pub async fn routed(&self, tenant: TenantId, fsm: &str, version: Option<i32>) -> Result<Option<Routed>, Error> {
        let Some(Route { fsm: number, version }) = self.store.find_route(tenant, fsm, version).await? else {
            return Ok(None);
        };
        let read = |(version, document): (Version, serde_json::Value)| {
            let descriptor: DescriptorDoc = serde_json::from_value(document).map_err(|error| {
                Error::StoredDescriptor { fsm: fsm.to_owned(), version: version.0, reason: error.to_string() }
            })?;
            Ok::<_, Error>((version, Descriptor::from(descriptor)))
        };
        Ok(Some(Routed { fsm: number, version: version.map(read).transpose()? }))
    }
}
