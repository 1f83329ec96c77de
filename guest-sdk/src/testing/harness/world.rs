//! The instances of a harness, their keys and their clock.

use std::collections::BTreeMap;

use gd_core::{Decision, Effect, ErrorInfo, InstanceId, Signal, SignalId, SignalSpec, StartSpec, Status, Target, Wake};

use super::row::Place;
use super::{Programs, Row, convert};
use crate::bindings::gd::fsm::types::{Child, ChildStatus, EffectOutcome, EffectResult};

#[derive(Debug)]
pub(super) struct World {
    pub(super) programs: Programs,
    /// Ids are given out in order, from 1.
    pub(super) rows: BTreeMap<InstanceId, Row>,
    pub(super) now_ms: u64,
    signals: i64,
}

impl World {
    pub(super) fn new(now_ms: u64) -> Self {
        Self { programs: Programs::default(), rows: BTreeMap::new(), now_ms, signals: 0 }
    }

    /// Starts an instance, or names the holder of its key.
    pub(super) fn start(&mut self, spec: StartSpec) -> Result<InstanceId, InstanceId> {
        self.start_beside(spec, None)
    }

    /// The same for what the commit of `ending` starts: that one gives up its key only afterwards.
    fn start_beside(&mut self, spec: StartSpec, ending: Option<InstanceId>) -> Result<InstanceId, InstanceId> {
        let guards = |row: &&Row| row.guards_key() || (row.unique && Some(row.id) == ending);
        if spec.unique
            && let Some(key) = &spec.correlation_key
            && let Some(holder) = self.rows.values().filter(guards).find(|row| row.key.as_ref() == Some(key))
        {
            return Err(holder.id);
        }
        let id = InstanceId(self.rows.last_key_value().map_or(1, |(last, _)| last.0 + 1));
        let program = self.programs.get(&spec.fsm);
        let row = Row::new(id, spec, program, self.now_ms);
        self.rows.insert(id, row);
        Ok(id)
    }

    /// Delivers a signal, and wakes its target if it is parked for one of this name.
    pub(super) fn deliver(&mut self, spec: SignalSpec) -> EffectOutcome {
        let SignalSpec { target, name, payload, dedup_key } = spec;
        let now_ms = self.now_ms;
        let meant = |row: &&mut Row| match &target {
            Target::Id(id) => row.id.to_string() == *id,
            Target::Key(key) => row.key.as_ref() == Some(key),
        };
        // Of several holders of a key that is not unique, the newest is meant.
        let Some(row) = self.rows.values_mut().rev().filter(|row| row.is_live()).find(meant) else {
            return EffectOutcome::NoTarget;
        };
        if dedup_key.is_some_and(|key| !row.known.insert(key)) {
            return EffectOutcome::Duplicate(row.id.to_string());
        }
        self.signals += 1;
        let wakes = row.status == Status::AwaitingSignal && row.awaits.contains(&name);
        row.inbox.push(Signal { id: SignalId(self.signals), name, payload, received_at_ms: now_ms });
        if wakes {
            row.wake_at(Wake::Signal, now_ms);
        }
        EffectOutcome::Delivered
    }

