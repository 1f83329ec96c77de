//! What the log tells in the end.

use std::collections::{BTreeMap, HashMap};

/// Counted over all commits that were read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) commits: u64,
    pub(crate) broken: Vec<String>,
    /// Instances that were begun and have not ended.
    pub(crate) living: u64,
    /// Instances that were given a slot of a key, each time.
    pub(crate) slots_taken: u64,
    /// Commits that put somebody aside for a slot.
    pub(crate) waits_for_slots: u64,
    pub(crate) slots_full: u64,
    /// The most holders of a key, by its slots.
    pub(crate) holders_max: BTreeMap<usize, usize>,
    pub(crate) grants: u64,
    pub(crate) tokens: u64,
    /// Millionths of a token that the tightest window would still have allowed.
    pub(crate) least_left: u64,
    /// From the moment up to which a bucket was filled to the commit of its grant.
    pub(crate) grant_us_max: u64,
    pub(crate) joins: u64,
    /// How often an instance with this label in its state was inserted.
    pub(crate) births: HashMap<String, u64>,
    /// How often a signal with this payload was.
    pub(crate) arrivals: HashMap<String, u64>,
}
