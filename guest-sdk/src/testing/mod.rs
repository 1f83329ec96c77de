//! The author's test kit: contexts for single steps, and, natively, a [`Harness`] for whole instances.

mod context;
#[cfg(not(target_arch = "wasm32"))]
mod harness;

#[doc(hidden)]
pub use context::context;
pub use context::{at, ctx, fault, joined, signal, timed_out, with_inbox, woken_by};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use harness::answer;
#[cfg(not(target_arch = "wasm32"))]
pub use harness::{Call, Drain, Harness, Instance, Past, Status, Tally, TooManySteps, Unrepeatable};
