//! Who waits for an instance to end or to park.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gd_core::InstanceId;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Where the end of an instance is announced to those who wait for it on this host. Cheap to clone; costs nothing while nobody waits.
#[derive(Clone, Default)]
pub(crate) struct Settled(Arc<Mutex<HashMap<InstanceId, Watched>>>);

struct Watched {
    notify: Arc<Notify>,
    watchers: usize,
}

impl Settled {
    /// Watches an instance from now on. Look at the instance after this, not before.
    pub(super) fn watch(&self, id: InstanceId) -> Watch {
        let notify = self.with(|watched| {
            let entry = watched.entry(id).or_insert_with(|| Watched { notify: Arc::default(), watchers: 0 });
            entry.watchers += 1;
            entry.notify.clone()
        });
        Watch { settled: self.clone(), id, notify }
    }

    /// The instance has parked or ended.
    pub(super) fn announce(&self, id: InstanceId) {
        self.with(|watched| {
            if let Some(entry) = watched.get(&id) {
                entry.notify.notify_waiters();
            }
        });
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<InstanceId, Watched>) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One watcher.
pub struct Watch {
    settled: Settled,
    id: InstanceId,
    notify: Arc<Notify>,
}

impl Watch {
    /// The next announcement on this host. Enable it before the look that it is for, or one in between is missed.
    pub fn changed(&self) -> Notified<'_> {
        self.notify.notified()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.settled.with(|watched| {
            if let Some(entry) = watched.get_mut(&self.id) {
                entry.watchers -= 1;
                if entry.watchers == 0 {
                    watched.remove(&self.id);
                }
            }
        });
    }
}
