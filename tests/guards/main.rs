//! What the hot path costs, counted instead of timed: bytes of log, allocations, instructions. A machine's pace does not matter to it.
//!
//! Every figure has its bound in `bounds.rs`, and is printed, also where it holds.

mod allocations;
mod bounds;
mod figures;
mod instructions;
mod orders;
mod wal;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::sync::Mutex;

/// Counts over all threads.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Whoever counts does it alone: the others would be counted too, and would break what is committed together into smaller batches.
static ALONE: Mutex<()> = Mutex::const_new(());
