//! One instance as the harness keeps it, and what a commit makes of it.

use std::collections::BTreeSet;

use gd_core::{
    Change, Decision, ErrorInfo, Inbox, InstanceId, KeyChange, Signal, SignalId, StartSpec, Status, Then, Wake,
};

use super::{Past, Program, convert};
use crate::bindings::gd::fsm::types::{Child, Context, EffectResult};

/// How long an attempt may take, as the host has it by default.
const DEADLINE_MS: u64 = 30_000;

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: InstanceId,
    pub(super) fsm: String,
    pub(super) status: Status,
    pub(super) step: String,
    pub(super) state: Vec<u8>,
    pub(super) attempt: u32,
    pub(super) faults: u32,
    pub(super) visit: u64,
    pub(super) wake: Wake,
    pub(super) queue: String,
    pub(super) priority: i16,
    pub(super) eligible_at_ms: u64,
    pub(super) awaits: Vec<String>,
    pub(super) deadline_ms: Option<u64>,
    /// Oldest first.
    pub(super) inbox: Vec<Signal>,
    /// Deduplication keys of the signals it was sent.
    pub(super) known: BTreeSet<String>,
    pub(super) key: Option<String>,
    pub(super) scope: gd_core::Scope,
    pub(super) unique: bool,
    pub(super) concurrency_key: Option<String>,
    pub(super) parent: Option<Place>,
    /// Counted from 1, as the host does.
    pub(super) round: u32,
    /// Children of the current round that have not ended.
    pub(super) pending: usize,
    /// Children of all rounds that have ended, and those that were duplicates.
    pub(super) children: Vec<Child>,
    pub(super) effect_results: Vec<EffectResult>,
    pub(super) result: Option<Vec<u8>>,
    pub(super) error: Option<ErrorInfo>,
    pub(super) history: Vec<Past>,
}

/// Where a child belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) parent: InstanceId,
    pub(super) index: u32,
    pub(super) round: u32,
}

impl Row {
    pub(super) fn new(id: InstanceId, spec: StartSpec, program: &Program, now_ms: u64) -> Self {
        let descriptor = &program.descriptor;
        Self {
            id,
            fsm: spec.fsm,
            status: Status::Runnable,
            step: spec.step.unwrap_or_else(|| descriptor.initial_step.clone()),
            state: if spec.state.is_empty() { b"{}".to_vec() } else { spec.state },
            attempt: 0,
            faults: 0,
            visit: 0,
            wake: Wake::Start,
            queue: spec.queue.or_else(|| descriptor.queue.clone()).unwrap_or_else(|| "default".to_owned()),
            priority: spec.priority,
            eligible_at_ms: now_ms.saturating_add(spec.delay_ms),
            awaits: Vec::new(),
            deadline_ms: None,
            inbox: Vec::new(),
            known: BTreeSet::new(),
            key: spec.correlation_key,
            scope: spec.scope,
            unique: spec.unique,
            concurrency_key: spec.concurrency_key,
            parent: None,
            round: 0,
            pending: 0,
            children: Vec::new(),
            effect_results: Vec::new(),
            result: None,
            error: None,
            history: Vec::new(),
        }
    }

    pub(super) fn is_live(&self) -> bool {
        !self.status.is_terminal()
    }

    /// Whether nobody else may start under its key.
    pub(super) fn guards_key(&self) -> bool {
        self.unique && (self.is_live() || self.scope.bits() & gd_core::Scope::bit_of(self.status) != 0)
    }

    pub(super) fn inbox(&self) -> Inbox {
        Inbox::new(&self.awaits, self.inbox.clone())
    }

    /// What its next attempt is handed.
    pub(super) fn context(&self, now_ms: u64) -> Context {
        let Inbox { awaited, others } = self.inbox();
        let mut children = self.children.clone();
        children.sort_by_key(|child| (child.round, child.index));
        Context {
            instance_id: self.id.to_string(),
            fsm: self.fsm.clone(),
            step: self.step.clone(),
            attempt: self.attempt,
            faults: self.faults,
            visit: self.visit,
            idempotency_key: format!("gd-test-{}-{}", self.id, self.visit),
            wake: convert::wake(self.wake),
            state: self.state.clone(),
            correlation_key: self.key.clone(),
            parent: self.parent.map(|place| place.parent.to_string()),
            awaited: awaited.into_iter().map(convert::signal).collect(),
            others: others.into_iter().map(convert::signal).collect(),
            children,
            effect_results: self.effect_results.clone(),
            now_ms,
            deadline_ms: now_ms + DEADLINE_MS,
            ..crate::testing::context()
        }
    }

    /// Writes what was decided of an attempt that was handed these signals. Children and effects are the caller's.
    pub(super) fn commit(&mut self, decision: &Decision, handed: &[SignalId], now_ms: u64) {
        let Change { step, state, attempt, faults, new_visit, concurrency_key, draws: _, then } = &decision.change;
        self.history.push(Past::of(self, decision));
        self.step = step.clone().unwrap_or_else(|| self.step.clone());
        self.state = state.clone().unwrap_or_else(|| self.state.clone());
        (self.attempt, self.faults) = (*attempt, *faults);
        self.visit += u64::from(*new_visit);
        match concurrency_key {
            KeyChange::Keep => {}
            KeyChange::Release => self.concurrency_key = None,
            KeyChange::Switch(key) => self.concurrency_key = Some(key.clone()),
        }
        self.inbox.retain(|signal| !decision.consumes.contains(&signal.id));
        self.go(then, handed, now_ms);
    }

    fn go(&mut self, then: &Then, handed: &[SignalId], now_ms: u64) {
        if !matches!(then, Then::Again { .. }) {
            self.awaits.clear();
        }
        match then {
            Then::RunOn => self.wake_at(then.wake(), now_ms),
            Then::Requeue { delay_ms } | Then::Again { delay_ms } => {
                self.wake_at(then.wake(), now_ms.saturating_add(*delay_ms));
            }
            Then::Park { names, timeout_ms } => {
                self.awaits.clone_from(names);
                self.wake_at(then.wake(), now_ms);
                let wakes = |signal: &Signal| names.contains(&signal.name) && !handed.contains(&signal.id);
                if !self.inbox.iter().any(wakes) {
                    self.status = Status::AwaitingSignal;
                    self.deadline_ms = timeout_ms.map(|ms| now_ms.saturating_add(ms));
                }
            }
            Then::Join => {
                self.wake_at(then.wake(), now_ms);
                self.status = Status::AwaitingChildren;
                self.round += 1;
            }
            Then::End { status, result, error, clears_inbox } => {
                self.end(*status, result.clone(), error.clone());
                if *clears_inbox {
                    self.inbox.clear();
                }
            }
        }
    }

    /// Makes it runnable.
    pub(super) fn wake_at(&mut self, wake: Wake, at_ms: u64) {
        self.status = Status::Runnable;
        self.wake = wake;
        self.eligible_at_ms = at_ms;
        self.deadline_ms = None;
    }

    pub(super) fn end(&mut self, status: Status, result: Option<Vec<u8>>, error: Option<ErrorInfo>) {
        self.status = status;
        self.result = result;
        self.error = error;
        self.awaits.clear();
        self.deadline_ms = None;
    }
}
