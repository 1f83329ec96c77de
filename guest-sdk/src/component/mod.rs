//! The exported side: what the host calls, in terms of a machine or a job.

mod job;
mod machine;
mod outcome;

pub use job::JobComponent;
pub use machine::MachineComponent;

pub use crate::bindings::export_fsm;
pub use crate::job::perform;
pub use crate::machine::{decode_old, no_migration};

/// What the descriptor says a component was made with.
const SDK: &str = concat!("gd-guest ", env!("CARGO_PKG_VERSION"));
