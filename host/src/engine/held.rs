//! Which instances this host holds in memory: what it owns in the database beyond these is given back.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use gd_core::InstanceId;

/// The instances that run here. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Held(Arc<Mutex<HashSet<InstanceId>>>);

impl Held {
    /// Holds an instance until the guard is dropped.
    pub(super) fn hold(&self, id: InstanceId) -> Hold {
        self.with(|held| held.insert(id));
        Hold { held: self.clone(), id }
    }

    pub(super) fn contains(&self, id: InstanceId) -> bool {
        self.with(|held| held.contains(&id))
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashSet<InstanceId>) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Keeps an instance in the set.
pub(super) struct Hold {
    held: Held,
    id: InstanceId,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.with(|held| held.remove(&self.id));
    }
}
