//! The kinds of stories, with their share of all.

use serde_json::{Value, json};

use super::{Deed, Draw, End, Spawn, relations};
use gd_tests::Random;

/// A story before it has a number.
pub(super) struct Draft {
    pub(super) kind: &'static str,
    pub(super) plan: Plan,
    pub(super) key: Option<DraftKey>,
    pub(super) concurrency_key: Option<&'static str>,
    pub(super) draw: Option<Draw>,
    pub(super) priority: i64,
    pub(super) spawns: Vec<Spawn>,
    pub(super) end: End,
    pub(super) visits: Option<i64>,
    pub(super) script: Vec<Deed>,
}

pub(super) enum Plan {
    Probe { acts: Vec<Value>, on_fault: Vec<Value> },
    Chore(Value),
}

#[derive(Clone, Copy)]
pub(super) enum DraftKey {
    Own,
    Contested,
}

type Tell = fn(&mut Random) -> Draft;

/// Every kind with its weight.
const KINDS: [(u64, Tell); 20] = [
    (16, chain),
    (12, nap),
    (16, signals),
    (10, timeouts),
    (8, gather),
    (6, retries),
    (6, heals),
    (4, handled),
    (8, delays),
    (3, fails),
    (3, stops),
    (8, job),
    (3, job_gives_up),
    (8, contested),
    (6, cancelled),
    (8, paused),
    (7, relations::keyed),
    (6, relations::limited),
    (8, relations::parent),
    (8, relations::emits),
];

pub(super) fn draft(random: &mut Random) -> Draft {
    let all: u64 = KINDS.iter().map(|(weight, _)| weight).sum();
    let mut at = random.between(0..=all - 1);
    for (weight, tell) in KINDS {
        if at < weight {
            return tell(random);
        }
        at -= weight;
    }
    chain(random)
}

pub(super) fn probe(kind: &'static str, acts: Vec<Value>) -> Draft {
    Draft {
        kind,
        plan: Plan::Probe { acts, on_fault: vec![] },
        key: None,
        concurrency_key: None,
        draw: None,
        priority: 0,
        spawns: vec![],
        end: End::Done,
        visits: None,
        script: vec![],
    }
}

/// A step that takes a while, and how it goes on.
fn leg(random: &mut Random) -> [Value; 2] {
    let on = ["next", "next", "requeue", "other"];
    [json!({ "do": "sleep", "ms": random.between(5..=500) }), json!({ "do": random.pick(&on) })]
}

fn legs(random: &mut Random, count: u64) -> Vec<Value> {
    (0..count).flat_map(|_| leg(random)).collect()
}

fn key(random: &mut Random) -> Option<DraftKey> {
    random.one_in(3).then_some(DraftKey::Own)
}

fn wait(random: &mut Random, longest: u64) -> Deed {
    Deed::Wait { ms: random.between(20..=longest) }
}

fn signal(random: &mut Random, name: &str, own_key: bool) -> Deed {
    Deed::Signal {
        name: name.to_owned(),
        by_key: own_key && random.one_in(2),
        dedup: !random.one_in(3),
        twice: random.one_in(3),
        insist: true,
    }
}

/// A signal that nobody awaits: it stays in the inbox until the end.
fn noise(random: &mut Random, script: &mut Vec<Deed>) {
    if random.one_in(4) {
        let Deed::Signal { dedup, twice, .. } = signal(random, "noise", false) else { return };
        let at = random.place(script.len() + 1);
        script.insert(at, Deed::Signal { name: "noise".to_owned(), by_key: false, dedup, twice, insist: false });
    }
}

fn chain(random: &mut Random) -> Draft {
    let count = random.between(3..=10);
    let key = key(random);
    let mut script = if key.is_some() { vec![wait(random, 800), Deed::StartAgain] } else { vec![] };
    noise(random, &mut script);
    Draft { key, script, visits: i64::try_from(count).ok(), ..probe("chain", legs(random, count)) }
}

/// Runs long enough for its host to be frozen or killed under it.
fn nap(random: &mut Random) -> Draft {
    let nap = json!({ "do": "sleep", "ms": random.between(800..=3_500), "until": 2 });
    let acts = vec![json!({ "do": "next" }), nap, json!({ "do": "next" })];
    Draft { visits: Some(2), ..probe("nap", acts) }
}

/// Awaits one name after the other, without a timeout: a lost signal is an instance that never ends.
fn signals(random: &mut Random) -> Draft {
    let count = random.between(1..=4);
    let key = key(random);
    let mut acts = vec![json!({ "do": "next" })];
    let mut script = Vec::new();
    for number in 0..count {
        let name = format!("go-{number}");
        acts.extend([json!({ "do": "await", "names": [name] }), json!({ "do": "next" })]);
        script.extend([wait(random, 1_500), signal(random, &name, key.is_some())]);
    }
    noise(random, &mut script);
    Draft { key, script, visits: i64::try_from(1 + 2 * count).ok(), ..probe("signals", acts) }
}

