//! What an attempt takes in the sandbox alone: a fresh instance, the call, its outcome; no engine, no database. One at a time, so that the
//! way to a thread for guests and back is in every figure: it is of use for comparing, not as what a step costs a busy host.

use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use gd_core::{Inbox, InstanceId, Limits, Version, Visit, Wake};
use gd_host::sandbox::{Compiler, EgressPolicy, NoDesk, Program, Sandbox, StepInput, StepLimits};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The machine of the bench: built once of `examples/order`, never built again.
const COMPONENT: &[u8] = include_bytes!("../../wit/golden/fsm-0.1.0.wasm");

/// A step, and roughly how many bytes its state has.
const STEPS: [(&str, usize); 3] = [("close", 200), ("receive", 1_024), ("close", 1_024)];

fn attempts(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let (sandbox, program) = runtime.block_on(load());
    let (limits, interrupt) = (StepLimits::default(), CancellationToken::new());
    let mut group = criterion.benchmark_group("sandbox");
    for (step, state_bytes) in STEPS {
        let input = input(step, state_bytes);
        group.bench_function(format!("{step}-{state_bytes}"), |bencher| {
            bencher.iter_batched(
                || input.clone(),
                |input| runtime.block_on(sandbox.run(&program, input, &limits, &interrupt)),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

async fn load() -> (Sandbox, Arc<Program>) {
    let sandbox = Sandbox::new(1, EgressPolicy::default(), Limits::default(), Compiler::InProcess)
        .expect("this machine can run wasmtime");
    let (program, _) = sandbox.load(COMPONENT.to_vec()).await.expect("the component is accepted");
    (sandbox, Arc::new(program))
}

fn input(step: &str, state_bytes: usize) -> StepInput {
    StepInput {
        instance: InstanceId(1),
        tenant: "default".into(),
        fsm: "order".into(),
        version: Version(1),
        step: step.into(),
        attempt: 0,
        faults: 0,
        visit: Visit(0),
        idempotency_key: "gd-bench-1-0".into(),
        wake: Wake::Next,
        state: order(state_bytes).into_bytes(),
        correlation_key: None,
        parent: None,
        inbox: Inbox::default(),
        children: Vec::new(),
        effect_results: Vec::new(),
        now_ms: 0,
        desk: Arc::new(NoDesk),
    }
}

/// An order as JSON of at most so many bytes.
fn order(bytes: usize) -> String {
    let line = r#"{"article":"SKU-00001","quantity":2,"cents":137}"#;
    let lines = (bytes.saturating_sub(110) / (line.len() + 1)).max(1);
    let lines = vec![line; lines].join(",");
    format!(
        r#"{{"order":4711,"customer":"Ada","lines":[{lines}],"total_cents":0,"units":0,"parcels":0,"shipped":false}}"#
    )
}

criterion_group!(benches, attempts);
criterion_main!(benches);
