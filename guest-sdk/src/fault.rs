//! How a fault reads.

use std::fmt;

use crate::{Fault, FaultKind};

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Trap => "trap",
            Self::MemoryLimit => "memory-limit",
            Self::OutOfFuel => "out-of-fuel",
            Self::Timeout => "timeout",
            Self::InvalidOutcome => "invalid-outcome",
            Self::UnknownStep => "unknown-step",
            Self::StateDecode => "state-decode",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}
