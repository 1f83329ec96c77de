//! A program: what callers and operators do to a few instances, and what these do by themselves.

use std::fmt;

use gd_core::Scope;
use gd_tests::Random;
use serde_json::{Value, json};

/// Far longer than a run takes, so that only [`Operation::Elapse`] brings it about.
pub(super) const WAIT_MS: u64 = 3_600_000;

/// Operations one after the other.
#[derive(Clone, Debug)]
pub(super) struct Program(pub(super) Vec<Operation>);

/// One operation. Instances are meant by their number, modulo how many were started.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Start {
        plan: Vec<Value>,
        on_fault: Vec<Value>,
        key: Option<u64>,
        scope: Scope,
        delayed: bool,
    },
    Signal {
        to: Target,
        name: &'static str,
        dedup: Option<u64>,
    },
    /// Every wait that is under way is over.
    Elapse,
    Cancel(usize),
    Hold(usize),
    Resume(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Instance(usize),
    Key(u64),
}

const NAMES: [&str; 3] = ["a", "b", "c"];
/// Correlation keys of one program.
const KEYS: u64 = 2;

impl Program {
    /// A program that begins with a start.
    pub(super) fn random(random: &mut Random) -> Self {
        let first = start(random);
        let rest = random.between(6..=16);
        Self(std::iter::once(first).chain((0..rest).map(|_| operation(random))).collect())
    }

    /// The program with every start at once instead of later.
    pub(super) fn without_delays(&self) -> Self {
        let mut program = self.clone();
        for operation in &mut program.0 {
            if let Operation::Start { delayed, .. } = operation {
                *delayed = false;
            }
        }
        program
    }

    /// The program without its part of this number: operations first, then acts of plans.
    pub(super) fn without(&self, part: usize) -> Option<Self> {
        let mut program = self.clone();
        if part < program.0.len() {
            program.0.remove(part);
            return Some(program);
        }
        let mut act = part - program.0.len();
        for operation in &mut program.0 {
            let Operation::Start { plan, on_fault, .. } = operation else { continue };
            let acts = if act < plan.len() {
                plan
            } else {
                act -= plan.len();
                on_fault
            };
            if act < acts.len() {
                acts.remove(act);
                return Some(program);
            }
            act -= acts.len();
        }
        None
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|operation| match operation {
            Operation::Start { plan, on_fault, key, scope, delayed } => writeln!(
                f,
                "  start key {key:?} {scope:?} delayed {delayed}\n    plan {}\n    on_fault {}",
                json!(plan),
                json!(on_fault)
            ),
            other => writeln!(f, "  {other:?}"),
        })
    }
}

fn operation(random: &mut Random) -> Operation {
    let instance = random.place(8);
    match random.below(20) {
        0..=4 => start(random),
        5..=11 => {
            let to = if random.one_in(4) { Target::Key(random.below(KEYS)) } else { Target::Instance(instance) };
            let dedup = random.one_in(3).then(|| random.below(2));
            Operation::Signal { to, name: NAMES[random.place(NAMES.len())], dedup }
        }
        12..=14 => Operation::Elapse,
        15 => Operation::Cancel(instance),
        16 | 17 => Operation::Hold(instance),
        _ => Operation::Resume(instance),
    }
}

fn start(random: &mut Random) -> Operation {
    let scope = Scope { on_done: random.one_in(3), on_failed: random.one_in(3), on_cancelled: random.one_in(3) };
    Operation::Start {
        plan: acts(random, 1..=6),
        on_fault: if random.one_in(2) { acts(random, 1..=3) } else { Vec::new() },
        key: random.one_in(2).then(|| random.below(KEYS)),
        scope,
        delayed: random.one_in(6),
    }
}

fn acts(random: &mut Random, count: std::ops::RangeInclusive<u64>) -> Vec<Value> {
    let count = random.between(count);
    (0..count).map(|_| act(random)).collect()
}

fn act(random: &mut Random) -> Value {
    let until = random.between(1..=3);
    let names: Vec<&str> = (0..random.between(1..=2)).map(|_| NAMES[random.place(NAMES.len())]).collect();
    match random.below(22) {
        0..=2 => json!({ "do": "next" }),
        3 => json!({ "do": "other" }),
        4 => json!({ "do": "requeue" }),
        5 => json!({ "do": "delay", "ms": WAIT_MS }),
        6 => json!({ "do": "retry", "times": until, "ms": 0 }),
        7 => json!({ "do": "retry", "times": 1, "ms": WAIT_MS }),
        8..=10 => json!({ "do": "await", "names": names }),
        11 | 12 => json!({ "do": "await", "names": names, "timeout_ms": WAIT_MS }),
        13 | 14 => json!({ "do": "gather", "names": names, "count": random.between(1..=3) }),
        15 => json!({ "do": "fail", "message": "an error" }),
        16 => json!({ "do": "fail", "message": "try again", "after_ms": 0, "until": until }),
        17 => json!({ "do": "misdeed", "what": { "panic": "a panic" }, "until": until }),
        18 => json!({ "do": "await", "names": [] }),
        19 => json!({ "do": "again", "until": until, "ms": 0 }),
        20 => json!({ "do": "stop", "reason": "a reason" }),
        _ => json!({ "do": "done", "value": "a result" }),
    }
}
