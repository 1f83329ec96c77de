//! Which lanes to ask for work, and how much of each: fair between them, with bounded memory of what is known.

use std::collections::{HashMap, VecDeque};

/// A row of waiting instances that are claimed in the order of their `eligible_at`. The priority is part of it, so that
/// delayed rows of an urgent priority are never read to get at what is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// Whose rows.
    pub tenant: i32,
    /// The queue's number in the database.
    pub queue: i32,
    /// Lower runs first.
    pub priority: i16,
}

/// Lanes that are known to have work, in turn.
///
/// Nothing here has to be right: a lane that is forgotten is found again by the next scan, one that is empty costs a
/// probe. Within one tenant and queue a more urgent lane is served first; between tenants and queues each gets its share.
#[derive(Debug, Default)]
pub struct Lanes {
    /// Per tenant and queue, the priorities with work, most urgent first.
    groups: HashMap<(i32, i32), Vec<i16>>,
    /// Whose turn it is; every group stands here once.
    turn: VecDeque<(i32, i32)>,
}

impl Lanes {
    /// Remembers that a lane may have work. A new group is served first.
    pub fn learn(&mut self, lane: Lane) {
        let group = (lane.tenant, lane.queue);
        let priorities = self.groups.entry(group).or_insert_with(|| {
            self.turn.push_front(group);
            Vec::new()
        });
        if let Err(place) = priorities.binary_search(&lane.priority) {
            priorities.insert(place, lane.priority);
        }
    }

    /// Forgets a lane that gave less than it was asked for.
    pub fn forget(&mut self, lane: Lane) {
        let group = (lane.tenant, lane.queue);
        let Some(priorities) = self.groups.get_mut(&group) else { return };
        priorities.retain(|&priority| priority != lane.priority);
        if priorities.is_empty() {
            self.groups.remove(&group);
            self.turn.retain(|&other| other != group);
        }
    }

    /// Whether no lane is known to have work.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Shares `rows` out among at most `lanes_max` lanes, and lets the groups that were asked stand behind the others.
    /// Every group gives its most urgent lane; what does not divide evenly goes to those that waited longest.
    pub fn share(&mut self, rows: u32, lanes_max: usize) -> Vec<(Lane, u32)> {
        let asked = self.turn.len().min(lanes_max).min(rows as usize);
        if asked == 0 {
            return Vec::new();
        }
        let (each, mut left_over) = (rows / asked as u32, rows % asked as u32);
        let mut shares = Vec::with_capacity(asked);
        for _ in 0..asked {
            let Some(group) = self.turn.pop_front() else { break };
            self.turn.push_back(group);
            let Some(&priority) = self.groups.get(&group).and_then(|priorities| priorities.first()) else { continue };
            let extra = u32::from(left_over > 0);
            left_over -= extra;
            shares.push((Lane { tenant: group.0, queue: group.1, priority }, each + extra));
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(tenant: i32, queue: i32, priority: i16) -> Lane {
        Lane { tenant, queue, priority }
    }

    #[test]
    fn the_most_urgent_lane_of_a_queue_is_asked_first() {
        let mut lanes = Lanes::default();
        for priority in [5, -1, 0, 5] {
            lanes.learn(lane(1, 1, priority));
        }
        assert_eq!(lanes.share(10, 8), [(lane(1, 1, -1), 10)]);
        lanes.forget(lane(1, 1, -1));
        assert_eq!(lanes.share(10, 8), [(lane(1, 1, 0), 10)]);
    }

    #[test]
    fn every_group_is_asked_before_any_is_asked_again() {
        let mut lanes = Lanes::default();
        for tenant in 0..10 {
            lanes.learn(lane(tenant, 1, 0));
        }
        let mut asked: Vec<i32> = Vec::new();
        for _ in 0..5 {
            asked.extend(lanes.share(2, 2).iter().map(|(lane, _)| lane.tenant));
        }
        asked.sort_unstable();
        assert_eq!(asked, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn a_share_is_never_more_than_was_asked_for_and_never_lost() {
        let mut lanes = Lanes::default();
        for tenant in 0..3 {
            lanes.learn(lane(tenant, 1, 0));
        }
        for rows in 0..20 {
            let shares = lanes.share(rows, 8);
            assert_eq!(shares.iter().map(|(_, rows)| rows).sum::<u32>(), rows);
        }
    }

    #[test]
    fn a_forgotten_lane_leaves_nothing_behind() {
        let mut lanes = Lanes::default();
        lanes.learn(lane(1, 1, 0));
        lanes.forget(lane(1, 1, 0));
        lanes.forget(lane(1, 1, 0));
        assert!(lanes.is_empty());
        assert!(lanes.share(10, 8).is_empty());
    }
}
