//! Whose turn it is to run, of the instances that were claimed ahead.

use std::collections::{BTreeMap, HashMap, VecDeque};

/// Tenant and queue.
type Group = (i32, i32);
/// Priority, due time, id.
type Rank = (i16, i64, i64);

/// How soon an instance is to run, compared with others of its tenant and queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Urgency {
    /// Tenant and queue.
    pub(crate) group: Group,
    /// Lower runs first.
    pub(crate) priority: i16,
    /// Then what was due earlier, in microseconds since the Unix epoch.
    pub(crate) eligible_at_us: i64,
    /// The instance.
    pub(crate) id: i64,
}

/// Turns that are free, and who waits for one, `W` each.
pub(super) struct Turns<W> {
    free: u32,
    /// Who waits, most urgent first.
    groups: HashMap<Group, BTreeMap<Rank, W>>,
    /// Whose turn it is between groups; every group stands here once.
    order: VecDeque<Group>,
}

impl Urgency {
    fn rank(&self) -> Rank {
        (self.priority, self.eligible_at_us, self.id)
    }
}

impl<W> Turns<W> {
    pub(super) fn new(count: u32) -> Self {
        Self { free: count, groups: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn free(&self) -> u32 {
        self.free
    }

    pub(super) fn waiting(&self) -> u32 {
        self.groups.values().map(|group| group.len() as u32).sum()
    }

    /// Takes a turn, if one is free.
    pub(super) fn take(&mut self) -> bool {
        let there = self.free > 0;
        self.free -= u32::from(there);
        there
    }

    /// Waits for one.
    pub(super) fn wait(&mut self, urgency: Urgency, waiter: W) {
        let group = self.groups.entry(urgency.group).or_insert_with(|| {
            self.order.push_back(urgency.group);
            BTreeMap::new()
        });
        group.insert(urgency.rank(), waiter);
    }

    /// Waits no longer.
    pub(super) fn leave(&mut self, urgency: &Urgency) -> Option<W> {
        let group = self.groups.get_mut(&urgency.group)?;
        let left = group.remove(&urgency.rank());
        if group.is_empty() {
            self.groups.remove(&urgency.group);
            self.order.retain(|other| *other != urgency.group);
        }
        left
    }

    /// A turn is over: says who has it now, or keeps it free.
    pub(super) fn over(&mut self) -> Option<W> {
        while let Some(turn) = self.order.pop_front() {
            let Some(group) = self.groups.get_mut(&turn) else { continue };
            let next = group.pop_first();
            if group.is_empty() {
                self.groups.remove(&turn);
            } else {
                self.order.push_back(turn);
            }
            if let Some((_, waiter)) = next {
                return Some(waiter);
            }
        }
        self.free += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_take_turns_and_within_one_the_urgent_and_the_early_go_first() {
        let mut turns = Turns::new(1);
        assert!(turns.take() && !turns.take());
        let urgency =
            |tenant, priority, eligible_at_us| Urgency { group: (tenant, 1), priority, eligible_at_us, id: 0 };
        for (who, urgency) in
            [("a3", urgency(1, 0, 2)), ("a2", urgency(1, 0, 1)), ("a1", urgency(1, -5, 9)), ("b1", urgency(2, 9, 9))]
        {
            turns.wait(urgency, who);
        }
        let order: Vec<&str> = std::iter::from_fn(|| turns.over()).collect();
        assert_eq!(order, ["a1", "b1", "a2", "a3"]);
        assert_eq!((turns.free(), turns.waiting()), (1, 0));
    }
}
