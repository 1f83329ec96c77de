//! Every bound of the hot path, a line each: what was counted when it was set, and a margin above it.
//!
//! Whoever makes something cheaper lowers its bound in the same commit; whoever raises one says in the commit what it buys, with a run of
//! `cargo xtask bench` before and after.

use gd_host::store::HistoryLevel::{self, Off, Transitions};

/// Bytes of write-ahead log per step: bytes of state, history, bound. About 15 % above what was counted, and never above the bar: 800 at
/// 200 B with history, 700 without.
pub(crate) const LOG_BYTES_PER_STEP: [(usize, HistoryLevel, f64); 4] =
    [(200, Transitions, 800.0), (200, Off, 570.0), (1_024, Transitions, 1_790.0), (1_024, Off, 1_530.0)];

/// Updates of `gd.instance` that leave all its indexes alone, of all its updates.
pub(crate) const HEAP_ONLY_SHARE_MIN: f64 = 0.75;

/// What one step of a whole host allocates, caller and database client included: bytes of state, allocations, bytes. About 20 % above
/// what was counted on two cores; on one, batches are smaller, and a step allocates up to an eighth more often.
pub(crate) const ALLOCATIONS_PER_STEP: [(usize, f64, f64); 2] = [(200, 66.0, 31_000.0), (1_024, 66.0, 35_500.0)];

/// What one attempt in the sandbox allocates, 1 KB of state: step, allocations, bytes. About 20 % above what was counted.
pub(crate) const ALLOCATIONS_PER_ATTEMPT: [(&str, f64, f64); 2] =
    [("receive", 49.0, 22_000.0), ("close", 48.0, 21_000.0)];

/// Instructions per operation of `tests/pure`, in the development build. About 10 % above the most that was counted: how the compiler
/// cuts a crate into units (incremental or not, 16 or 256) moves a figure by as much, and nothing else does.
pub(crate) const INSTRUCTIONS: [(&str, f64); 14] = [
    ("decide/next", 2_270.0),
    ("decide/next-limited", 5_380.0),
    ("decide/next-effects", 6_300.0),
    ("decide/await", 4_160.0),
    ("decide/children", 20_900.0),
    ("decide/retry", 1_690.0),
    ("decide/done", 1_680.0),
    ("decide/fault", 4_190.0),
    ("validate/next", 600.0),
    ("validate/await", 1_450.0),
    ("validate/children", 12_200.0),
    ("lanes/share", 35_600.0),
    ("bucket/grant", 910.0),
    ("backoff/delay", 2_840.0),
];
