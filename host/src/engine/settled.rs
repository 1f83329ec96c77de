//! Who waits for an instance to end or to park.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gd_core::InstanceId;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Where the end of an instance is announced to those who wait for it on this host. Cheap to clone; costs nothing while nobody waits.
#[derive(Clone, Default)]
pub(crate) struct Settled(Arc<Mutex<HashMap<InstanceId, Watched>>>);

struct Watched {
    seen: Arc<Seen>,
    watchers: usize,
}

#[derive(Default)]
struct Seen {
    notify: Notify,
    ended: AtomicBool,
}

impl Settled {
    /// Watches an instance from now on. Look at the instance after this, not before.
    pub(super) fn watch(&self, id: InstanceId) -> Watch {
        let seen = self.with(|watched| {
            let entry = watched.entry(id).or_insert_with(|| Watched { seen: Arc::default(), watchers: 0 });
            entry.watchers += 1;
            entry.seen.clone()
        });
        Watch { settled: self.clone(), id, seen }
    }

    /// The instance has parked or ended.
    pub(super) fn announce(&self, id: InstanceId) {
        self.with(|watched| {
            if let Some(entry) = watched.get(&id) {
                entry.seen.notify.notify_waiters();
            }
        });
    }

    /// The instance has ended: by a commit of this host.
    pub(super) fn announce_end(&self, id: InstanceId) {
        self.with(|watched| {
            if let Some(entry) = watched.get(&id) {
                entry.seen.ended.store(true, Ordering::Release);
            }
        });
        self.announce(id);
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<InstanceId, Watched>) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One watcher.
pub struct Watch {
    settled: Settled,
    id: InstanceId,
    seen: Arc<Seen>,
}

impl Watch {
    /// Whether a commit of this host is known to have ended the instance: there is no need to ask.
    pub fn has_ended(&self) -> bool {
        self.seen.ended.load(Ordering::Acquire)
    }

    /// The next announcement on this host. Enable it before the look that it is for, or one in between is missed.
    pub fn changed(&self) -> Notified<'_> {
        self.seen.notify.notified()
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
