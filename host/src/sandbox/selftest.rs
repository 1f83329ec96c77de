//! Whether this machine can do what the sandbox needs: compile in a child, start an instance, call it.

use gd_core::Limits;
use wasmtime::component::{Linker, TypedFunc};
use wasmtime::{Engine, PoolingAllocationConfig, Store};

use super::engine::Core;
use super::{Compiler, EgressPolicy, Error};

/// The smallest component that computes anything:
///
/// ```wat
/// (component
///   (core module (func (export "answer") (result i32) i32.const 42))
///   (core instance (instantiate 0))
///   (func (export "answer") (result u32) (canon lift (core func 0 "answer"))))
/// ```
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0\
    \x01\x27\0asm\x01\0\0\0\
    \x01\x05\x01\x60\0\x01\x7f\x03\x02\x01\0\x07\x0a\x01\x06answer\0\0\x0a\x06\x01\x04\0A\x2a\x0b\
    \x02\x04\x01\0\0\0\
    \x07\x05\x01\x40\0\0y\
    \x06\x0c\x01\0\0\x01\0\x06answer\
    \x08\x06\x01\0\0\0\0\0\
    \x0b\x0c\x01\0\x06answer\x01\0\0";
/// What it answers.
const ANSWER: u32 = 42;

/// How this machine runs guests.
#[derive(Clone, Copy, Debug)]
pub struct SelfTest {
    /// Whether guests come from a pool; else each is allocated on demand, which costs about 35 us more per step.
    pub pooled: bool,
    /// Whether the kernel says which pages a guest wrote, so that the others need not be cleared.
    pub page_map: bool,
}

/// Compiles a tiny component in a child of this binary, as a deploy does, and runs it, as a step is run.
///
/// # Errors
/// What does not work here.
pub async fn self_test() -> Result<SelfTest, Error> {
    let core = Core::new(1, EgressPolicy::default(), Limits::default())?;
    let component = Compiler::this_binary().compile(&core.engine, COMPONENT.to_vec()).await?;
    match answer(&core.engine, &component).await {
        Ok(ANSWER) => Ok(SelfTest {
            pooled: core.engine.pooling_allocator_metrics().is_some(),
            page_map: PoolingAllocationConfig::is_pagemap_scan_available(),
        }),
        Ok(other) => {
            Err(Error::Engine(wasmtime::Error::msg(format!("a component that answers {ANSWER} answered {other}"))))
        }
        Err(error) => Err(Error::Engine(error)),
    }
}

async fn answer(engine: &Engine, component: &wasmtime::component::Component) -> wasmtime::Result<u32> {
    let mut store = Store::new(engine, ());
    // Epochs interrupt guests; this one is through before the first.
    store.set_epoch_deadline(u64::MAX >> 1);
    let instance = Linker::new(engine).instantiate_async(&mut store, component).await?;
    let answer: TypedFunc<(), (u32,)> = instance.get_typed_func(&mut store, "answer")?;
    Ok(answer.call_async(&mut store, ()).await?.0)
}
