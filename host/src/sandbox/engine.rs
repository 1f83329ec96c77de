//! The one wasmtime engine of a host: its settings, its pool, its epochs and its linkers.

use std::sync::Arc;
use std::time::Duration;

use gd_core::Limits;
use tokio::sync::Semaphore;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::attempt::Attempt;
use super::bindings::gd::fsm::{log, more, types};
use super::guests::Guests;
use super::{EgressPolicy, Error};

/// How often a running guest is looked at. Chosen: a deadline of 50 ms is then met within 70 ms, and a step of
/// microseconds never notices.
const EPOCH: Duration = Duration::from_millis(10);

/// Linear memory that a pool slot keeps between attempts. Measured: with the page-map scan this is the fastest.
const KEEP_RESIDENT_BYTES: usize = 256 << 10;

/// Components that describe themselves at the same time, beside the attempts.
const DESCRIBES_MAX: u32 = 8;
/// Core instances, memories and tables of one component at most.
const CORE_INSTANCES_MAX: u32 = 12;
const MEMORIES_MAX: u32 = 2;
const TABLES_MAX: u32 = 4;

/// Hard maximum of a guest's memory, whatever its tenant's limit.
const MEMORY_BYTES_MAX: usize = 1 << 30;

/// The engine with everything that does not depend on a component.
pub(super) struct Core {
    pub(super) engine: Engine,
    pub(super) plain: Linker<Attempt>,
    pub(super) with_http: Linker<Attempt>,
    pub(super) egress: EgressPolicy,
    /// What every outcome is held to before its handler loses the chance to answer for it.
    pub(super) limits: Limits,
    /// Turns for components that describe themselves.
    pub(super) describes: Semaphore,
    pub(super) guests: Guests,
}

impl Core {
    /// Sets the engine up for `concurrency` attempts at the same time.
    pub(super) fn new(concurrency: u32, egress: EgressPolicy, limits: Limits) -> Result<Arc<Self>, Error> {
        let engine = engine(concurrency)?;
        let plain = linker(&engine, false).map_err(Error::Engine)?;
        let with_http = linker(&engine, true).map_err(Error::Engine)?;
        tick(&engine)?;
        let describes = Semaphore::new(DESCRIBES_MAX as usize);
        Ok(Arc::new(Self { engine, plain, with_http, egress, limits, describes, guests: Guests::new()? }))
    }
}

/// With a pool where the machine allows one, else on demand.
fn engine(concurrency: u32) -> Result<Engine, Error> {
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(concurrency)));
    Engine::new(&config).or_else(|error| {
        tracing::warn!(%error, "no pool for guests on this machine, each is allocated on demand: steps cost about 35 us more");
        let mut config = self::config();
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        Engine::new(&config).map_err(Error::Engine)
    })
}

/// Everything that makes compiled code: equal in the process that compiles and in the one that runs.
pub(super) fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(512 << 10)
        .async_stack_size(1 << 20)
        .concurrency_support(false)
        .wasm_threads(false)
        .shared_memory(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_tail_call(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false);
    config
}

fn pool(concurrency: u32) -> PoolingAllocationConfig {
    // A Rust component is its module and a few adapters; one memory, two tables. Every slot can have its component's most at once,
    // so that no component takes what its neighbours need.
    let slots = concurrency.saturating_add(DESCRIBES_MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES_MAX))
        .total_memories(slots.saturating_mul(MEMORIES_MAX))
        .total_tables(slots.saturating_mul(TABLES_MAX))
        .total_stacks(slots)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .table_elements(20_000)
        .max_memory_size(MEMORY_BYTES_MAX)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(64 << 10)
        .max_unused_warm_slots(slots)
        .pagemap_scan(Enabled::Auto);
    pool
}

fn linker(engine: &Engine, http: bool) -> wasmtime::Result<Linker<Attempt>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    if http {
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    }
    types::add_to_linker::<_, HasSelf<Attempt>>(&mut linker, |attempt| attempt)?;
    log::add_to_linker::<_, HasSelf<Attempt>>(&mut linker, |attempt| attempt)?;
    more::add_to_linker::<_, HasSelf<Attempt>>(&mut linker, |attempt| attempt)?;
    Ok(linker)
}

/// A thread of its own, so that a busy runtime cannot hold the epochs up. It ends with the engine.
fn tick(engine: &Engine) -> Result<(), Error> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("gd-epoch".into())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(EPOCH);
            }
        })
        .map(drop)
        .map_err(Error::Thread)
}
