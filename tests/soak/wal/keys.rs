//! Who holds a slot of which concurrency key, after every commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::story::limits;

/// The holders of every key. A row holds its key while it has a slot of it, reserved or in use, and while it executes under it.
#[derive(Debug, Default)]
pub(super) struct Keys {
    holders: HashMap<String, BTreeSet<i64>>,
    /// Keys that the transaction has given to somebody.
    taken: BTreeSet<String>,
    /// The most holders of a key at any commit, by the slots that it has.
    pub(super) highest: BTreeMap<usize, usize>,
    /// Commits that left a key without a free slot.
    pub(super) full: u64,
}

impl Keys {
    pub(super) fn take(&mut self, id: i64, key: &str) {
        if self.holders.entry(key.to_owned()).or_default().insert(id) {
            self.taken.insert(key.to_owned());
        }
    }

    pub(super) fn let_go(&mut self, id: i64, key: &str) {
        if let Some(holders) = self.holders.get_mut(key) {
            holders.remove(&id);
        }
    }

    /// What is wrong once the transaction has committed. A key that nobody has taken in it cannot have become fuller.
    pub(super) fn commit(&mut self) -> Vec<String> {
        let mut broken = Vec::new();
        for key in std::mem::take(&mut self.taken) {
            let (slots, holders) = (limits::slots(&key), self.holders.get(&key).cloned().unwrap_or_default());
            let highest = self.highest.entry(slots).or_default();
            *highest = holders.len().max(*highest);
            self.full += u64::from(holders.len() >= slots);
            if holders.len() > slots {
                broken.push(format!("the key {key} has {slots} slots, and is held by {holders:?}"));
            }
        }
        broken
    }
}
