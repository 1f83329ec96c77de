//! Versions that callers were routed to when this host last looked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gd_core::{Descriptor, TenantId, Version};

/// What a start runs on.
pub(super) struct Routed {
    /// The FSM's number in the database.
    pub(super) fsm: i32,
    pub(super) version: Version,
    pub(super) descriptor: Descriptor,
}

/// The last version seen of each FSM: one entry for each that exists and was started here. It may have moved since, so that whoever goes by it has
/// the database compare.
#[derive(Default)]
pub(super) struct KnownRoutes(Mutex<HashMap<TenantId, HashMap<String, Arc<Routed>>>>);

impl KnownRoutes {
    pub(super) fn last(&self, tenant: TenantId, fsm: &str) -> Option<Arc<Routed>> {
        self.with(|known| known.get(&tenant)?.get(fsm).cloned())
    }

    pub(super) fn learn(&self, tenant: TenantId, fsm: &str, routed: &Arc<Routed>) {
        self.with(|known| known.entry(tenant).or_default().insert(fsm.to_owned(), routed.clone()));
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<TenantId, HashMap<String, Arc<Routed>>>) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
