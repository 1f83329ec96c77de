//! One claimed instance: step after step, each in a fresh sandbox, each committed before the next.

use std::sync::Arc;
use std::time::Duration;

use gd_core::{Ending, Inbox, InstanceId, Position, Then, decide};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::flusher::{Commits, Done};
use super::incarnation::Incarnation;
use crate::registry::Loaded;
use crate::sandbox::{LogLine, StepEnd, StepInput, StepReport};
use crate::store::{Claimed, Commit, DEFAULT_TENANT, Record, Verdict};

/// How long an instance waits whose version this host cannot load. Chosen: as long as the registry remembers the failure.
const STALLED: Duration = Duration::from_secs(5);

/// Bytes of a fault's message in the host's own log.
const MESSAGE_SHOWN_MAX: usize = 1 << 10;

/// Runs claimed instances.
pub(super) struct Runner {
    pub(super) shared: Arc<Shared>,
    pub(super) incarnation: Incarnation,
    pub(super) commits: Commits,
    pub(super) closing: CancellationToken,
}

impl Runner {
    /// Runs one instance until it parks, ends, waits or is lost.
    pub(super) async fn run(&self, mut claimed: Claimed) {
        let began = Instant::now();
        let mut steps = 0;
        loop {
            let loaded = tokio::select! {
                loaded = self.shared.registry.program(claimed.fsm, claimed.version) => loaded,
                () = self.incarnation.interrupt.cancelled() => return self.interrupted(&claimed).await,
            };
            let program = match loaded {
                Ok(program) => program,
                Err(error) => {
                    tracing::warn!(instance = %claimed.id, version = %claimed.version, %error, "the version cannot be loaded here");
                    return self.release(&claimed, STALLED).await;
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
        let interrupt = &self.incarnation.interrupt;
        let report = self.shared.sandbox.run(program, input, &self.shared.config.step, interrupt).await;
        tell(claimed, program, &report);
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
        let handed = claimed.inbox.handed();
        let position = Position { attempt: claimed.attempt, faults: claimed.faults, awaited: handed.clone() };
        let decision = decide(&position, ending, &program.descriptor, &self.shared.limits);
        let change = decision.change.clone();
        let commit = Commit {
            id: claimed.id,
            claim: claimed.claim,
            decision,
            run_on: may_run_on,
            handed,
            record: Record {
                visit: claimed.visit,
                attempt: claimed.attempt,
                version: claimed.version,
                wake: claimed.wake,
                step: claimed.step.clone(),
                duration_us: micros(report.wall),
                cpu_us: micros(report.cpu),
            },
        };
        match self.commits.commit(&self.incarnation, commit, position).await {
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
                self.shared.settled.announce(claimed.id);
                None
            }
            Done::Written(Verdict::Stale) => {
                tracing::warn!(instance = %claimed.id, claim = %claimed.claim, "outcome.stale: the instance is no longer this worker's");
                None
            }
            // Written or not: whoever holds the instance now goes on from what the database says.
            Done::Unknown => None,
        }
    }

    /// A host that stops gives its instances back, and their attempt is not counted. What a lost lease interrupts is recovery's to
    /// take: the guest may have done its work twice by then, and its next attempt must know.
    async fn interrupted(&self, claimed: &Claimed) {
        if !self.incarnation.lost.is_cancelled() {
            self.release(claimed, Duration::ZERO).await;
        }
    }

    /// Gives the instance back as it was. If that fails too, it is found as owned but not held.
    async fn release(&self, claimed: &Claimed, delay: Duration) {
        let rows = [(claimed.id, claimed.claim, delay)];
        match self.shared.store.release(self.incarnation.worker, &rows).await {
            Ok(lanes) => lanes.into_iter().for_each(|lane| self.shared.wakes.lane_after(lane, delay)),
            Err(error) => tracing::warn!(instance = %claimed.id, %error, "not given back yet"),
        }
    }
}

/// Equal over all attempts of one visit, and never the key of anything else: the database's own id is its first part.
fn idempotency_key(cluster: &str, instance: InstanceId, visit: gd_core::Visit) -> String {
    format!("gd-{cluster}-{instance}-{visit}")
}

/// What operators and authors see of an attempt. Never a payload or a state.
fn tell(claimed: &Claimed, program: &Loaded, report: &StepReport) {
    let kind = match &report.end {
        StepEnd::Interrupted => "interrupted",
        StepEnd::Ended(Ending::Outcome(_)) => "outcome",
        StepEnd::Ended(Ending::Fault(fault) | Ending::Handled { fault, .. } | Ending::HandlerFailed { fault, .. }) => {
            tracing::info!(
                instance = %claimed.id, fsm = program.descriptor.fsm, step = claimed.step, kind = fault.kind.word(),
                message = fault.info(MESSAGE_SHOWN_MAX).message, "guest.fault"
            );
            fault.kind.word()
        }
    };
    tracing::debug!(
        instance = %claimed.id, fsm = program.descriptor.fsm, version = %claimed.version, step = claimed.step,
        attempt = claimed.attempt, kind, duration_us = micros(report.wall), cpu_us = micros(report.cpu), "step.stop"
    );
    for LogLine { level, message, fields } in &report.log {
        let fields: String = fields.iter().map(|(key, value)| format!(" {key}={value}")).collect();
        tracing::info!(target: "gd_host::guest", instance = %claimed.id, step = claimed.step, ?level, "{message}{fields}");
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
