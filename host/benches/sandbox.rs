//! What an attempt takes in the sandbox alone: a fresh instance, the call, its outcome; no engine, no database.

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use gd_core::{Inbox, InstanceId, Limits, Version, Visit, Wake};
use gd_host::sandbox::{Compiler, Desk, EgressPolicy, NoDesk, Program, Sandbox, StepInput, StepLimits};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The machines of the bench: `examples/load`, and the golden build of `examples/order`.
const LOAD: &[u8] = include_bytes!("../src/bench/load.wasm");
const ORDER: &[u8] = include_bytes!("../../wit/golden/fsm-0.1.0.wasm");

/// A machine, a step of it, and roughly how many bytes its state has. The first does nothing.
const STEPS: [(&[u8], &str, usize); 4] =
    [(LOAD, "idle", 0), (ORDER, "close", 200), (ORDER, "receive", 1_024), (ORDER, "close", 1_024)];

fn attempts(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let sandbox = Sandbox::new(1, EgressPolicy::default(), Limits::default(), Compiler::InProcess)
        .expect("this machine can run wasmtime");
    let (limits, interrupt) = (StepLimits::default(), CancellationToken::new());
    let (inbox, desk) = (Inbox::default(), Arc::new(NoDesk) as Arc<dyn Desk>);
    let mut group = criterion.benchmark_group("sandbox");
    for (component, step, state_bytes) in STEPS {
        let (program, _) = runtime.block_on(sandbox.load(component.to_vec())).expect("the component is accepted");
        let state = if state_bytes == 0 { "{}".to_owned() } else { order(state_bytes) };
        let input = input(&program, step, state.as_bytes(), (&inbox, &desk));
        let bench = |bencher: &mut criterion::Bencher<'_>| {
            bencher.iter(|| runtime.block_on(sandbox.run(&program, input, &limits, &interrupt)));
        };
        group.bench_function(format!("{step}-{state_bytes}"), bench);
    }
    group.finish();
}

fn input<'a>(
    program: &'a Program,
    step: &'a str,
    state: &'a [u8],
    (inbox, desk): (&'a Inbox, &'a Arc<dyn Desk>),
) -> StepInput<'a> {
    StepInput {
        instance: InstanceId(1),
        tenant: "default",
        fsm: &program.descriptor.fsm,
        version: Version(1),
        step,
        attempt: 0,
        faults: 0,
        visit: Visit(0),
        idempotency_key: "gd-bench-1-0",
        wake: Wake::Next,
        state,
        correlation_key: None,
        parent: None,
        inbox,
        children: &[],
        effect_results: &[],
        now_ms: 0,
        desk,
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
