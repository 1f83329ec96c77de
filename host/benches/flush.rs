//! What encoding takes: from the commits of a batch to the arguments of the statement that writes them.

#[path = "../../tests/pure/typical.rs"]
mod typical;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gd_core::{Claim, InstanceId, Limits, TenantId, Version, Visit, Wake, WorkerId, decide};
use gd_host::store::{Commit, HistoryLevel, Record, Riders, encoded};

/// Commits of one batch, as a busy host has them.
const BATCH: [u64; 3] = [1, 50, 250];

fn encoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("flush");
    for rows in BATCH {
        let commits: Vec<Commit> = (0..rows as i64).map(commit).collect();
        let commits: Vec<&Commit> = commits.iter().collect();
        assert!(commits.iter().all(|commit| commit.is_plain()), "they go into one statement");
        group.throughput(Throughput::Elements(rows));
        group.bench_function(format!("encode-{rows}"), |bencher| {
            bencher.iter(|| encoded(WorkerId(1), &commits));
        });
    }
    group.finish();
}

/// A `next` with 1 KB of state, and each fifth a `done`.
fn commit(id: i64) -> Commit {
    let wanted = if id % 5 == 4 { "done" } else { "next" };
    let ending = typical::endings().into_iter().find(|(name, _)| *name == wanted).expect("there is one").1;
    let mut decision = decide(&typical::position(), ending, &typical::descriptor(), &Limits::default());
    decision.consumes.clear();
    if let Some(state) = &mut decision.change.state {
        state.resize(1_024, b'x');
    }
    Commit {
        id: InstanceId(id),
        claim: Claim(1),
        tenant: TenantId(1),
        parent: None,
        round: 0,
        slot: None,
        decision,
        riders: Riders::default(),
        run_on: true,
        takes_over: None,
        handed: Vec::new(),
        record: Record {
            visit: Visit(1),
            attempt: 0,
            version: Version(1),
            wake: Wake::Next,
            step: "reserve".into(),
            duration_us: 20,
            cpu_us: 20,
        },
        log: Vec::new(),
        history: HistoryLevel::default(),
        input: Vec::new(),
    }
}

criterion_group!(benches, encoding);
criterion_main!(benches);
