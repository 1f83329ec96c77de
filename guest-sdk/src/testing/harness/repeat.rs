//! Whether a step comes to the same a second time: what a crash between its end and its commit shows.

use std::fmt;

use gd_core::{Fault, InstanceId, Outcome, Transition};

/// A step that answered otherwise when it ran again from the same state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unrepeatable {
    /// The instance's id.
    pub instance: String,
    /// Its workflow.
    pub fsm: String,
    /// The step.
    pub step: String,
    /// What the lost attempt had answered.
    pub first: String,
    /// What was committed instead.
    pub again: String,
}

impl Unrepeatable {
    /// Compares two attempts at a step.
    pub(super) fn between(
        (id, fsm, step): (InstanceId, &str, &str),
        first: &Result<Outcome, Fault>,
        again: &Result<Outcome, Fault>,
    ) -> Option<Self> {
        let (instance, fsm, step) = (id.to_string(), fsm.to_owned(), step.to_owned());
        (first != again).then(|| Self { instance, fsm, step, first: told(first), again: told(again) })
    }
}

impl fmt::Display for Unrepeatable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instance, fsm, step, first, again } = self;
        write!(f, "instance {instance} ({fsm}) at `{step}`:\n  first: {first}\n  again: {again}")
    }
}

fn told(ending: &Result<Outcome, Fault>) -> String {
    let outcome = match ending {
        Err(fault) => return format!("a fault, {}: {}", fault.kind.word(), fault.message),
        Ok(outcome) => outcome,
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let told = match &outcome.transition {
        Transition::Next(next) => {
            format!("next `{}` with {}, after {:?} ms", next.step, text(&next.state), next.delay_ms)
        }
        Transition::Retry(retry) => format!("retry with {}, after {} ms", text(&retry.state), retry.delay_ms),
        Transition::Await(parked) => {
            format!("await {:?}, then `{}` with {}", parked.names, parked.step, text(&parked.state))
        }
        Transition::ScheduleChildren(join) => {
            format!(
                "schedule {} children, then `{}` with {}: {:?}",
                join.children.len(),
                join.step,
                text(&join.state),
                join.children
            )
        }
        Transition::Done(result) => format!("done with {}", text(result)),
        Transition::Stop(reason) => format!("stop, {}", reason.message),
    };
    if outcome.effects.is_empty() { told } else { format!("{told}; beside it {:?}", outcome.effects) }
}
