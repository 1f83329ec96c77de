//! One attempt: a fresh instance, the call, and a name for whatever way it ended.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use gd_core::{Ending, Fault, FaultKind, Inbox, InvalidOutcome, Outcome, Transition};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wasmtime::{PoolConcurrencyLimitError, Store, Trap};
use wasmtime_wasi::I32Exit;

use super::attempt::{Attempt, Ended};
use super::bindings::gd::fsm::types as wit;
use super::engine::Core;
use super::log::{LogLine, panic_message};
use super::program::Program;
use super::{Desk, StepInput, StepLimits, convert};

/// How long after its deadline a guest that waits in a host call is dropped; one that runs is ended by its epoch before.
const GRACE: Duration = Duration::from_millis(50);

/// What an attempt came to.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every attempt ends so, and a box is an allocation for each step")]
pub enum StepEnd {
    /// It ended by itself or by a limit; `gd_core::decide` says what follows.
    Ended(Ending),
    /// The host ended it before it was through: nothing follows, the row is given back or was lost.
    Interrupted,
}

/// One attempt, for the commit and for the history.
#[derive(Clone, Debug)]
pub struct StepReport {
    /// How it ended.
    pub end: StepEnd,
    /// CPU time of guest and host calls, the handler's included.
    pub cpu: Duration,
    /// Wall-clock time of the same.
    pub wall: Duration,
    /// What was logged and printed.
    pub log: Vec<LogLine>,
}

impl StepReport {
    /// An attempt of which nothing is known.
    pub(super) fn interrupted() -> Self {
        Self { end: StepEnd::Interrupted, cpu: Duration::ZERO, wall: Duration::ZERO, log: Vec::new() }
    }
}

/// How a call into a fresh instance ended.
pub(super) enum Called<T> {
    Returned(T),
    Faulted(Fault),
    Interrupted,
}

/// Runs a step, and the component's handler where the step failed and there is one.
pub(super) async fn run(
    core: &Core,
    program: &Program,
    input: StepInput<'_>,
    limits: &StepLimits,
    interrupt: &CancellationToken,
) -> StepReport {
    let began = Instant::now();
    let (called, mut log, mut cpu) = step(core, program, input, limits, interrupt).await;
    let end = match called {
        Called::Interrupted => StepEnd::Interrupted,
        Called::Returned(outcome) => StepEnd::Ended(Ending::Outcome(outcome)),
        Called::Faulted(fault) if !program.descriptor.has_handle => StepEnd::Ended(Ending::Fault(fault)),
        Called::Faulted(fault) => {
            // Boxed: steps that go well, which are nearly all, carry no room for it.
            let handled = Box::pin(handle(core, program, fault, input, limits, interrupt)).await;
            log.extend(handled.1);
            cpu += handled.2;
            handled.0
        }
    };
    StepReport { end, cpu, wall: began.elapsed(), log }
}

/// The step itself. A failure that the guest returned is a fault like any other.
async fn step(
    core: &Core,
    program: &Program,
    input: StepInput<'_>,
    limits: &StepLimits,
    interrupt: &CancellationToken,
) -> (Called<Outcome>, Vec<LogLine>, Duration) {
    let deadline_ms = input.now_ms.saturating_add(millis(limits.wall));
    let context = convert::context(input, deadline_ms);
    let with = (limits, interrupt, input.desk);
    let (called, log, cpu) = in_fresh_instance(core, with, async |store| program.run(store, &context).await).await;
    let called = match called {
        Called::Returned(Ok(outcome)) => match valid(core, program, &**input.desk, outcome).await {
            Ok(outcome) => Called::Returned(outcome),
            Err(broken) => Called::Faulted(invalid(&broken)),
        },
        Called::Returned(Err(failure)) => Called::Faulted(convert::failure(failure)),
        Called::Faulted(fault) => Called::Faulted(fault),
        Called::Interrupted => Called::Interrupted,
    };
    (called, log, cpu)
}

/// An outcome that breaks no rule. `decide` holds it to the same rules; it is too late for the handler then.
async fn valid(
    core: &Core,
    program: &Program,
    desk: &dyn Desk,
    outcome: wit::Outcome,
) -> Result<Outcome, InvalidOutcome> {
    let outcome = convert::outcome(outcome)?;
    outcome.validate(&program.descriptor, &core.limits)?;
    if let Transition::ScheduleChildren(schedule) = &outcome.transition {
        desk.check_children(&schedule.children).await?;
    }
    Ok(outcome)
}

