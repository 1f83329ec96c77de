//! One claimed instance: step after step, each in a fresh sandbox, each committed before the next.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gd_core::{AttemptOutcome, Ending, FaultKind, Inbox, InstanceId, Position, Then, crash_loop, decide};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::events::{self, Attempted};
use super::flusher::{Commits, Done};
use super::incarnation::Incarnation;
use super::slots::Slot;
use super::turns::Urgency;
use super::{Shared, micros};
use crate::failpoint::{self, Failpoint};
use crate::registry::Loaded;
use crate::sandbox::{StepEnd, StepInput, StepReport};
use crate::store::{Claimed, Commit, DEFAULT_TENANT, Record, Verdict};
use crate::telemetry::metrics as names;

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
    pub(super) async fn run_alone(&self, claimed: Claimed, lone_starts: u32) {
        let position = position(&claimed);
        match crash_loop(&position, lone_starts, &self.shared.limits) {
            None => self.run(claimed).await,
            Some(decision) => {
                let commit = Commit {
                    id: claimed.id,
                    claim: claimed.claim,
                    decision,
                    run_on: false,
                    handed: Vec::new(),
                    record: record(&claimed, Duration::ZERO, Duration::ZERO),
                    log: Vec::new(),
                };
                if let Done::Written(Verdict::Ended) = self.commits.commit(&self.incarnation, commit, position).await {
                    tracing::error!(instance = %claimed.id, "crash-loop: the instance has failed");
                    self.settled(claimed.id);
                }
            }
        }
    }

    /// Runs one instance when its turn has come. Where the host stops before that, it is given back as if nobody had claimed it.
    pub(super) async fn run_in_turn(&self, claimed: Claimed, slot: &Slot) {
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
            Some(_turn) => self.run(claimed).await,
            None => self.interrupted(&claimed).await,
        }
    }

    /// Runs one instance until it parks, ends, waits or is lost.
    pub(super) async fn run(&self, mut claimed: Claimed) {
        let began = Instant::now();
        let mut steps = 0;
        loop {
            let loaded = tokio::select! {
                loaded = self.shared.registry.program(claimed.fsm, claimed.version) => loaded,
                () = self.interrupt.cancelled() => return self.interrupted(&claimed).await,
            };
            let program = match loaded {
                Ok(program) => program,
                Err(error) => {
                    tracing::warn!(
                        instance = %claimed.id, version = %claimed.version, %error,
                        "version.stalled: it cannot be loaded here; its instances are left to others until it can"
                    );
                    return self.release(&claimed).await;
                }
            };
            let report = self.attempt(&program, &claimed).await;
            let StepEnd::Ended(ending) = report.end.clone() else {
                return self.interrupted(&claimed).await;
            };
            steps += 1;
            let may_run_on =
                !self.closing.is_cancelled() && self.shared.config.run_ahead.allows(steps, began.elapsed());
            match self.commit(&program, &claimed, ending, &report, may_run_on).await {
                Some(next) => claimed = next,
                None => return,
            }
        }
    }

    async fn attempt(&self, program: &Loaded, claimed: &Claimed) -> StepReport {
        let cluster = self.shared.store.cluster().simple().to_string();
        let input = StepInput {
            instance: claimed.id,
            tenant: DEFAULT_TENANT.into(),
            fsm: program.descriptor.fsm.clone(),
            version: claimed.version,
            step: claimed.step.clone(),
            attempt: claimed.attempt,
            faults: claimed.faults,
            visit: claimed.visit,
            idempotency_key: idempotency_key(&cluster, claimed.id, claimed.visit),
            wake: claimed.wake,
            state: claimed.state.clone(),
            correlation_key: claimed.correlation_key.clone(),
            inbox: claimed.inbox.clone(),
            now_ms: claimed.now_ms,
        };
        let span = tracing::debug_span!(
            "step", instance = %claimed.id, fsm = program.descriptor.fsm, version = %claimed.version, step = claimed.step,
            attempt = claimed.attempt
        );
        let running = self.shared.sandbox.run(program, input, &self.shared.config.step, &self.interrupt);
        let report = running.instrument(span).await;
        failpoint::pass(Failpoint::AfterStep);
        report
    }

    /// Commits one attempt. What comes back is the same instance at its next step, if it runs on.
    async fn commit(
        &self,
        program: &Loaded,
        claimed: &Claimed,
        ending: Ending,
        report: &StepReport,
        may_run_on: bool,
    ) -> Option<Claimed> {
        let position = position(claimed);
        let fault = fault(&ending);
        let decision = decide(&position, ending, &program.descriptor, &self.shared.limits);
        let (change, error, outcome) = (decision.change.clone(), decision.error.clone(), decision.outcome);
        let commit = Commit {
            id: claimed.id,
            claim: claimed.claim,
            decision,
            run_on: may_run_on,
            handed: position.awaited.clone(),
            record: record(claimed, report.wall, report.cpu),
            log: events::stored(&report.log),
        };
        let done = self.commits.commit(&self.incarnation, commit, position).await;
        let told = Attempted {
            claimed,
            fsm: &program.descriptor.fsm,
            outcome,
            to_step: change.step.as_deref(),
            fault: fault.or((outcome == AttemptOutcome::Fault).then_some(FaultKind::InvalidOutcome.word())),
            error: error.as_ref(),
            wall: report.wall,
            cpu: report.cpu,
            log: &report.log,
        };
        match &done {
            Done::Written(Verdict::Stale) => self.shared.events.stale(&told),
            Done::Written(_) => self.shared.events.attempted(&told),
            Done::Unknown => {}
        }
        match done {
            Done::Written(Verdict::RunsOn { signals, now_ms }) => Some(Claimed {
                step: change.step.unwrap_or_else(|| claimed.step.clone()),
                state: change.state.unwrap_or_else(|| claimed.state.clone()),
                attempt: change.attempt,
                faults: change.faults,
                visit: gd_core::Visit(claimed.visit.0 + i64::from(change.new_visit)),
                claim: claimed.claim.next(),
                wake: change.then.wake(),
                awaits: Vec::new(),
                inbox: Inbox::new(&[], signals),
                now_ms,
                ..claimed.clone()
            }),
            Done::Written(Verdict::Runnable(lane)) => {
                let delay = match change.then {
                    Then::Requeue { delay_ms } | Then::Again { delay_ms } => Duration::from_millis(delay_ms),
                    Then::RunOn | Then::Park { .. } | Then::End { .. } => Duration::ZERO,
                };
                self.shared.wakes.lane_after(lane, delay);
                None
            }
            Done::Written(Verdict::Parked | Verdict::Ended) => {
                self.settled(claimed.id);
                None
            }
            // Written or not: whoever holds the instance now goes on from what the database says.
            Done::Written(Verdict::Stale) | Done::Unknown => None,
        }
    }

    /// Tells whoever waits for it, here and elsewhere.
    fn settled(&self, id: InstanceId) {
        self.shared.settled.announce(id);
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
        let rows = [(claimed.id, claimed.claim)];
        match self.shared.store.release(self.incarnation.worker, &rows).await {
            Ok(lanes) => {
                metrics::counter!(names::RELEASED).increment(lanes.len() as u64);
                self.shared.released.fetch_add(lanes.len() as u64, Ordering::Relaxed);
                self.shared.found(lanes);
            }
            Err(error) => tracing::warn!(instance = %claimed.id, %error, "not given back yet"),
        }
    }
}

/// Equal over all attempts of one visit, and never the key of anything else: the database's own id is its first part.
fn idempotency_key(cluster: &str, instance: InstanceId, visit: gd_core::Visit) -> String {
    format!("gd-{cluster}-{instance}-{visit}")
}

fn position(claimed: &Claimed) -> Position {
    Position { attempt: claimed.attempt, faults: claimed.faults, awaited: claimed.inbox.handed() }
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
