//! The acts of a plan.

use gd_guest::prelude::*;

use crate::{Probe, misdeed, release};

/// One act. Those that decide the outcome of their step leave the plan with it, except where they say otherwise.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Act {
    Next,
    Other,
    Requeue,
    Delay {
        ms: u64,
    },
    /// Stays in the plan until it was done `times` times.
    Retry {
        times: u32,
        ms: u64,
    },
    Await {
        names: Vec<String>,
        timeout_ms: Option<u64>,
    },
    /// Stays in the plan, and awaits again, until `count` signals have been handed over.
    Gather {
        names: Vec<String>,
        count: usize,
    },
    /// Done, with the value instead of the notes.
    Done {
        value: Value,
    },
    /// Done, with a result of this many bytes.
    Swell {
        bytes: usize,
    },
    Stop {
        reason: String,
        code: Option<String>,
    },
    /// More state; goes on with the plan.
    Pad {
        bytes: usize,
    },
    /// Waits inside a host call while `attempt` is below `until` (always without); goes on with the plan.
    Sleep {
        ms: u64,
        until: Option<u32>,
    },
    /// Prints; goes on with the plan.
    Chat {
        lines: usize,
        bytes: usize,
    },
    /// Fails while `attempt` is below `until` (for ever without), then goes on with the plan.
    Fail {
        message: String,
        code: Option<String>,
        #[serde(default)]
        retryable: bool,
        after_ms: Option<u64>,
        until: Option<u32>,
    },
    /// Misbehaves while `attempt` is below `until` (for ever without), then goes on with the plan.
    Misdeed {
        what: misdeed::Misdeed,
        until: Option<u32>,
    },
    /// For a handler: tries again, with plan and handler as they were, while `attempt` is below `until`; then its other acts.
    Again {
        until: u32,
        ms: u64,
    },
    StartAnother,
    Children,
    RateLimit,
    ZeroWeight,
}

/// Follows the plan to the first act that decides the step.
pub(crate) fn follow(mut probe: Probe, ctx: &Ctx) -> Step<Probe> {
    loop {
        if probe.plan.is_empty() {
            return done(json!({ "notes": probe.notes, "release": release() }));
        }
        match probe.plan.remove(0) {
            Act::Next => return next(Probe::run, probe),
            Act::Other => return next(Probe::other, probe),
            Act::Requeue => return next(Probe::run, probe).requeue(),
            Act::Delay { ms } => return next(Probe::run, probe).delay(millis(ms)),
            Act::Retry { times: 0, .. } => {}
            Act::Retry { times, ms } => {
                probe.plan.insert(0, Act::Retry { times: times - 1, ms });
                return retry(probe, millis(ms));
            }
            Act::Await { names, timeout_ms: None } => return await_signal(names, Probe::run, probe),
            Act::Await { names, timeout_ms: Some(ms) } => {
                return await_signal(names, Probe::run, probe).timeout(millis(ms));
            }
            Act::Gather { count, .. } if ctx.awaited().len() >= count => {}
            Act::Gather { names, count } => {
                probe.plan.insert(0, Act::Gather { names: names.clone(), count });
                return await_signal(names, Probe::run, probe);
            }
            Act::Done { value } => return done(value),
            Act::Swell { bytes } => return done("x".repeat(bytes)),
            Act::Stop { reason, code: None } => return stop(reason),
            Act::Stop { reason, code: Some(code) } => return stop(reason).code(code),
            Act::Pad { bytes } => probe.pad = "x".repeat(bytes),
            Act::Sleep { until, .. } if over(until, ctx) => {}
            Act::Sleep { ms, .. } => std::thread::sleep(millis(ms)),
            Act::Chat { lines, bytes } => misdeed::chat(lines, bytes),
            Act::Fail { until, .. } if over(until, ctx) => {}
            Act::Fail { message, code, retryable, after_ms, .. } => {
                return Err(failure(message, code, retryable, after_ms));
            }
            Act::Misdeed { until, .. } if over(until, ctx) => {}
            Act::Misdeed { what, .. } => what.commit(),
            Act::Again { .. } => {}
            Act::StartAnother => return next(Probe::run, probe).start(Start::new("probe")),
            Act::Children => return schedule_children(Probe::run, probe, [Start::new("probe")]),
            Act::RateLimit => return next(Probe::run, probe).rate_limit("mail"),
            Act::ZeroWeight => return next(Probe::run, probe).weight(0),
        }
    }
}

/// Whether the attempts are over that an act is meant for.
fn over(until: Option<u32>, ctx: &Ctx) -> bool {
    until.is_some_and(|until| ctx.attempt() >= until)
}

fn failure(message: String, code: Option<String>, retryable: bool, after_ms: Option<u64>) -> Failure {
    let failure = Failure::new(message);
    let failure = code.into_iter().fold(failure, Failure::code);
    match after_ms {
        Some(ms) => failure.retry_after(millis(ms)),
        None if retryable => failure.retryable(),
        None => failure,
    }
}
