//! One claimed instance: step after step, each in a fresh sandbox, each committed before the next.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gd_core::{
    AttemptOutcome, Decision, Ending, FaultKind, Inbox, InstanceId, KeyChange, Position, Then, crash_loop, decide,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::desk;
use super::events::{self, Attempted};
use super::flusher::{Commits, Done};
use super::held::Hold;
use super::incarnation::Incarnation;
use super::input;
use super::slots::Slot;
use super::turns::Urgency;
use super::{Shared, micros};
use crate::failpoint::{self, Failpoint};
use crate::registry::{self, Loaded};
use crate::sandbox::{Desk, LogLine, StepEnd, StepInput, StepReport};
use crate::store::{Claimed, Commit, DEFAULT_TENANT, HistoryLevel, Key, Record, Riders, Verdict};
use crate::telemetry::metrics as names;

/// Whether nothing else may run here meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alone {
    Yes,
    No,
}

/// An attempt that was run to its end.
struct Ran {
    ending: Ending,
    wall: Duration,
    cpu: Duration,
    log: Vec<LogLine>,
}

/// Runs claimed instances.
pub(super) struct Runner {
    pub(super) shared: Arc<Shared>,
    pub(super) incarnation: Incarnation,
    /// Ends this instance's guests: cancelled with the incarnation's, or by an operator.
    pub(super) interrupt: CancellationToken,
    pub(super) commits: Commits,
    pub(super) closing: CancellationToken,
}

impl Runner {
    /// Runs an instance that took its worker down time and again, or ends it where that has been often enough.
    pub(super) async fn run_alone(&mut self, claimed: Claimed, hold: Hold, lone_starts: u32) {
        let position = position(&claimed);
        match crash_loop(&position, lone_starts, &self.shared.limits) {
            None => self.run(claimed, hold, Alone::Yes).await,
            Some(decision) => {
                let commit = commit_of(&claimed, decision, Riders::default());
                let done = self.commits.commit(&self.incarnation, commit, position).await;
                if let Done::Written(Verdict::Ended, ..) = done {
                    tracing::error!(instance = %claimed.id, "crash-loop: the instance has failed");
                    self.ended(claimed.id);
                }
            }
        }
    }

    /// Runs one instance when its turn has come. Where the host stops before that, it is given back as if nobody had claimed it.
    pub(super) async fn run_in_turn(&mut self, claimed: Claimed, hold: Hold, slot: &Slot) {
        let group = (claimed.lane.tenant, claimed.lane.queue);
        let Claimed { eligible_at_us, .. } = claimed;
        let urgency = Urgency { group, priority: claimed.lane.priority, eligible_at_us, id: claimed.id.0 };
        let turn = tokio::select! {
            biased;
            () = self.closing.cancelled() => None,
            () = self.interrupt.cancelled() => None,
            turn = slot.turn(urgency) => turn,
        };
        match turn {
            Some(_turn) => self.run(claimed, hold, Alone::No).await,
            None => self.interrupted(&claimed).await,
        }
    }

    /// Runs one instance until it parks, ends, waits or is lost; and, where it lets go of a slot of its concurrency key, whoever gets that.
    async fn run(&mut self, mut claimed: Claimed, mut hold: Hold, alone: Alone) {
        let began = Instant::now();
        let mut steps = 0;
        let mut program = match self.program(&claimed).await {
            Some(program) => program,
            None => return,
        };
        loop {
            let history = self.shared.registry.history(claimed.fsm).await;
            let StepReport { end, wall, cpu, log } = self.attempt(&program, &claimed).await;
            let StepEnd::Ended(ending) = end else {
                return self.interrupted(&claimed).await;
            };
            steps += 1;
            let may_run_on =
                !self.closing.is_cancelled() && self.shared.config.run_ahead.allows(steps, began.elapsed());
            let id = claimed.id;
            let ran = Ran { ending, wall, cpu, log };
            match self.commit(&program, claimed, ran, (may_run_on, alone, history)).await {
                Some(next) if next.id == id => claimed = next,
                Some(other) => {
                    let Some(held) = self.hold(&other) else { return };
                    (claimed, hold) = (other, held);
                    match self.program(&claimed).await {
                        Some(other) => program = other,
                        None => return,
                    }
                }
                None => return drop(hold),
            }
        }
    }

