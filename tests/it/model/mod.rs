//! Random programs, carried out by the real engine and by the one in memory: at every point where nothing is left to do by itself, both
//! have come to the same.
//!
//! `GD_MODEL_PROGRAMS` says how many (default 150), `GD_SEED` repeats a run. A program on which they differ is made as short as it gets
//! before it is shown.

mod guest;
mod play;
mod program;
mod real;
mod view;

use gd_host::engine::EngineConfig;
use gd_tests::{Random, TestHost};
use tokio::time::Instant;

use play::{Tally, play};
use program::Program;

/// Programs that are played at the same time.
const LANES: usize = 12;
/// Programs that are tried to find a shorter one.
const SHRINK_MAX: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_comes_to_what_the_model_comes_to() {
    let programs = std::env::var("GD_MODEL_PROGRAMS").ok().and_then(|count| count.parse().ok()).unwrap_or(150);
    let (host, random, began) =
        (TestHost::with_probe_and(|engine, _| eager(engine)).await, Random::seeded(), Instant::now());
    let lane = async |lane: usize| {
        let mut tally = Tally::default();
        for number in (lane..programs).step_by(LANES) {
            let program = Program::random(&mut random.stream(number as u64));
            match play(&host, &format!("p{number}"), &program).await {
                Ok(played) => tally.add(&played),
                Err(difference) => {
                    let (program, difference) = shorter(&host, number, program, difference).await;
                    panic!("program {number}: {difference}\n{program}");
                }
            }
        }
        tally
    };
    let mut tally = Tally::default();
    futures::future::join_all((0..LANES).map(lane)).await.iter().for_each(|played| tally.add(played));
    println!("model: {programs} programs, {tally} in {:?}", began.elapsed());
    tally.holds_some_of_everything();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_between_engine_and_model_is_found_and_made_short() {
    // An engine that refuses what the model takes: every await.
    let host = TestHost::with_probe_and(|engine, limits| {
        eager(engine);
        limits.awaited_names_max = 0;
    })
    .await;
    let random = Random::seeded();
    for number in 0..50 {
        let program = Program::random(&mut random.stream(number as u64));
        let Err(difference) = play(&host, &format!("p{number}"), &program).await else { continue };
        let (program, difference) = shorter(&host, number, program, difference).await;
        println!("{difference}\n{program}");
        assert_eq!(program.0.len(), 1, "one start is enough: {program}");
        return;
    }
    panic!("no program of 50 has an await in it");
}

/// Everything is noticed soon: a program is mostly waiting.
fn eager(engine: &mut EngineConfig) {
    let soon = std::time::Duration::from_millis(20);
    engine.poll = (soon, soon * 2);
    engine.timeout_interval = soon;
}

/// The shortest program that was found on which they still differ.
async fn shorter(host: &TestHost, number: usize, program: Program, difference: String) -> (Program, String) {
    let (mut shortest, mut tried) = ((program, difference), 0);
    // First, since a start that has to wait keeps the operation that ends its wait.
    let at_once = shortest.0.without_delays();
    if let Err(difference) = play(host, &format!("p{number}-at-once"), &at_once).await {
        shortest = (at_once, difference);
    }
    // Over and over, until nothing can be left out: what one part needed may be gone with it.
    let (mut at, mut shortened) = (0, false);
    while tried < SHRINK_MAX {
        let Some(candidate) = shortest.0.without(at) else {
            if !shortened {
                break;
            }
            (at, shortened) = (0, false);
            continue;
        };
        tried += 1;
        match play(host, &format!("p{number}-{tried}"), &candidate).await {
            Ok(_) => at += 1,
            Err(difference) => (shortest, shortened) = ((candidate, difference), true),
        }
    }
    shortest
}
