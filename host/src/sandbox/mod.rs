//! Strangers' code, kept apart: compiles components and runs each attempt in a fresh, limited instance.
//!
//! Knows nothing of the database. Only `bindings`, `convert` and their siblings here see the contract's generated types.

mod attempt;
mod bindings;
mod compile;
mod convert;
mod desk;
mod egress;
mod engine;
mod entry;
mod error;
mod guests;
mod inspect;
mod limits;
mod log;
mod meter;
mod program;
mod run;
mod selftest;

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt;
use gd_core::{Child, EffectResult, Inbox, InstanceId, Limits, Version, Visit, Wake};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

pub use compile::{Compiler, compile_stdin};
pub use desk::{Answer, ChildPayloads, Desk, NoDesk};
pub use egress::{Destination, EgressPolicy};
pub use error::Error;
pub use inspect::{COMPONENT_BYTES_MAX, Inspection, inspect};
pub use limits::StepLimits;
pub use log::{LogLevel, LogLine};
pub use program::Program;
pub use run::{StepEnd, StepReport};
pub use selftest::{SelfTest, self_test};

/// Everything that one attempt is handed.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the fields are those of the contract's `context`, documented there")]
pub struct StepInput<'a> {
    pub instance: InstanceId,
    pub tenant: &'a str,
    pub fsm: &'a str,
    pub version: Version,
    pub step: &'a str,
    pub attempt: u32,
    pub faults: u32,
    pub visit: Visit,
    pub idempotency_key: &'a str,
    pub wake: Wake,
    pub state: &'a [u8],
    pub correlation_key: Option<&'a str>,
    pub parent: Option<InstanceId>,
    pub inbox: &'a Inbox,
    pub children: &'a [Child],
    pub effect_results: &'a [EffectResult],
    pub now_ms: u64,
    /// Who answers what the step asks while it runs.
    pub desk: &'a Arc<dyn Desk>,
}

/// The sandbox of one host. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    core: Arc<engine::Core>,
    compiler: Compiler,
}

impl Sandbox {
    /// Sets up an engine for `concurrency` attempts at the same time, whose guests may reach what `egress` allows, and whose outcomes are
    /// held to `limits`.
    ///
    /// # Errors
    /// When this machine cannot run wasmtime at all.
    pub fn new(concurrency: u32, egress: EgressPolicy, limits: Limits, compiler: Compiler) -> Result<Self, Error> {
        Ok(Self { core: engine::Core::new(concurrency, egress, limits)?, compiler })
    }

    /// Inspects, compiles, links and describes a component. Takes from milliseconds to seconds of CPU.
    ///
    /// # Errors
    /// Says which rule the component breaks; nothing of it was kept.
    pub async fn load(&self, bytes: Vec<u8>) -> Result<(Program, Inspection), Error> {
        let inspecting = tokio::task::spawn_blocking(move || inspect(&bytes).map(|inspection| (inspection, bytes)));
        let inspected = inspecting.await.map_err(|error| Error::NotAComponent(error.to_string()))?;
        let (inspection, bytes) = inspected?;
        let component = self.compiler.compile(&self.core.engine, bytes).await?;
        let program = program::prepare(&self.core, &component, &inspection).await?;
        Ok((program, inspection))
    }

    /// Where attempts are to be run: threads of their own, so that no crowd of guests keeps anything else waiting.
    pub fn threads(&self) -> &Handle {
        self.core.guests.handle()
    }

    /// Runs one attempt, on the caller's thread. A guest's failure is part of the report, never an error; a panic is a bug of the
    /// sandbox, and the attempt counts as interrupted.
    pub async fn run(
        &self,
        program: &Program,
        input: StepInput<'_>,
        limits: &StepLimits,
        interrupt: &CancellationToken,
    ) -> StepReport {
        let mut running = pin!(run::run(&self.core, program, input, limits, interrupt));
        AssertUnwindSafe(running.as_mut()).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(instance = %input.instance, "the sandbox panicked; the attempt is given back");
            StepReport::interrupted()
        })
    }
}
