//! What steps start and send: each once if its story's instance is there, and told to those who wait for it.

use std::collections::HashSet;

use gd_core::AttemptOutcome;

use super::rows::Instance;
use crate::ledger::{Delivery, Sent};
use crate::notes::Note;
use crate::story::{Made, Name, Spawn, Story};
use crate::wal::Told;

/// The instances of one story.
#[derive(Clone, Debug)]
pub(super) struct Born {
    /// Those that its client started.
    pub(super) own: Vec<i64>,
    /// Those that its steps did, by their places.
    spawned: Vec<Vec<i64>>,
}

impl Born {
    pub(super) fn of(story: &Story) -> Self {
        Self { own: vec![], spawned: vec![vec![]; story.spawns.len()] }
    }

    /// Where instances of this kind are entered; nothing for a place that the story does not have.
    pub(super) fn ids(&mut self, spawn: Option<usize>) -> Option<&mut Vec<i64>> {
        match spawn {
            None => Some(&mut self.own),
            Some(place) => self.spawned.get_mut(place),
        }
    }

    /// Whether what the steps start and send is there, once for the instance that they are steps of, and what the log says of it. None
    /// of those that start others is ever cancelled, and all have ended.
    pub(super) fn check(&self, story: &Story, told: &Told) -> Vec<String> {
        let expected = self.own.len();
        let mut broken = Vec::new();
        let mut once = |what: String, found: usize| {
            if found != expected {
                broken.push(format!("{what} {found} times, where its instances are {:?}", self.own));
            }
        };
        let inserted = |spawn| {
            let label = Name { story: story.number, spawn }.label();
            told.births.get(&label).map_or(0, |times| usize::try_from(*times).unwrap_or(usize::MAX))
        };
        once("the log has its instance".to_owned(), inserted(None));
        for (place, (spawn, ids)) in story.spawns.iter().zip(&self.spawned).enumerate() {
            once(format!("its step has started {:?} as {ids:?}: that is", spawn.made), ids.len());
            once(format!("the log has what its step has started, {:?},", spawn.made), inserted(Some(place)));
            for token in &spawn.tokens {
                let times = told.arrivals.get(token).map_or(0, |times| usize::try_from(*times).unwrap_or(usize::MAX));
                once(format!("the log has the signal {token}"), times);
            }
        }
        broken
    }
}

/// What the steps of a story were told of those that they started, and of the signals that they sent.
pub(super) fn of_starter(story: &Story, notes: &[(Note, AttemptOutcome)]) -> Vec<String> {
    let mut broken = children(story, notes);
    let (mut visits, mut told) = (HashSet::new(), Vec::new());
    for (note, _) in notes {
        if visits.insert(note.visit) {
            told.extend(&note.effects);
        }
    }
    let beside = story.spawns.iter().filter(|spawn| spawn.made == Made::Beside);
    let (starts, signals) = beside.fold((0, 0), |(starts, signals), it| (starts + 1, signals + it.tokens.len()));
    let count = |word: &str| told.iter().filter(|told| told.contains(word)).count();
    if (count("Started"), count("Delivered"), told.len()) != (starts, signals, starts + signals) {
        broken.push(format!("its steps started {starts} and sent {signals}, and were told {told:?}"));
    }
    broken
}

/// Every step sees the children of all rounds so far, each once and as it ended, and no other.
fn children(story: &Story, notes: &[(Note, AttemptOutcome)]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut rounds = 0;
    for (note, outcome) in notes.iter().filter(|(note, _)| !note.of_handler) {
        let of_rounds = story.spawns.iter().filter_map(|spawn| match spawn.made {
            Made::Child { round, index } => (round <= rounds).then(|| (round, index, format!("{:?}", spawn.end))),
            Made::Beside => None,
        });
        let expected: Vec<(i64, i64, String)> = of_rounds.collect();
        if note.children != expected {
            let at = (note.visit, note.attempt);
            broken.push(format!("visit and attempt {at:?} see the children {:?}, not {expected:?}", note.children));
        }
        rounds += i64::from(*outcome == AttemptOutcome::ScheduleChildren);
    }
    if rounds != story.rounds() {
        broken.push(format!("it has made {rounds} rounds of children instead of {}", story.rounds()));
    }
    broken
}

/// Whether what a step started ended as it should, and belongs where it should.
pub(super) fn of_spawn(spawn: &Spawn, instance: &Instance) -> Vec<String> {
    let row = &instance.row;
    let mut broken = Vec::new();
    if instance.ends != 1 {
        broken.push(format!("it has ended {} times", instance.ends));
    }
    if row.status() != Some(spawn.end.status()) {
        broken.push(format!("it is {:?} ({:?}) instead of {:?}", row.status(), row.error_kind, spawn.end));
    }
    let place = row.child_round.zip(row.child_index).map(|(round, index)| (i64::from(round), i64::from(index)));
    let expected = match spawn.made {
        Made::Child { round, index } => Some((round, index)),
        Made::Beside => None,
    };
    if place != expected || row.parent.is_some() != expected.is_some() {
        broken.push(format!("it is child {place:?} of {:?} instead of {expected:?}", row.parent));
    }
    broken
}

/// The signals that steps send it, as those that nobody was told anything about.
pub(super) fn sent(spawn: &Spawn) -> Vec<Sent> {
    let tokens = spawn.tokens.iter().cloned();
    tokens.map(|token| Sent { token, dedup: false, answers: vec![(0, Delivery::Unknown)] }).collect()
}
