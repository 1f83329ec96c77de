//! The engine's numbers: each with its unit, its default and where that comes from.

use std::time::Duration;

use gd_core::RunAhead;

use super::Queues;
use crate::sandbox::StepLimits;

/// How one host's engine works. The defaults are the fast ones.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// What this host calls itself in the list of workers.
    pub host: String,
    /// What this host runs. Default: every queue.
    pub queues: Queues,
    /// Steps that run at the same time on a host that runs every queue, waiting ones included. Default 512: enough to keep two
    /// cores busy through the commits and through slow outgoing calls. Measured (W1, 2026-11-28): a tenth more steps per second than 256, and as
    /// many as 1,024 where a step waits half as long for its commit.
    pub concurrency: u32,
    /// Rows that are claimed per queue beyond the steps that may run, so that one is at hand when a step ends. Default 0.
    pub prefetch: u32,
    /// Free places of a queue that are worth a claim; more than there are is as many as there are. Default 1.
    pub min_demand: u32,
    /// Whether this host looks after the database for all. Default: it does.
    pub maintenance: Maintenance,
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
    /// How long ended instances and their history are kept. Default a day; `None` keeps them for ever. From a day on they go with the
    /// whole day of their end; below, one by one.
    pub retention: Option<Duration>,
    /// Time between sweeps of retention. Default 1 min.
    pub retention_interval: Duration,
    /// Rows that one statement of retention removes at most. Default 1,000.
    pub retention_batch: u32,
    /// Dead rows, beside a twentieth of the live ones, with which a table is vacuumed. Default 50,000: two for each
    /// instance that goes through, and less than 100 MB of rows of 1 KB.
    pub vacuum_dead_rows: u32,
    /// Bounds of one chain of steps.
    pub run_ahead: RunAhead,
    /// Budget of one attempt.
    pub step: StepLimits,
}

/// Recovery, timeouts and partitions: work for all hosts, which at least one of them has to do. A host that leaves it to others still
/// keeps its own lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Maintenance {
    /// This host takes part.
    #[default]
    On,
    /// Others do it.
    Off,
}

impl EngineConfig {
    /// Steps that run at the same time on this host, over all queues.
    pub(crate) fn steps_max(&self) -> u32 {
        match &self.queues {
            Queues::All => self.concurrency,
            Queues::Only(served) => served.iter().fold(0, |sum: u32, (_, steps)| sum.saturating_add(steps)),
            Queues::None => 0,
        }
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            host: "gd-host".into(),
            queues: Queues::All,
            concurrency: 512,
            prefetch: 0,
            min_demand: 1,
            maintenance: Maintenance::On,
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
            retention: Some(Duration::from_secs(24 * 60 * 60)),
            retention_interval: Duration::from_secs(60),
            retention_batch: 1_000,
            vacuum_dead_rows: 50_000,
            run_ahead: RunAhead::default(),
            step: StepLimits::default(),
        }
    }
}
