//! Plays one rule of `gd-core` as often as it is told, and nothing else: what `guards/instructions.rs` counts the instructions of.
//!
//! `pure OPERATION MADE PLAYED` makes so many inputs, plays the operation on so many of them, and leaves the rest. Between two runs that
//! make as many, the difference is that of the plays alone.

mod typical;

use std::hint::black_box;

use anyhow::{Context, bail};
use gd_core::{Backoff, Bucket, Ending, Lane, Lanes, Limits, MICROTOKENS, Refill, Room, decide};

/// How often.
#[derive(Clone, Copy)]
struct Times {
    made: usize,
    played: usize,
}

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [operation, made, played] = &args[..] else { bail!("usage: pure OPERATION MADE PLAYED") };
    let number = |text: &str| text.parse().with_context(|| format!("{text} is no number"));
    let times = Times { made: number(made)?, played: number(played)? };
    match operation.split_once('/') {
        Some(("decide", ending)) => decide_on(find(ending)?, times),
        Some(("validate", ending)) => validate(find(ending)?, times),
        Some(("lanes", "share")) => share(times),
        Some(("bucket", "grant")) => grant(times),
        Some(("backoff", "delay")) => back_off(times),
        Some(_) | None => bail!("there is no operation {operation}"),
    }
    Ok(())
}

fn find(name: &str) -> anyhow::Result<Ending> {
    let found = typical::endings().into_iter().find(|(known, _)| *known == name);
    found.map(|(_, ending)| ending).with_context(|| format!("there is no ending {name}"))
}

/// Makes all inputs first. Those that are left are not even dropped.
fn play<I, O>(times: Times, make: impl Fn() -> I, mut act: impl FnMut(I) -> O) {
    let inputs: Vec<I> = (0..times.made).map(|_| make()).collect();
    let mut inputs = inputs.into_iter();
    for input in inputs.by_ref().take(times.played) {
        black_box(act(black_box(input)));
    }
    std::mem::forget(inputs);
}

/// What the attempt's commit writes.
fn decide_on(ending: Ending, times: Times) {
    let (position, descriptor, limits) = (typical::position(), typical::descriptor(), Limits::default());
    play(times, || ending.clone(), |ending| decide(&position, ending, &descriptor, &limits));
}

/// The rules that an outcome is held to, as the sandbox does before `decide` does it again.
fn validate(ending: Ending, times: Times) {
    let (descriptor, limits) = (typical::descriptor(), Limits::default());
    play(
        times,
        || (),
        |()| match &ending {
            Ending::Outcome(outcome) => outcome.validate(&descriptor, &limits).is_ok(),
            Ending::Fault(_) | Ending::Handled { .. } | Ending::HandlerFailed { .. } => false,
        },
    );
}

/// One claim's share of 64 lanes out of 256, with 200 rows to deal.
fn share(times: Times) {
    let mut lanes = Lanes::default();
    for tenant in 0..256 {
        lanes.learn(Lane { tenant, queue: 1, priority: 0 });
    }
    play(times, || Room::Shared(256), |room| lanes.share(room, 200, 64));
}

/// One grant: what was earned, who of 32 may draw, and when the next one can.
fn grant(times: Times) {
    let refill = Refill { allowed: 100, period_ms: 1_000, burst: 50, since_us: 0 };
    let weights: Vec<i32> = (0..32).map(|n| n % 3 + 1).collect();
    let (mut bucket, mut now_us) = (Bucket { level: 5 * MICROTOKENS, at_us: 0 }, 0);
    play(
        times,
        || (),
        |()| {
            now_us += 200_000;
            bucket = bucket.filled(&refill, now_us);
            let (granted, cost) = bucket.grants(&weights);
            bucket.level -= cost;
            (granted, bucket.due(&refill, weights[granted.min(31)]))
        },
    );
}

/// The waits of 20 attempts.
fn back_off(times: Times) {
    let backoff = Backoff::default();
    play(times, || (), |()| (0..20).map(|attempt| backoff.delay_ms(attempt)).sum::<u64>());
}
