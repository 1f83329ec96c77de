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
    /// Starts children and goes on once all of them have ended.
    Children {
        of: Vec<Spec>,
    },
    /// Goes on, and starts these beside it and sends these signals.
    Emit {
        #[serde(default)]
        start: Vec<Spec>,
        #[serde(default)]
        send: Vec<Send>,
    },
    /// Goes on under another concurrency key, or under none.
    Under {
        key: Option<String>,
    },
    /// Goes on once the bucket gives so many tokens.
    Draw {
        limit: String,
        partition: Option<String>,
        #[serde(default = "one")]
        weight: u32,
    },
    ZeroWeight,
}

/// An instance to start: a probe with this plan, where nothing else is said.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Spec {
    #[serde(default)]
    fsm: Option<String>,
    #[serde(default)]
    plan: Vec<Act>,
    #[serde(default)]
    step: Option<String>,
    #[serde(default)]
    queue: Option<String>,
    #[serde(default)]
    priority: i16,
    #[serde(default)]
    delay_ms: u64,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    shared: bool,
    #[serde(default)]
    under: Option<String>,
    /// `name` or `name:partition`.
    #[serde(default)]
    limit: Option<String>,
    #[serde(default = "one")]
    weight: u32,
    #[serde(default)]
    pad: usize,
    /// Instead of a pad of any size.
    #[serde(default)]
    label: Option<String>,
}

/// A signal to send, to an id or a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Send {
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    to_key: Option<String>,
    name: String,
    #[serde(default)]
    payload: Value,
    #[serde(default)]
    dedup: Option<String>,
}

fn one() -> u32 {
    1
}

impl Spec {
    fn start(self) -> Result<Start> {
        let pad = self.label.unwrap_or_else(|| "x".repeat(self.pad));
        let state = json!({ "plan": self.plan, "pad": pad });
        let mut start = Start::new(self.fsm.unwrap_or_else(|| "probe".into())).state(&state)?;
        start = start.priority(self.priority).delay(millis(self.delay_ms)).weight(self.weight);
        start = self.step.into_iter().fold(start, Start::step);
        start = self.queue.into_iter().fold(start, Start::queue);
        start = self.key.into_iter().fold(start, Start::key);
        start = self.under.into_iter().fold(start, Start::concurrency_key);
        start = match self.limit.as_deref().map(|limit| limit.split_once(':').ok_or(limit)) {
            None => start,
            Some(Err(limit)) => start.rate_limit(limit),
            Some(Ok(partitioned)) => start.rate_limit(partitioned),
        };
        Ok(if self.shared { start.not_unique() } else { start })
    }
}

impl Send {
    fn signal(self) -> Result<SendSignal> {
        let signal = match (self.to, self.to_key) {
            (Some(id), _) => SendSignal::to_id(id, self.name),
            (None, key) => SendSignal::to_key(key.unwrap_or_default(), self.name),
        };
        let signal = signal.payload(&self.payload)?;
        Ok(self.dedup.into_iter().fold(signal, SendSignal::dedup_key))
    }
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
            Act::Children { of } => {
                let children = of.into_iter().map(Spec::start).collect::<Result<Vec<_>>>()?;
                return schedule_children(Probe::run, probe, children);
            }
            Act::Emit { start, send } => {
                let mut step = next(Probe::run, probe);
                for spec in start {
                    step = step.start(spec.start()?);
                }
                for signal in send {
                    step = step.send(signal.signal()?);
                }
                return step;
            }
            Act::Under { key: Some(key) } => return next(Probe::run, probe).switch_key(key),
            Act::Under { key: None } => return next(Probe::run, probe).release_key(),
            Act::Draw { limit, partition: None, weight } => {
                return next(Probe::run, probe).rate_limit(limit).weight(weight);
            }
            Act::Draw { limit, partition: Some(partition), weight } => {
                return next(Probe::run, probe).rate_limit((limit, partition)).weight(weight);
            }
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
