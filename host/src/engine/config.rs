//! The engine's numbers: each with its unit, its default and where that comes from.

use std::time::Duration;

use gd_core::RunAhead;

use crate::sandbox::StepLimits;

/// How one host's engine works. The defaults are the fast ones.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// What this host calls itself in the list of workers.
    pub host: String,
    /// Steps that run at the same time, waiting ones included. Default 256: enough to keep two cores busy through the commits
    /// and through slow outgoing calls.
    pub concurrency: u32,
    /// Rows that one claim takes at most. Default 200: beyond it, a row's share of the statement no longer falls (measured).
    pub claim_rows_max: u32,
    /// Lanes that one claim asks at most. Default 64.
    pub claim_lanes_max: usize,
    /// Commits in one flush at most. Default 500: one connection with this beats four with 50 (measured).
    pub flush_rows_max: usize,
    /// Bytes of states and results in one flush at most. Default 32 MiB: what the others wait for a giant among them.
    pub flush_bytes_max: usize,
    /// How long a worker lives without a beat. Default 30 s.
    pub lease: Duration,
    /// Time between beats. Default 1 s.
    pub beat: Duration,
    /// Silence after which a worker whose session lock is free counts as dead. Default 3 s: three beats.
    pub silence: Duration,
    /// Time between looks for dead workers. Default 1 s.
    pub recovery_interval: Duration,
    /// Rows that one statement of recovery takes back at most. Default 1,000.
    pub recovery_rows_max: i64,
    /// Time between looks for awaits whose deadline passed. Default 250 ms: a timeout is met within a second.
    pub timeout_interval: Duration,
    /// Shortest and longest time between polls of a host that finds nothing. Default 1 s to 5 s.
    pub poll: (Duration, Duration),
    /// Bounds of one chain of steps.
    pub run_ahead: RunAhead,
    /// Budget of one attempt.
    pub step: StepLimits,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            host: "gd-host".into(),
            concurrency: 256,
            claim_rows_max: 200,
            claim_lanes_max: 64,
            flush_rows_max: 500,
            flush_bytes_max: 32 << 20,
            lease: Duration::from_secs(30),
            beat: Duration::from_secs(1),
            silence: Duration::from_secs(3),
            recovery_interval: Duration::from_secs(1),
            recovery_rows_max: 1_000,
            timeout_interval: Duration::from_millis(250),
            poll: (Duration::from_secs(1), Duration::from_secs(5)),
            run_ahead: RunAhead::default(),
            step: StepLimits::default(),
        }
    }
}
