//! Stories of those that want the same, and of those that start or signal others.

use serde_json::{Value, json};

use super::kinds::{Draft, probe};
use super::spawn::{self, Made, Spawn};
use super::{Deed, Draw, End, limits};
use gd_tests::Random;

/// What is sent by steps; nobody else sends it.
pub(crate) const OF_A_STEP: &str = "of-a-step";

fn nap(random: &mut Random, longest: u64) -> Value {
    json!({ "do": "sleep", "ms": random.between(5..=longest) })
}

fn priority(random: &mut Random) -> i64 {
    *random.pick(&[0, 0, 0, -1, 2])
}

fn draw(random: &mut Random) -> Draw {
    let (limit, partition) = limits::any_bucket(random);
    Draw { limit, partition, weight: limits::any_weight(random) }
}

/// What an operator does to some of those that hold or wait for something.
fn operated(random: &mut Random) -> Vec<Deed> {
    let mut wait = || Deed::Wait { ms: random.between(20..=900) };
    let (first, second) = (wait(), wait());
    match random.between(0..=7) {
        0 => vec![first, Deed::Cancel],
        1 | 2 => vec![first, Deed::Pause, second, Deed::Resume],
        _ => vec![],
    }
}

/// Steps that go on in ways that keep, let go of, and want the key again.
pub(super) fn keyed(random: &mut Random) -> Draft {
    let (mut acts, mut visits) = (Vec::new(), 0);
    for _ in 0..random.between(2..=4) {
        acts.push(nap(random, 160));
        match random.between(0..=9) {
            0 => acts.push(json!({ "do": "retry", "times": 1, "ms": random.between(0..=100) })),
            1 => acts.push(json!({ "do": "misdeed", "what": { "panic": "not yet" }, "until": 1 })),
            _ => {}
        }
        acts.push(match random.between(0..=7) {
            0 => json!({ "do": "requeue" }),
            1 => json!({ "do": "delay", "ms": random.between(10..=300) }),
            2 => json!({ "do": "under", "key": limits::any_key(random) }),
            3 => json!({ "do": "await", "names": ["never"], "timeout_ms": random.between(50..=500) }),
            _ => json!({ "do": "next" }),
        });
        visits += 1;
    }
    if random.one_in(4) {
        acts.extend([json!({ "do": "under" }), nap(random, 100), json!({ "do": "next" })]);
        visits += 2;
    }
    let concurrency_key = Some(limits::any_key(random));
    let (priority, script) = (priority(random), operated(random));
    Draft { concurrency_key, priority, visits: Some(visits), script, ..probe("keyed", acts) }
}

/// Every step draws; some run under a key as well.
pub(super) fn limited(random: &mut Random) -> Draft {
    let count = random.between(1..=3);
    let mut acts = Vec::new();
    for _ in 0..count {
        acts.push(nap(random, 100));
        if random.one_in(5) {
            acts.push(json!({ "do": "retry", "times": 1, "ms": random.between(0..=100) }));
        }
        let Draw { limit, partition, weight } = draw(random);
        acts.push(json!({ "do": "draw", "limit": limit, "partition": partition, "weight": weight }));
    }
    Draft {
        concurrency_key: random.one_in(3).then(|| limits::any_key(random)),
        draw: random.one_in(2).then(|| draw(random)),
        priority: priority(random),
        visits: i64::try_from(count).ok(),
        script: operated(random),
        ..probe("limited", acts)
    }
}

/// One or two rounds of children of every kind; the parent reads what became of them.
pub(super) fn parent(random: &mut Random) -> Draft {
    let (mut acts, mut spawns) = (vec![nap(random, 50), json!({ "do": "next" })], Vec::new());
    let rounds = if random.one_in(3) { 2 } else { 1 };
    for round in 1..=rounds {
        let mut specs = Vec::new();
        for index in 0..i64::try_from(random.between(2..=5)).unwrap_or(2) {
            let (spec, end) = child(random, spawns.len());
            specs.push(spec);
            spawns.push(Spawn { made: Made::Child { round, index }, end, tokens: vec![] });
        }
        acts.extend([json!({ "do": "children", "of": specs }), nap(random, 50), json!({ "do": "next" })]);
    }
    let concurrency_key = random.one_in(4).then(|| limits::any_key(random));
    Draft { concurrency_key, spawns, visits: Some(1 + 2 * rounds), ..probe("parent", acts) }
}

/// A child for this place, and how it ends.
fn child(random: &mut Random, place: usize) -> (Value, End) {
    let mut plan = vec![nap(random, 200), json!({ "do": "next" }), nap(random, 200)];
    let end = match random.between(0..=5) {
        0 => {
            plan.push(json!({ "do": "stop", "reason": "enough" }));
            End::Failed
        }
        1 => {
            plan.push(json!({ "do": "fail", "message": "no" }));
            End::Failed
        }
        2 => {
            plan.push(json!({ "do": "misdeed", "what": { "panic": "not yet" }, "until": 1 }));
            End::Done
        }
        _ => End::Done,
    };
    let mut spec = json!({ "label": spawn::label(place), "plan": plan, "priority": priority(random) });
    if random.one_in(4) {
        spec["under"] = json!(limits::any_key(random));
    }
    if random.one_in(6) {
        let Draw { limit, partition, weight } = draw(random);
        (spec["limit"], spec["weight"]) = (json!(format!("{limit}:{partition}")), json!(weight));
    }
    if random.one_in(4) {
        spec["delay_ms"] = json!(random.between(50..=500));
    }
    (spec, end)
}

/// Starts others beside itself. One of them gathers the signals that later steps send, and ends once it has them all.
pub(super) fn emits(random: &mut Random) -> Draft {
    let count = random.between(1..=4);
    let tokens: Vec<String> = (0..count).map(|n| format!("effect/{}/{n}", spawn::NUMBER)).collect();
    let key = format!("gathers-{}", spawn::NUMBER);
    let mut sends: Vec<Value> = Vec::new();
    for token in &tokens {
        let dedup = random.one_in(3).then_some(token);
        sends.push(json!({ "to_key": key, "name": OF_A_STEP, "payload": token, "dedup": dedup }));
    }
    let gathering = json!({ "do": "gather", "names": [OF_A_STEP], "count": count });
    let plan = [gathering, json!({ "do": "next" }), nap(random, 300), json!({ "do": "next" })];
    let mut starts = vec![json!({ "label": spawn::label(0), "key": key, "plan": plan })];
    let mut spawns = vec![Spawn { made: Made::Beside, end: End::Done, tokens }];
    for place in 1..=usize::try_from(random.between(0..=2)).unwrap_or_default() {
        let (spec, end) = child(random, place);
        starts.push(spec);
        spawns.push(Spawn { made: Made::Beside, end, tokens: vec![] });
    }
    // A step may signal what it starts.
    let first: Vec<Value> = if random.one_in(2) { vec![sends.remove(0)] } else { vec![] };
    let mut acts = vec![nap(random, 100), json!({ "do": "emit", "start": starts, "send": first })];
    let mut visits = 1;
    while !sends.is_empty() {
        acts.push(nap(random, 200));
        if random.one_in(4) {
            acts.push(json!({ "do": "misdeed", "what": { "panic": "not yet" }, "until": 1 }));
        }
        let some: Vec<Value> = sends.drain(..random.place(sends.len()) + 1).collect();
        acts.push(json!({ "do": "emit", "send": some }));
        visits += 1;
    }
    Draft { spawns, visits: Some(visits), ..probe("emits", acts) }
}
