//! What a step allocates, counted over all threads of this process.

use std::sync::Arc;

use gd_core::{Inbox, InstanceId, Limits, Version, Visit, Wake};
use gd_host::sandbox::{Compiler, Desk, EgressPolicy, NoDesk, Program, Sandbox, StepEnd, StepInput, StepLimits};
use gd_tests::TestDatabase;
use stats_alloc::Region;
use tokio_util::sync::CancellationToken;

use crate::bounds::{ALLOCATIONS_PER_ATTEMPT, ALLOCATIONS_PER_STEP};
use crate::figures::Figures;
use crate::orders::{COMPONENT, Orders, STEPS, order};
use crate::{ALLOCATOR, ALONE};

/// Instances of the shorter of two runs, and how many more the longer one has. The difference is what steps allocate once everything is
/// warm, without what comes once per run.
const INSTANCES: (u32, u32) = (1_000, 2_000);
/// The same for attempts in the sandbox.
const ATTEMPTS: (u32, u32) = (200, 1_000);

/// What was asked of the allocator.
#[derive(Clone, Copy)]
struct Asked {
    /// Allocations, and those that were moved or grown.
    times: f64,
    bytes: f64,
}

impl Asked {
    async fn during<T>(work: impl Future<Output = T>) -> Self {
        let region = Region::new(ALLOCATOR);
        work.await;
        let change = region.change();
        let grown = change.bytes_reallocated.max(0) as f64;
        Self { times: (change.allocations + change.reallocations) as f64, bytes: change.bytes_allocated as f64 + grown }
    }

    /// What is more in a longer run, per piece of work.
    fn since(self, shorter: Self, pieces: u32) -> Self {
        let per = |longer: f64, shorter: f64| (longer - shorter) / f64::from(pieces);
        Self { times: per(self.times, shorter.times), bytes: per(self.bytes, shorter.bytes) }
    }

    fn judge(self, what: &str, times_max: f64, bytes_max: f64, figures: &mut Figures) {
        figures.at_most(&format!("allocations per {what}"), self.times, times_max);
        figures.at_most(&format!("allocated bytes per {what}"), self.bytes, bytes_max);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_of_a_whole_host_allocates_little() {
    let _alone = ALONE.lock().await;
    let mut orders = Orders::on(Arc::new(TestDatabase::migrated().await)).await;
    let mut figures = Figures::default();
    let (few, more) = INSTANCES;
    for (state_bytes, times_max, bytes_max) in ALLOCATIONS_PER_STEP {
        let state = order(state_bytes);
        orders.run(few, &state).await;
        let shorter = Asked::during(orders.run(few, &state)).await;
        let longer = Asked::during(orders.run(few + more, &state)).await;
        let what = format!("step, {state_bytes} B of state");
        longer.since(shorter, more * STEPS).judge(&what, times_max, bytes_max, &mut figures);
    }
    orders.stop().await;
    figures.hold();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_in_the_sandbox_allocates_little() {
    let _alone = ALONE.lock().await;
    let sandbox = Sandbox::new(1, EgressPolicy::default(), Limits::default(), Compiler::InProcess)
        .unwrap_or_else(|error| panic!("there is no sandbox: {error}"));
    let (program, _) =
        sandbox.load(COMPONENT.to_vec()).await.unwrap_or_else(|error| panic!("the component is refused: {error}"));
    let mut figures = Figures::default();
    let (few, more) = ATTEMPTS;
    for (step, times_max, bytes_max) in ALLOCATIONS_PER_ATTEMPT {
        run(&sandbox, &program, step, few).await;
        let shorter = run(&sandbox, &program, step, few).await;
        let longer = run(&sandbox, &program, step, few + more).await;
        let what = format!("attempt of order/{step}");
        longer.since(shorter, more).judge(&what, times_max, bytes_max, &mut figures);
    }
    figures.hold();
}

/// So many attempts of one step.
async fn run(sandbox: &Sandbox, program: &Program, step: &str, attempts: u32) -> Asked {
    let (state, inbox, desk) = (order(1_024).into_bytes(), Inbox::default(), Arc::new(NoDesk) as Arc<dyn Desk>);
    let input = StepInput {
        instance: InstanceId(1),
        tenant: "default",
        fsm: "order",
        version: Version(1),
        step,
        attempt: 0,
        faults: 0,
        visit: Visit(0),
        idempotency_key: "gd-guard-1-0",
        wake: Wake::Next,
        state: &state,
        correlation_key: None,
        parent: None,
        inbox: &inbox,
        children: &[],
        effect_results: &[],
        now_ms: 0,
        desk: &desk,
    };
    let (limits, interrupt) = (StepLimits::default(), CancellationToken::new());
    Asked::during(async {
        for _ in 0..attempts {
            let report = sandbox.run(program, input, &limits, &interrupt).await;
            assert!(matches!(report.end, StepEnd::Ended(gd_core::Ending::Outcome(_))), "{report:?}");
        }
    })
    .await
}
