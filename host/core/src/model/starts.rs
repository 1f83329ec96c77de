//! Starting instances in memory.

use std::collections::BTreeSet;

use super::{Instance, Model};
use crate::{InstanceId, Scope, Status, Wake};

/// What a caller asks for.
#[derive(Clone, Debug, Default)]
pub struct NewInstance {
    /// A step other than the initial one.
    pub step: Option<String>,
    /// The first state.
    pub state: Vec<u8>,
    /// Lower runs first.
    pub priority: i16,
    /// Milliseconds to wait.
    pub delay_ms: u64,
    /// The address for signals, and the guard against a second start.
    pub correlation_key: Option<String>,
    /// How long the key stays taken.
    pub scope: Scope,
}

/// The key is taken, by this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicate(pub InstanceId);

impl Model {
    /// Starts an instance.
    ///
    /// # Errors
    /// [`Duplicate`]; nothing was started then.
    pub fn start(&mut self, new: NewInstance) -> Result<InstanceId, Duplicate> {
        if let Some(holder) = new.correlation_key.as_ref().and_then(|key| self.keys.get(key)) {
            return Err(Duplicate(*holder));
        }
        let id = InstanceId(self.instances.last_key_value().map_or(1, |(last, _)| last.0 + 1));
        if let Some(key) = &new.correlation_key {
            self.keys.insert(key.clone(), id);
        }
        let instance = Instance {
            status: Status::Runnable,
            held: false,
            step: new.step.unwrap_or_else(|| self.descriptor.initial_step.clone()),
            state: new.state,
            attempt: 0,
            faults: 0,
            visit: 0,
            wake: Wake::Start,
            priority: new.priority,
            eligible_at_ms: self.now_ms.saturating_add(new.delay_ms),
            awaits: Vec::new(),
            await_deadline_ms: None,
            inbox: Vec::new(),
            known: BTreeSet::new(),
            correlation_key: new.correlation_key,
            scope: new.scope,
            result: None,
            error: None,
        };
        self.instances.insert(id, instance);
        Ok(id)
    }
}
