//! Which lanes to ask for work, and how much of each: fair between them, with bounded memory of what is known.

use std::collections::{BTreeMap, HashMap, VecDeque};

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

/// How many more rows may be claimed at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Room {
    /// So many over all queues.
    Shared(u32),
    /// So many per queue; one that is not named here has none.
    PerQueue(BTreeMap<i32, u32>),
}

impl Room {
    /// Whether nothing may be claimed.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Shared(rows) => *rows == 0,
            Self::PerQueue(queues) => queues.is_empty(),
        }
    }

    /// Takes the place of one row of this queue, if there is one.
    fn take(&mut self, queue: i32) -> bool {
        let rows = match self {
            Self::Shared(rows) => rows,
            Self::PerQueue(queues) => match queues.get_mut(&queue) {
                Some(rows) => rows,
                None => return false,
            },
        };
        let there = *rows > 0;
        *rows -= u32::from(there);
        if let Self::PerQueue(queues) = self
            && queues.get(&queue) == Some(&0)
        {
            queues.remove(&queue);
        }
        there
    }
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

    /// Shares `rows` out among at most `lanes_max` lanes whose queues have room, and lets the groups that were asked stand behind
    /// the others; one whose queue is full keeps its place. Every group gives its most urgent lane, no queue gets more than its
    /// room, and what does not divide evenly goes to those that waited longest.
    pub fn share(&mut self, mut room: Room, rows: u32, lanes_max: usize) -> Vec<(Lane, u32)> {
        let asked_max = lanes_max.min(rows as usize);
        let (mut shares, mut passed_over) = (Vec::new(), Vec::new());
        while shares.len() < asked_max && !room.is_empty() {
            let Some(group) = self.turn.pop_front() else { break };
            match self.groups.get(&group).and_then(|priorities| priorities.first()) {
                Some(&priority) if room.take(group.1) => {
                    shares.push((Lane { tenant: group.0, queue: group.1, priority }, 1));
                }
                Some(_) => passed_over.push(group),
                None => {}
            }
        }
        passed_over.into_iter().rev().for_each(|group| self.turn.push_front(group));
        self.turn.extend(shares.iter().map(|(lane, _)| (lane.tenant, lane.queue)));
        fill(&mut shares, room, rows);
        shares
    }
}

/// Deals the rows that are left, one each in turn, to the shares whose queues still have room.
fn fill(shares: &mut [(Lane, u32)], mut room: Room, rows: u32) {
    let mut left = rows - shares.len() as u32;
    let mut dealt = true;
    while dealt && left > 0 {
        dealt = false;
        for (lane, share) in shares.iter_mut() {
            if left > 0 && room.take(lane.queue) {
                *share += 1;
                left -= 1;
                dealt = true;
            }
        }
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
        assert_eq!(lanes.share(Room::Shared(10), 10, 8), [(lane(1, 1, -1), 10)]);
        lanes.forget(lane(1, 1, -1));
        assert_eq!(lanes.share(Room::Shared(10), 10, 8), [(lane(1, 1, 0), 10)]);
    }

    #[test]
    fn every_group_is_asked_before_any_is_asked_again() {
        let mut lanes = Lanes::default();
        for tenant in 0..10 {
            lanes.learn(lane(tenant, 1, 0));
        }
        let mut asked: Vec<i32> = Vec::new();
        for _ in 0..5 {
            asked.extend(lanes.share(Room::Shared(2), 2, 2).iter().map(|(lane, _)| lane.tenant));
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
            for (room, rows) in [(rows, 100), (100, rows)] {
                let shares = lanes.share(Room::Shared(room), rows, 8);
                assert_eq!(shares.iter().map(|(_, rows)| rows).sum::<u32>(), rows.min(room));
                let each = shares.iter().map(|(_, rows)| *rows);
                assert!(each.clone().max().unwrap_or(0) - each.min().unwrap_or(0) <= 1, "{shares:?}");
            }
        }
    }

    #[test]
    fn no_queue_gets_more_than_its_room_and_a_full_one_takes_nothing_from_another() {
        let mut lanes = Lanes::default();
        for (tenant, queue) in [(1, 1), (2, 1), (1, 2), (1, 3)] {
            lanes.learn(lane(tenant, queue, 0));
        }
        let room =
            |queues: &[(i32, u32)]| Room::PerQueue(queues.iter().copied().filter(|(_, rows)| *rows > 0).collect());
        let sums = |shares: Vec<(Lane, u32)>| {
            let sum = |queue| shares.iter().filter(|(lane, _)| lane.queue == queue).map(|(_, rows)| rows).sum::<u32>();
            [1, 2, 3].map(sum)
        };
        for (queues, rows, expected) in [
            (vec![(1, 5), (2, 9), (3, 0)], 100, [5, 9, 0]),
            (vec![(1, 1), (2, 0), (3, 0)], 100, [1, 0, 0]),
            (vec![(1, 9), (2, 9), (3, 9)], 12, [6, 3, 3]),
            (vec![(1, 9), (2, 1), (3, 9)], 10, [6, 1, 3]),
            (vec![(4, 9)], 10, [0, 0, 0]),
        ] {
            assert_eq!(sums(lanes.share(room(&queues), rows, 8)), expected, "{queues:?} {rows}");
        }
    }

    #[test]
    fn a_group_whose_queue_is_full_keeps_its_place() {
        let mut lanes = Lanes::default();
        for (tenant, queue) in [(3, 2), (2, 2), (1, 1)] {
            lanes.learn(lane(tenant, queue, 0));
        }
        let only = |queue| Room::PerQueue(BTreeMap::from([(queue, 1)]));
        let mut asked = |queue| lanes.share(only(queue), 10, 8)[0].0.tenant;
        assert_eq!([asked(2), asked(2), asked(1), asked(2)], [2, 3, 1, 2]);
    }

    #[test]
    fn a_forgotten_lane_leaves_nothing_behind() {
        let mut lanes = Lanes::default();
        lanes.learn(lane(1, 1, 0));
        lanes.forget(lane(1, 1, 0));
        lanes.forget(lane(1, 1, 0));
        assert!(lanes.is_empty());
        assert!(lanes.share(Room::Shared(10), 10, 8).is_empty());
    }
}