    /// The program of a claimed instance. Without one the instance is given back.
    async fn program(&self, claimed: &Claimed) -> Option<Loaded> {
        let loaded = tokio::select! {
            loaded = self.shared.registry.program(claimed.fsm, claimed.version) => loaded,
            () = self.interrupt.cancelled() => {
                self.interrupted(claimed).await;
                return None;
            }
        };
        match loaded {
            Ok(program) => Some(program),
            Err(error) => {
                tracing::warn!(
                    instance = %claimed.id, version = %claimed.version, %error,
                    "version.stalled: it cannot be loaded here; its instances are left to others until it can"
                );
                self.release(claimed).await;
                None
            }
        }
    }

    /// Holds an instance that this runner goes on with.
    fn hold(&mut self, claimed: &Claimed) -> Option<Hold> {
        self.interrupt = self.incarnation.interrupt.child_token();
        self.shared.held.hold(claimed.id, claimed.claim, self.interrupt.clone())
    }

    async fn attempt(&self, program: &Loaded, claimed: &Claimed) -> StepReport {
        let desk: Arc<dyn Desk> = Arc::new(desk::Engine::of(&self.shared, claimed));
        let input = StepInput {
            instance: claimed.id,
            tenant: DEFAULT_TENANT,
            fsm: &program.descriptor.fsm,
            version: claimed.version,
            step: &claimed.step,
            attempt: claimed.attempt,
            faults: claimed.faults,
            visit: claimed.visit,
            idempotency_key: &self.idempotency_key(claimed),
            wake: claimed.wake,
            state: &claimed.state,
            correlation_key: claimed.correlation_key.as_deref(),
            parent: claimed.parent,
            inbox: &claimed.inbox,
            children: &claimed.children,
            effect_results: &claimed.effect_results,
            now_ms: claimed.now_ms,
            desk: &desk,
        };
        let span = tracing::debug_span!(
            "step", instance = %claimed.id, fsm = program.descriptor.fsm, version = %claimed.version, step = claimed.step,
            attempt = claimed.attempt
        );
        let mut running = pin!(self.shared.sandbox.run(program, input, &self.shared.config.step, &self.interrupt));
        let report = running.as_mut().instrument(span).await;
        failpoint::pass(Failpoint::AfterStep);
        report
    }

    /// Equal over all attempts of one visit, and never the key of anything else: the database's own id is its first part.
    fn idempotency_key(&self, claimed: &Claimed) -> String {
        format!("gd-{}-{}-{}", self.shared.cluster, claimed.id, claimed.visit)
    }

    /// Commits one attempt. What comes back is the same instance at its next step, if it runs on.
    async fn commit(
        &self,
        program: &Loaded,
        claimed: Claimed,
        Ran { ending, wall, cpu, log }: Ran,
        (may_run_on, alone, history): (bool, Alone, HistoryLevel),
    ) -> Option<Claimed> {
        let position = position(&claimed);
        let fault = fault(&ending);
        let decision = decide(&position, ending, &program.descriptor, &self.shared.limits);
        let riders = match self.riders(&claimed, &decision).await {
            Ok(riders) => riders,
            Err(error) => {
                tracing::warn!(instance = %claimed.id, %error, "what the step asks for cannot be looked up; it is given back");
                self.release(&claimed).await;
                return None;
            }
        };
        let commit = Commit {
            run_on: may_run_on,
            takes_over: (may_run_on && alone == Alone::No).then_some(claimed.lane.queue),
            handed: position.awaited.clone(),
            record: record(&claimed, wall, cpu),
            log: events::stored(&log),
            history,
            input: self.input(&claimed, history),
            ..commit_of(&claimed, decision, riders)
        };
        let done = self.commits.commit(&self.incarnation, commit, position).await;
        let Done::Written(verdict, Decision { change, children: started, outcome, error, .. }, taken_over) = done
        else {
            return None;
        };
        let told = Attempted {
            claimed: &claimed,
            fsm: &program.descriptor.fsm,
            outcome,
            to_step: change.step.as_deref(),
            fault: fault.or((outcome == AttemptOutcome::Fault).then_some(FaultKind::InvalidOutcome.word())),
            error: error.as_ref(),
            wall,
            cpu,
            log: &log,
        };
        match &verdict {
            Verdict::Stale => self.shared.events.stale(&told),
            _ => self.shared.events.attempted(&told),
        }
        match verdict {
            Verdict::RunsOn { signals, children, effect_results, now_ms } => Some(Claimed {
                step: change.step.unwrap_or(claimed.step),
                state: change.state.unwrap_or(claimed.state),
                attempt: change.attempt,
                faults: change.faults,
                visit: gd_core::Visit(claimed.visit.0 + i64::from(change.new_visit)),
                claim: claimed.claim.next(),
                wake: change.then.wake(),
                awaits: Vec::new(),
                inbox: Inbox::new(&[], signals),
                children,
                effect_results,
                round: claimed.round + u32::from(!started.is_empty()),
                concurrency_key: claimed.concurrency_key.filter(|_| change.concurrency_key != KeyChange::Release),
                slot: claimed.slot.filter(|_| change.concurrency_key != KeyChange::Release),
                now_ms,
                ..claimed
            }),
            Verdict::Runnable(place) => {
                let delay = match change.then {
                    Then::Requeue { delay_ms } | Then::Again { delay_ms } => Duration::from_millis(delay_ms),
                    Then::RunOn | Then::Park { .. } | Then::Join | Then::End { .. } => Duration::ZERO,
                };
                self.shared.waits_at(place, delay);
                taken_over.map(|claimed| *claimed)
            }
            Verdict::Parked => {
                self.shared.settled.announce(claimed.id);
                self.shared.notices.settled(claimed.id);
                taken_over.map(|claimed| *claimed)
            }
            Verdict::Ended => {
                self.ended(claimed.id);
                taken_over.map(|claimed| *claimed)
            }
            // Whoever holds the instance now goes on from what the database says.
            Verdict::Stale => None,
        }
    }

