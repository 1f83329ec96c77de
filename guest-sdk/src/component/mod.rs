//! The exported side: what the host calls, in terms of a machine or a job.

mod job;
mod machine;
mod outcome;

pub use job::JobComponent;
pub use machine::MachineComponent;

use crate::bindings::exports::gd::fsm::step::Guest;

pub use crate::bindings::export_fsm;
pub use crate::job::perform;
pub use crate::machine::{decode_old, no_migration};

/// A machine or a job, by the component that it makes. Implemented by the macros.
pub trait Workflow: 'static {
    /// What the host calls.
    #[doc(hidden)]
    type Component: Guest;
}

/// What the descriptor says a component was made with.
const SDK: &str = concat!("gd-guest ", env!("CARGO_PKG_VERSION"));
