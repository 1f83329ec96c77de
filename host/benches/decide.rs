//! What deciding takes: what an attempt's commit writes, for each kind of ending.

#[path = "../../tests/pure/typical.rs"]
mod typical;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use gd_core::{Limits, decide};

fn decisions(criterion: &mut Criterion) {
    let (position, descriptor, limits) = (typical::position(), typical::descriptor(), Limits::default());
    let mut group = criterion.benchmark_group("decide");
    for (name, ending) in typical::endings() {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || ending.clone(),
                |ending| decide(&position, ending, &descriptor, &limits),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