    async fn riders(&self, claimed: &Claimed, decision: &Decision) -> Result<Riders, registry::Error> {
        if decision.children.is_empty() && decision.effects.is_empty() {
            return Ok(Riders::default());
        }
        self.shared.riders(claimed, decision).await
    }

    /// What the history keeps of the input at this level.
    fn input(&self, claimed: &Claimed, history: HistoryLevel) -> Vec<u8> {
        match history {
            HistoryLevel::Off | HistoryLevel::Transitions => Vec::new(),
            HistoryLevel::Full => input::recorded(claimed, &self.idempotency_key(claimed)),
        }
    }

    /// Tells whoever waits for it, here and elsewhere.
    fn ended(&self, id: InstanceId) {
        self.shared.settled.announce_end(id);
        self.shared.notices.settled(id);
    }

    /// A host that stops gives its instances back, and their attempt is not counted. What a lost lease interrupts is recovery's to
    /// take: the guest may have done its work twice by then, and its next attempt must know.
    async fn interrupted(&self, claimed: &Claimed) {
        if !self.incarnation.lost.is_cancelled() {
            self.release(claimed).await;
        }
    }

    /// Gives the instance back as it was. If that fails too, it is found as owned but not held.
    async fn release(&self, claimed: &Claimed) {
        let (shared, worker, rows) = (self.shared.clone(), self.incarnation.worker, [(claimed.id, claimed.claim)]);
        let released = self.shared.apart(async move { shared.store.release(worker, &rows).await }).await;
        match released {
            Ok(rows) => {
                metrics::counter!(names::RELEASED).increment(rows.len() as u64);
                self.shared.released.fetch_add(rows.len() as u64, Ordering::Relaxed);
                self.shared.given_back(rows);
            }
            Err(error) => tracing::warn!(instance = %claimed.id, %error, "not given back yet"),
        }
    }
}

fn position(claimed: &Claimed) -> Position {
    Position {
        attempt: claimed.attempt,
        faults: claimed.faults,
        awaited: claimed.inbox.handed(),
        concurrency_key: claimed.concurrency_key.clone(),
    }
}

/// A commit that lets go of the instance; what tells of the attempt is filled in by the caller.
fn commit_of(claimed: &Claimed, decision: Decision, riders: Riders) -> Commit {
    let key = claimed.concurrency_key.clone().map(|key| Key { tenant: claimed.tenant.0, key });
    Commit {
        id: claimed.id,
        claim: claimed.claim,
        tenant: claimed.tenant,
        parent: claimed.parent,
        round: claimed.round,
        slot: key.zip(claimed.slot),
        decision,
        riders,
        run_on: false,
        takes_over: None,
        handed: Vec::new(),
        record: record(claimed, Duration::ZERO, Duration::ZERO),
        log: Vec::new(),
        history: HistoryLevel::default(),
        input: Vec::new(),
    }
}

fn record(claimed: &Claimed, wall: Duration, cpu: Duration) -> Record {
    Record {
        visit: claimed.visit,
        attempt: claimed.attempt,
        version: claimed.version,
        wake: claimed.wake,
        step: claimed.step.clone(),
        duration_us: micros(wall),
        cpu_us: micros(cpu),
    }
}

/// The kind of the fault, also where a handler took it.
fn fault(ending: &Ending) -> Option<&'static str> {
    match ending {
        Ending::Outcome(_) => None,
        Ending::Fault(fault) | Ending::Handled { fault, .. } | Ending::HandlerFailed { fault, .. } => {
            Some(fault.kind.word())
        }
    }
}
