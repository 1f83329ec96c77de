//! Signals in memory.

use super::Model;
use crate::{InstanceId, Signal, SignalId, Status, Wake};

/// Whom a signal is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// This instance.
    Id(InstanceId),
    /// Whoever holds this correlation key.
    Key(String),
}

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It is in the inbox.
    Stored,
    /// It was there before, or had been consumed: nothing happens.
    Duplicate,
    /// Nobody live is meant.
    NoTarget,
}

impl Model {
    /// Delivers a signal, and wakes its target if it is parked for one of this name.
    pub fn signal(&mut self, to: &To, name: &str, payload: &[u8], dedup_key: Option<&str>) -> Delivered {
        let id = match to {
            To::Id(id) => Some(*id),
            To::Key(key) => self.holder(key),
        };
        let (now_ms, signal_id) = (self.now_ms, SignalId(self.signals + 1));
        let Some(target) = id.and_then(|id| self.live(id)) else { return Delivered::NoTarget };
        if dedup_key.is_some_and(|key| !target.known.insert(key.to_owned())) {
            return Delivered::Duplicate;
        }
        target.inbox.push(Signal {
            id: signal_id,
            name: name.to_owned(),
            payload: payload.to_vec(),
            received_at_ms: now_ms,
        });
        if target.status == Status::AwaitingSignal && target.awaits.iter().any(|awaited| awaited == name) {
            target.wake(Wake::Signal, now_ms);
        }
        self.signals += 1;
        Delivered::Stored
    }
}