    /// Writes what was decided of an attempt: all of it at once.
    pub(super) fn commit(&mut self, id: InstanceId, decision: Decision, handed: &[SignalId]) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        row.commit(&decision, handed, self.now_ms);
        let (round, joins, keeps) = (row.round, row.status == Status::AwaitingChildren, !decision.change.new_visit);
        let duplicates = self.start_children(id, round, decision.children);
        let results = self.carry_out(id, decision.effects);
        let Some(row) = self.rows.get_mut(&id) else { return };
        row.children.extend(duplicates);
        if !(keeps && results.is_empty()) {
            row.effect_results = results;
        }
        if joins && row.pending == 0 {
            row.wake_at(Wake::Join, self.now_ms);
        }
        if row.status.is_terminal() {
            self.tell_parent(id);
        }
    }

    /// Starts the children of a round, and returns those that are not there since their key is taken.
    fn start_children(&mut self, parent: InstanceId, round: u32, specs: Vec<StartSpec>) -> Vec<Child> {
        let mut duplicates = Vec::new();
        for (index, spec) in (0..).zip(specs) {
            let fsm = spec.fsm.clone();
            match self.start(spec) {
                Ok(child) => {
                    let place = Place { parent, index, round };
                    self.rows.entry(child).and_modify(|row| row.parent = Some(place));
                    self.rows.entry(parent).and_modify(|row| row.pending += 1);
                }
                Err(holder) => duplicates.push(Child {
                    id: holder.to_string(),
                    index,
                    round,
                    fsm,
                    status: ChildStatus::Duplicate,
                    state: Vec::new(),
                    output: None,
                    error: None,
                }),
            }
        }
        duplicates
    }

    fn carry_out(&mut self, by: InstanceId, effects: Vec<Effect>) -> Vec<EffectResult> {
        let outcomes = effects.into_iter().map(|effect| self.carry_out_one(by, effect));
        (0..).zip(outcomes).map(|(index, outcome)| EffectResult { index, outcome }).collect()
    }

    fn carry_out_one(&mut self, by: InstanceId, effect: Effect) -> EffectOutcome {
        match effect {
            Effect::Signal(spec) => self.deliver(spec),
            Effect::Start(spec) => match self.programs.check(&spec) {
                Ok(()) => match self.start_beside(spec, Some(by)) {
                    Ok(id) => EffectOutcome::Started(id.to_string()),
                    Err(holder) => EffectOutcome::Duplicate(holder.to_string()),
                },
                Err(broken) => {
                    let (kind, message) = ("refused".to_owned(), broken.to_string());
                    let code = Some(broken.code().to_owned());
                    EffectOutcome::Refused(convert::error(ErrorInfo { kind, message, code }))
                }
            },
        }
    }

    /// Leaves with the parent of an instance that has ended what it reads of it, and wakes the parent after the last one.
    pub(super) fn tell_parent(&mut self, id: InstanceId) {
        let now_ms = self.now_ms;
        let Some(row) = self.rows.get(&id) else { return };
        let Some(place) = row.parent else { return };
        let child = Child {
            id: id.to_string(),
            index: place.index,
            round: place.round,
            fsm: row.fsm.clone(),
            status: match row.status {
                Status::Done => ChildStatus::Done,
                Status::Cancelled => ChildStatus::Cancelled,
                _ => ChildStatus::Failed,
            },
            state: row.state.clone(),
            output: row.result.clone(),
            error: row.error.clone().map(convert::error),
        };
        let Some(parent) = self.rows.get_mut(&place.parent).filter(|parent| parent.is_live()) else { return };
        parent.children.push(child);
        if place.round == parent.round {
            parent.pending = parent.pending.saturating_sub(1);
            if parent.pending == 0 && parent.status == Status::AwaitingChildren {
                parent.wake_at(Wake::Join, now_ms);
            }
        }
    }

    /// Lets time pass up to this moment, and wakes what has waited long enough. Returns how many were woken.
    pub(super) fn pass(&mut self, until_ms: u64) -> usize {
        self.now_ms = self.now_ms.max(until_ms);
        let now_ms = self.now_ms;
        let over = |row: &&mut Row| row.deadline_ms.is_some_and(|deadline| deadline <= now_ms);
        self.rows.values_mut().filter(over).map(|row| row.wake_at(Wake::Timeout, now_ms)).count()
    }

    /// Every await's deadline that is still to come.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = u64> {
        self.rows.values().filter_map(|row| row.deadline_ms)
    }

    /// The most urgent of those that are runnable, whenever that is, and that `takes` takes: what is due, else what is due next.
    pub(super) fn next(&self, takes: impl Fn(&Row) -> bool) -> Option<&Row> {
        let runnable = self.rows.values().filter(|row| row.status == Status::Runnable && takes(row));
        runnable.min_by_key(|row| {
            let wait_ms = row.eligible_at_ms.saturating_sub(self.now_ms);
            (wait_ms, row.priority, row.eligible_at_ms, row.id)
        })
    }
}
