//! Outcomes as the host takes them: states written as JSON, durations in milliseconds.

use serde::Serialize;

use crate::bindings::gd::fsm::types as wire;
use crate::duration::whole_ms;
use crate::{Failure, NextOptions, Outcome, Result, Step, Transition, json};

/// The outcome of a step.
pub(super) fn decided<S: Serialize>(step: Step<S>) -> Result<wire::Outcome> {
    handled(step)?.ok_or_else(|| {
        Failure::new("`Step::default_handling()` is an answer of a handler, a step has to decide")
            .code("invalid-option")
    })
}

/// The outcome of a handler; none leaves it to the host.
pub(super) fn handled<S: Serialize>(step: Step<S>) -> Result<Option<wire::Outcome>> {
    let Outcome { transition, effects } = step?;
    Ok(encode_transition(transition)?.map(|transition| wire::Outcome { transition, effects }))
}

pub(super) fn encode_state<S: Serialize>(state: &S) -> Result<Vec<u8>> {
    json::encode(state)
        .map_err(|error| Failure::new(format!("the state cannot be written as JSON: {error}")).code("state-encode"))
}

fn encode_transition<S: Serialize>(transition: Transition<S>) -> Result<Option<wire::Transition>> {
    Ok(Some(match transition {
        Transition::Next { step, state, options } => {
            wire::Transition::Next(encode_next(step.name(), encode_state(&state)?, options))
        }
        Transition::Retry { state, delay } => {
            wire::Transition::Retry(wire::Retry { state: encode_state(&state)?, delay_ms: whole_ms(delay) })
        }
        Transition::Await { names, step, state, timeout } => wire::Transition::Await(wire::Await {
            names,
            step: step.name().to_owned(),
            state: encode_state(&state)?,
            timeout_ms: timeout.map(whole_ms),
        }),
        Transition::ScheduleChildren { step, state, children } => {
            wire::Transition::ScheduleChildren(wire::ScheduleChildren {
                step: step.name().to_owned(),
                state: encode_state(&state)?,
                children: children.into_iter().map(Into::into).collect(),
            })
        }
        Transition::Done(result) => wire::Transition::Done(result),
        Transition::Stop(reason) => wire::Transition::Stop(reason),
        Transition::DefaultHandling => return Ok(None),
    }))
}

fn encode_next(step: &str, state: Vec<u8>, options: NextOptions) -> wire::Next {
    wire::Next {
        step: step.to_owned(),
        state,
        delay_ms: options.delay.map(whole_ms),
        rate_limit: options.rate_limit.map(Into::into),
        weight: options.weight.unwrap_or(1),
        concurrency_key: options.concurrency_key.into(),
        requeue: options.requeue,
        extra: Vec::new(),
    }
}
