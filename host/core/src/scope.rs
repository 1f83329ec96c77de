//! How long a correlation key stays taken.

use crate::Status;

/// The ends beyond which an instance keeps its correlation key, until retention. A live instance always holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Kept after `done`.
    pub on_done: bool,
    /// Kept after `failed`.
    pub on_failed: bool,
    /// Kept after `cancelled`.
    pub on_cancelled: bool,
}

impl Scope {
    /// The bits that stand in the identity table.
    pub fn bits(self) -> i16 {
        i16::from(self.on_done) | i16::from(self.on_failed) << 1 | i16::from(self.on_cancelled) << 2
    }

    /// The bit of a terminal status; 0 for a live one.
    pub fn bit_of(status: Status) -> i16 {
        match status {
            Status::Done => 1,
            Status::Failed => 2,
            Status::Cancelled => 4,
            Status::Runnable | Status::Executing | Status::AwaitingSignal | Status::AwaitingChildren => 0,
        }
    }
}