/// The signal comes before, at, or after the deadline, or never.
fn timeouts(random: &mut Random) -> Draft {
    let acts = vec![
        json!({ "do": "await", "names": ["maybe"], "timeout_ms": random.between(200..=2_000) }),
        json!({ "do": "next" }),
        json!({ "do": "sleep", "ms": random.between(5..=200) }),
        json!({ "do": "next" }),
    ];
    let mut script = vec![wait(random, 2_500), signal(random, "maybe", false)];
    if random.one_in(3) {
        script.clear();
    }
    Draft { script, visits: Some(3), ..probe("timeouts", acts) }
}

/// Awaits again until it has been handed enough.
fn gather(random: &mut Random) -> Draft {
    let acts = vec![json!({ "do": "gather", "names": ["a", "b"], "count": 3 }), json!({ "do": "next" })];
    let mut script = Vec::new();
    for _ in 0..3 {
        let name = *random.pick(&["a", "b"]);
        script.extend([wait(random, 700), signal(random, name, false)]);
    }
    noise(random, &mut script);
    Draft { script, ..probe("gather", acts) }
}

fn retries(random: &mut Random) -> Draft {
    let acts = vec![
        json!({ "do": "retry", "times": random.between(1..=3), "ms": random.between(20..=400) }),
        json!({ "do": "next" }),
        json!({ "do": "retry", "times": 1, "ms": 0 }),
        json!({ "do": "next" }),
    ];
    let mut script = vec![];
    noise(random, &mut script);
    Draft { script, visits: Some(2), ..probe("retries", acts) }
}

/// Panics or fails at first, and is well at a later attempt.
fn heals(random: &mut Random) -> Draft {
    let until = random.between(1..=2);
    let fault = match random.one_in(2) {
        true => json!({ "do": "misdeed", "what": { "panic": "not yet" }, "until": until }),
        false => json!({ "do": "fail", "message": "not yet", "retryable": true, "after_ms": 150, "until": until }),
    };
    let mut script = vec![];
    noise(random, &mut script);
    let acts = vec![json!({ "do": "next" }), fault, json!({ "do": "next" })];
    Draft { script, visits: Some(2), ..probe("heals", acts) }
}

/// Its own handler takes the fault, and goes on.
fn handled(random: &mut Random) -> Draft {
    let acts = vec![json!({ "do": "next" }), json!({ "do": "fail", "message": "for the handler" })];
    let on_fault = vec![json!({ "do": *random.pick(&["next", "requeue"]) })];
    Draft { plan: Plan::Probe { acts, on_fault }, visits: Some(2), ..probe("handled", vec![]) }
}

fn delays(random: &mut Random) -> Draft {
    let mut delay = |longest| json!({ "do": "delay", "ms": random.between(100..=longest) });
    let acts = vec![delay(2_500), json!({ "do": "next" }), delay(600)];
    Draft { visits: Some(3), ..probe("delays", acts) }
}

/// The engine fails it: its inbox stays.
fn fails(random: &mut Random) -> Draft {
    let nap = json!({ "do": "sleep", "ms": random.between(100..=600) });
    let acts = vec![json!({ "do": "next" }), nap, json!({ "do": "fail", "message": "no" })];
    let script = vec![wait(random, 300), signal(random, "noise", false)];
    Draft { script, end: End::Failed, visits: Some(1), ..probe("fails", acts) }
}

/// It ends itself: its inbox goes.
fn stops(random: &mut Random) -> Draft {
    let nap = json!({ "do": "sleep", "ms": random.between(100..=600) });
    let acts = vec![json!({ "do": "next" }), nap, json!({ "do": "stop", "reason": "enough" })];
    let script = vec![wait(random, 300), signal(random, "noise", false)];
    Draft { script, end: End::Failed, visits: Some(1), ..probe("stops", acts) }
}

fn job(random: &mut Random) -> Draft {
    let args = json!({ "fails": random.between(0..=2), "panics": random.one_in(3) });
    Draft { plan: Plan::Chore(args), visits: Some(0), ..probe("job", vec![]) }
}

fn job_gives_up(random: &mut Random) -> Draft {
    let args = if random.one_in(2) { json!({ "cancel": true }) } else { json!({ "fails": 99 }) };
    Draft { plan: Plan::Chore(args), end: End::Failed, visits: Some(0), ..probe("job gives up", vec![]) }
}

/// Others want its key at the same time.
fn contested(random: &mut Random) -> Draft {
    let count = random.between(1..=3);
    let key = Some(DraftKey::Contested);
    Draft { key, visits: i64::try_from(count).ok(), ..probe("contested", legs(random, count)) }
}

/// Waits for what never comes, or is at work, when its client has had enough.
fn cancelled(random: &mut Random) -> Draft {
    let mut acts = legs(random, 3);
    acts.push(json!({ "do": "await", "names": ["never"] }));
    let mut script = vec![wait(random, 2_000), Deed::Cancel];
    noise(random, &mut script);
    Draft { script, ..probe("cancelled", acts) }
}

fn paused(random: &mut Random) -> Draft {
    let count = random.between(4..=8);
    let mut script = vec![wait(random, 800), Deed::Pause, wait(random, 1_500), Deed::Resume];
    noise(random, &mut script);
    Draft { script, visits: i64::try_from(count).ok(), ..probe("paused", legs(random, count)) }
}
