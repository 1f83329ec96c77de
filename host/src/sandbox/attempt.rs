//! What one attempt owns inside the host: its store's data, which dies with it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::bindings::gd::fsm::{log, more, types};
use super::egress::Egress;
use super::log::{AttemptLog, LogLevel};
use super::meter::Meter;
use super::{Desk, EgressPolicy, StepLimits};

/// Why the host ended a guest before it was through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ended {
    /// It used up its CPU time.
    #[error("the step used up its CPU time of {0:?}")]
    Cpu(Duration),
    /// It used up its wall-clock time.
    #[error("the step used up its time of {0:?}")]
    Wall(Duration),
    /// The host stops, or lost the instance.
    #[error("the host interrupted the step")]
    Interrupted,
}

/// The store's data.
pub(super) struct Attempt {
    table: ResourceTable,
    /// Made when the guest first asks for it, which most steps never do.
    wasi: Option<WasiCtx>,
    random_bytes_max: u64,
    http: WasiHttpCtx,
    egress: Egress,
    memory: MemoryLimiter,
    pub(super) log: AttemptLog,
    pub(super) meter: Meter,
    deadline: Instant,
    cpu: Duration,
    wall: Duration,
    interrupt: CancellationToken,
    desk: Arc<dyn Desk>,
}

impl Attempt {
    pub(super) fn new(
        limits: &StepLimits,
        policy: &EgressPolicy,
        interrupt: CancellationToken,
        desk: Arc<dyn Desk>,
    ) -> Self {
        let log = AttemptLog::new(limits);
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles_max);
        Self {
            table,
            wasi: None,
            random_bytes_max: limits.random_bytes_max,
            http: WasiHttpCtx::new(),
            egress: Egress::new(policy.clone(), limits),
            memory: MemoryLimiter {
                bytes_left: limits.memory_bytes_max,
                elements_left: limits.table_elements_max,
                refused: false,
            },
            log,
            meter: Meter::default(),
            deadline: Instant::now() + limits.wall,
            cpu: limits.cpu,
            wall: limits.wall,
            interrupt,
            desk,
        }
    }

    pub(super) fn limiter(&mut self) -> &mut MemoryLimiter {
        &mut self.memory
    }

    /// Whether the guest asked for more memory than it may have.
    pub(super) fn memory_was_refused(&self) -> bool {
        self.memory.refused
    }

    /// Called at every epoch in which the guest runs: ends it, or lets others have the thread.
    pub(super) fn at_epoch(&self) -> wasmtime::Result<UpdateDeadline> {
        if self.interrupt.is_cancelled() {
            return Err(Ended::Interrupted.into());
        }
        if self.meter.spent_in_poll() > self.cpu {
            return Err(Ended::Cpu(self.cpu).into());
        }
        if Instant::now() > self.deadline {
            return Err(Ended::Wall(self.wall).into());
        }
        Ok(UpdateDeadline::Yield(1))
    }
}

/// Counts what all memories and tables of an attempt hold together.
pub(super) struct MemoryLimiter {
    bytes_left: usize,
    elements_left: usize,
    refused: bool,
}

impl MemoryLimiter {
    fn grow(left: &mut usize, refused: &mut bool, current: usize, desired: usize) -> bool {
        match left.checked_sub(desired.saturating_sub(current)) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => {
                *refused = true;
                false
            }
        }
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(Self::grow(&mut self.bytes_left, &mut self.refused, current, desired))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(Self::grow(&mut self.elements_left, &mut self.refused, current, desired))
    }
}

impl WasiView for Attempt {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.get_or_insert_with(|| wasi(&self.log, self.random_bytes_max));
        WasiCtxView { ctx, table: &mut self.table }
    }
}

/// Everything denied but clocks, randomness, and output that goes to the attempt's log.
fn wasi(log: &AttemptLog, random_bytes_max: u64) -> WasiCtx {
    WasiCtx::builder()
        .stdout(log.stream(LogLevel::Stdout))
        .stderr(log.stream(LogLevel::Stderr))
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(random_bytes_max)
        .build()
}

impl WasiHttpView for Attempt {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.egress, table: &mut self.table, ctx: &mut self.http }
    }
}

impl types::Host for Attempt {}

impl log::Host for Attempt {
    fn log(&mut self, level: log::Level, message: String, fields: Vec<(String, String)>) {
        let level = match level {
            log::Level::Trace => LogLevel::Trace,
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.log.line(level, message, fields);
    }
}

impl more::Host for Attempt {
    async fn child_output(&mut self, index: u32, round: u32) -> Option<Vec<u8>> {
        self.desk.child(round, index).await.and_then(|child| child.output)
    }

    async fn child_state(&mut self, index: u32, round: u32) -> Option<Vec<u8>> {
        self.desk.child(round, index).await.map(|child| child.state)
    }
}
