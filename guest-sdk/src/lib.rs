//! Write a durable workflow in Rust, compile it for `wasm32-wasip2`, and let gd-host run it.
//!
//! A workflow is an `impl` block with one function per step. A step gets the committed state by value and answers where
//! the instance goes; the host commits that answer before anything after it runs. If a worker dies, or the step fails, the
//! whole step runs again from the old state, so an effect outside the host carries [`Ctx::idempotency_key`].
//!
//! ```
//! use gd_guest::prelude::*;
//!
//! #[derive(Serialize, Deserialize)]
//! struct Parcel {
//!     address: String,
//! }
//!
//! #[gd_guest::fsm(name = "parcel", queue = "parcels")]
//! impl Parcel {
//!     #[initial]
//!     fn pack(self, _ctx: &Ctx) -> Step<Self> {
//!         info!(address = self.address, "packed");
//!         await_signal("picked_up", Self::hand_over, self).timeout(hours(1))
//!     }
//!
//!     fn hand_over(self, ctx: &Ctx) -> Step<Self> {
//!         match ctx.awaited() {
//!             [] => stop("nobody picked it up").code("not-picked-up"),
//!             [pick_up, ..] => done(json!({ "by": pick_up.json::<String>()? })),
//!         }
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! Step names are checked by the compiler. A step that does not exist is no associated item:
//!
//! ```compile_fail,E0599
//! use gd_guest::prelude::*;
//!
//! #[derive(Serialize, Deserialize)]
//! struct Parcel {}
//!
//! #[gd_guest::fsm(name = "parcel")]
//! impl Parcel {
//!     #[initial]
//!     fn pack(self, _ctx: &Ctx) -> Step<Self> {
//!         next(Self::hand_ovr, self)
//!     }
//!
//!     fn hand_over(self, _ctx: &Ctx) -> Step<Self> {
//!         done(())
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! and the step of another machine, or a function that is no step, has another type:
//!
//! ```compile_fail,E0308
//! use gd_guest::prelude::*;
//!
//! #[derive(Serialize, Deserialize)]
//! struct Parcel {}
//!
//! #[derive(Serialize, Deserialize)]
//! struct Letter {}
//!
//! #[gd_guest::fsm(name = "parcel")]
//! impl Parcel {
//!     #[initial]
//!     fn pack(self, _ctx: &Ctx) -> Step<Self> {
//!         next(Letter::stamp, self)
//!     }
//! }
//!
//! #[gd_guest::fsm(name = "letter")]
//! impl Letter {
//!     #[initial]
//!     fn stamp(self, _ctx: &Ctx) -> Step<Self> {
//!         done(())
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! The crate of a workflow is `crate-type = ["cdylib", "rlib"]` and holds one machine or job. Natively it is an ordinary
//! library: [`testing`] runs whole instances of it, and its steps are functions that can be called alone.

extern crate self as gd_guest;

#[doc(hidden)]
pub mod bindings;
mod child;
#[doc(hidden)]
pub mod component;
mod context;
mod duration;
mod effect;
mod failure;
mod fault;
pub mod http;
mod job;
mod json;
pub mod log;
mod machine;
mod migration;
mod options;
mod outcome;
pub mod prelude;
mod signal;
mod step;
pub mod testing;

#[doc(hidden)]
pub use wit_bindgen;

pub use bindings::gd::fsm::types::{
    Child, ChildStatus, EffectOutcome, EffectResult, ErrorInfo, Fault, FaultKind, Signal, Wake,
};
pub use component::Workflow;
pub use context::Ctx;
pub use duration::{days, hours, millis, minutes, seconds};
pub use effect::{Keep, RateLimit, SendSignal, Start};
pub use failure::{Failure, Result};
pub use gd_guest_macros::{fsm, job};
pub use job::{Job, JobSpec, RetryPolicy, cancel};
pub use machine::{Machine, StepNode};
pub use migration::{Migrated, Parked};
pub use options::StepExt;
pub use outcome::{KeyChange, Names, NextOptions, Outcome, Transition};
pub use outcome::{await_signal, done, next, retry, schedule_children, stop};
pub use step::{Step, StepRef};
