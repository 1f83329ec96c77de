//! The engine in memory: instances, inboxes, keys and a clock over the pure rules, without a database, a sandbox or a second thread.
//!
//! What a whole engine must come to is what this one comes to: tests play the same programs on both. Every operation is at once and
//! whole. One attempt is two calls: [`Model::claim`] hands out what a step sees, [`Model::commit`] takes how it ended.

mod attempts;
mod control;
mod instance;
mod signals;
mod starts;
mod time;

use std::collections::BTreeMap;

pub use attempts::Attempt;
pub use instance::Instance;
pub use signals::{Delivered, To};
pub use starts::{Duplicate, NewInstance};

use crate::{Descriptor, InstanceId, Limits};

/// An engine in memory, whose instances are all of one FSM.
#[derive(Clone, Debug)]
pub struct Model {
    descriptor: Descriptor,
    limits: Limits,
    now_ms: u64,
    /// Ids are given out in order, from 1; those of signals too.
    instances: BTreeMap<InstanceId, Instance>,
    signals: i64,
    /// Who holds a correlation key, beyond its end where its scope says so.
    keys: BTreeMap<String, InstanceId>,
}

impl Model {
    /// An engine with nothing in it, at time 0.
    pub fn new(descriptor: Descriptor, limits: Limits) -> Self {
        Self { descriptor, limits, now_ms: 0, instances: BTreeMap::new(), signals: 0, keys: BTreeMap::new() }
    }

    /// What outcomes are held to.
    pub fn rules(&self) -> (&Descriptor, &Limits) {
        (&self.descriptor, &self.limits)
    }

    /// An instance, live or ended.
    pub fn get(&self, id: InstanceId) -> Option<&Instance> {
        self.instances.get(&id)
    }

    /// Every instance, oldest first.
    pub fn instances(&self) -> impl Iterator<Item = (InstanceId, &Instance)> {
        self.instances.iter().map(|(id, instance)| (*id, instance))
    }

    /// Who holds a correlation key.
    pub fn holder(&self, key: &str) -> Option<InstanceId> {
        self.keys.get(key).copied()
    }

    /// A live instance.
    fn live(&mut self, id: InstanceId) -> Option<&mut Instance> {
        self.instances.get_mut(&id).filter(|instance| !instance.status.is_terminal())
    }

    /// Gives up the key of an instance that has ended, unless its scope keeps it.
    fn free_key(&mut self, id: InstanceId) {
        let Some(instance) = self.instances.get(&id) else { return };
        let kept = instance.scope.bits() & crate::Scope::bit_of(instance.status) != 0;
        if !kept
            && let Some(key) = &instance.correlation_key
            && self.keys.get(key) == Some(&id)
        {
            self.keys.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