/// The handler, which is given the state from before the step, and none of its signals.
async fn handle(
    core: &Core,
    program: &Program,
    fault: Fault,
    input: StepInput<'_>,
    limits: &StepLimits,
    interrupt: &CancellationToken,
) -> (StepEnd, Vec<LogLine>, Duration) {
    let limits = limits.for_handler();
    let wit_fault = convert::fault(&fault, input.faults.saturating_add(1));
    let deadline_ms = input.now_ms.saturating_add(millis(limits.wall));
    let none = Inbox::default();
    let context =
        convert::context(StepInput { inbox: &none, children: &[], effect_results: &[], ..input }, deadline_ms);
    let with = (&limits, interrupt, input.desk);
    let (called, log, cpu) =
        in_fresh_instance(core, with, async |store| program.handle(store, &wit_fault, &context).await).await;
    let end = match called {
        Called::Interrupted => StepEnd::Interrupted,
        Called::Returned(Ok(None)) => StepEnd::Ended(Ending::Fault(fault)),
        Called::Returned(Ok(Some(outcome))) => {
            StepEnd::Ended(match valid(core, program, &**input.desk, outcome).await {
                Ok(outcome) => Ending::Handled { fault, outcome },
                Err(broken) => Ending::HandlerFailed { fault, handler: invalid(&broken) },
            })
        }
        Called::Returned(Err(failure)) => {
            StepEnd::Ended(Ending::HandlerFailed { fault, handler: convert::failure(failure) })
        }
        Called::Faulted(handler) => StepEnd::Ended(Ending::HandlerFailed { fault, handler }),
    };
    (end, log, cpu)
}

fn invalid(broken: &InvalidOutcome) -> Fault {
    Fault::new(FaultKind::InvalidOutcome, broken.to_string()).with_code(broken.code())
}

/// Gives a call a store that nothing was done in before, for an instance of its own, and drops both whatever happened.
pub(super) async fn in_fresh_instance<T>(
    core: &Core,
    (limits, interrupt, desk): (&StepLimits, &CancellationToken, &Arc<dyn Desk>),
    call: impl AsyncFnOnce(&mut Store<Attempt>) -> wasmtime::Result<T>,
) -> (Called<T>, Vec<LogLine>, Duration) {
    let mut store = Store::new(&core.engine, Attempt::new(limits, &core.egress, interrupt.clone(), desk.clone()));
    store.limiter(|attempt| attempt.limiter());
    store.set_hostcall_fuel(limits.host_call_bytes_max);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|context| context.data().at_epoch());
    let (meter, log) = (store.data().meter.clone(), store.data().log.clone());
    let returned = {
        let mut calling = pin!(call(&mut store));
        tokio::select! {
            biased;
            returned = meter.measure(calling.as_mut()) => returned,
            // Only a guest that waits in a host call is still there now.
            () = tokio::time::sleep(limits.wall + GRACE) => Err(Ended::Wall(limits.wall).into()),
            () = interrupt.cancelled() => Err(Ended::Interrupted.into()),
        }
    };
    let lines = log.take();
    let called = match returned {
        Ok(value) => Called::Returned(value),
        Err(error) => match error.downcast_ref::<Ended>() {
            Some(Ended::Interrupted) => Called::Interrupted,
            // The host's shortage, not the guest's fault: it is given back and tried again.
            None if error.is::<PoolConcurrencyLimitError>() => {
                tracing::warn!(%error, "no slot for a guest; the attempt is given back");
                Called::Interrupted
            }
            Some(Ended::Cpu(_) | Ended::Wall(_)) | None => Called::Faulted(classify(&error, store.data(), &lines)),
        },
    };
    (called, lines, meter.spent())
}

/// Gives an error of wasmtime the name that callers know.
fn classify(error: &wasmtime::Error, attempt: &Attempt, lines: &[LogLine]) -> Fault {
    if let Some(ended) = error.downcast_ref::<Ended>() {
        return Fault::new(FaultKind::Timeout, ended.to_string());
    }
    if attempt.memory_was_refused() {
        return Fault::new(FaultKind::MemoryLimit, "the step asked for more memory than its limit");
    }
    if let Some(message) = panic_message(lines) {
        return Fault::new(FaultKind::Trap, message);
    }
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return Fault::new(FaultKind::Trap, format!("the guest ended its process with exit code {code}"));
    }
    let message = match error.downcast_ref::<Trap>() {
        Some(trap @ (Trap::StackOverflow | Trap::MemoryOutOfBounds)) => {
            format!("{trap} (an endless recursion looks like this)")
        }
        Some(trap) => trap.to_string(),
        None => format!("{:#}", error.root_cause()),
    };
    Fault::new(FaultKind::Trap, message)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
