//! The clock of the engine in memory: it moves when it is told to.

use super::Model;
use crate::{InstanceId, Status, Wake};

impl Model {
    /// Milliseconds since the model was made.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Lets time pass, and wakes what has waited long enough for a signal.
    pub fn advance(&mut self, ms: u64) {
        self.now_ms = self.now_ms.saturating_add(ms);
        let now_ms = self.now_ms;
        for instance in self.instances.values_mut() {
            let over = instance.await_deadline_ms.is_some_and(|deadline| deadline <= now_ms);
            if instance.status == Status::AwaitingSignal && over {
                instance.wake(Wake::Timeout, now_ms);
            }
        }
    }

    /// Which instance is claimed next: the most urgent that is due, and is not held.
    pub fn due(&self) -> Option<InstanceId> {
        self.due_within(0)
    }

    /// The same for what is due so many milliseconds from now.
    pub fn due_within(&self, ms: u64) -> Option<InstanceId> {
        let until_ms = self.now_ms.saturating_add(ms);
        let due = self.instances.iter().filter(|(_, instance)| {
            instance.status == Status::Runnable && !instance.held && instance.eligible_at_ms <= until_ms
        });
        due.min_by_key(|(id, instance)| (instance.priority, instance.eligible_at_ms, **id)).map(|(id, _)| *id)
    }
}
