//! One attempt in memory: what the step sees, and what becomes of how it ended.

use super::{Instance, Model};
use crate::{Decision, Ending, Inbox, InstanceId, Position, SignalId, Status, Then, Wake, decide};

/// A step that runs: what it is handed.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the context of a step, as the contract has it")]
pub struct Attempt {
    pub id: InstanceId,
    pub step: String,
    pub state: Vec<u8>,
    pub attempt: u32,
    pub faults: u32,
    pub visit: i64,
    pub wake: Wake,
    pub correlation_key: Option<String>,
    pub inbox: Inbox,
}

impl Model {
    /// Claims an instance that is runnable.
    pub fn claim(&mut self, id: InstanceId) -> Option<Attempt> {
        let instance = self.live(id).filter(|instance| instance.status == Status::Runnable && !instance.held)?;
        instance.status = Status::Executing;
        Some(Attempt {
            id,
            step: instance.step.clone(),
            state: instance.state.clone(),
            attempt: instance.attempt,
            faults: instance.faults,
            visit: instance.visit,
            wake: instance.wake,
            correlation_key: instance.correlation_key.clone(),
            inbox: Inbox::new(&instance.awaits, instance.inbox.clone()),
        })
    }

    /// Commits how an attempt ended. An attempt whose instance was ended meanwhile changes nothing.
    pub fn commit(&mut self, attempt: &Attempt, ending: Ending) -> Option<Decision> {
        let position = Position {
            attempt: attempt.attempt,
            faults: attempt.faults,
            awaited: attempt.inbox.handed(),
            concurrency_key: None,
        };
        let decision = decide(&position, ending, &self.descriptor, &self.limits);
        let now_ms = self.now_ms;
        let instance = self.live(attempt.id).filter(|instance| instance.status == Status::Executing)?;
        instance.commit(&decision, &position.awaited, now_ms);
        if instance.status.is_terminal() {
            self.free_key(attempt.id);
        }
        Some(decision)
    }
}

impl Instance {
    fn commit(&mut self, decision: &Decision, handed: &[SignalId], now_ms: u64) {
        let change = &decision.change;
        self.step = change.step.clone().unwrap_or_else(|| self.step.clone());
        self.state = change.state.clone().unwrap_or_else(|| self.state.clone());
        self.attempt = change.attempt;
        self.faults = change.faults;
        self.visit += i64::from(change.new_visit);
        self.inbox.retain(|signal| !decision.consumes.contains(&signal.id));
        match &change.then {
            Then::RunOn => self.go_on(change.then.wake(), now_ms),
            Then::Requeue { delay_ms } => self.go_on(change.then.wake(), now_ms.saturating_add(*delay_ms)),
            Then::Again { delay_ms } => self.wake(change.then.wake(), now_ms.saturating_add(*delay_ms)),
            Then::Park { names, timeout_ms } => {
                self.awaits.clone_from(names);
                let unseen = self.inbox.iter().any(|s| names.contains(&s.name) && !handed.contains(&s.id));
                self.wake(change.then.wake(), now_ms);
                if !unseen {
                    self.status = Status::AwaitingSignal;
                    self.await_deadline_ms = timeout_ms.map(|ms| now_ms.saturating_add(ms));
                }
            }
            // An instance without children in this model goes on at once.
            Then::Join => self.go_on(change.then.wake(), now_ms),
            Then::End { status, result, error, clears_inbox } => {
                self.end(*status, result.clone(), error.clone());
                if *clears_inbox {
                    self.inbox.clear();
                }
            }
        }
    }

    /// Runnable at its next step, which awaits nothing.
    fn go_on(&mut self, wake: Wake, eligible_at_ms: u64) {
        self.awaits.clear();
        self.wake(wake, eligible_at_ms);
    }
}
