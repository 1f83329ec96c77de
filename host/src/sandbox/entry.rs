//! The way into a fresh instance.
#![allow(unsafe_code, reason = "the one place that calls a guest without comparing its types again; see `run`")]

use wasmtime::component::{ComponentExportIndex, Instance, TypedFunc};
use wasmtime::{AsContextMut, Result, format_err};

use super::bindings::gd::fsm::types as wit;

/// What a guest's function returns.
pub(super) type Answer<T> = std::result::Result<T, wit::Failure>;
/// The contract's `run`, as Rust sees it.
pub(super) type Run<'a> = TypedFunc<(&'a wit::Context,), (Answer<wit::Outcome>,)>;

/// The function `run` of an instance whose component went through `program::prepare`.
///
/// Its types are not compared with ours another time, which takes 2 us of the 14 of a step that does nothing (measured): a component's types
/// are part of it, so that what was compared for one of its instances holds for each.
pub(super) fn run<'a>(instance: &Instance, mut store: impl AsContextMut, run: ComponentExportIndex) -> Result<Run<'a>> {
    let function = instance.get_func(&mut store, run).ok_or_else(|| format_err!("the component has lost its `run`"))?;
    // SAFETY: `prepare` makes no `Program` of a component before one of its instances was looked up with all types compared
    // (`describe`), and takes `run` from the same component, by the contract's name.
    Ok(unsafe { TypedFunc::new_unchecked(function) })
}
