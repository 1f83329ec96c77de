//! What one attempt may cost its host. Source of the numbers: the limits table of the trust model.

use std::time::Duration;

/// The budget of one attempt.
#[derive(Clone, Debug)]
pub struct StepLimits {
    /// Bytes of linear memory, all memories together. Default 64 MiB, at most 1 GiB.
    pub memory_bytes_max: usize,
    /// Elements of all tables together. Default 20,000.
    pub table_elements_max: usize,
    /// CPU time of the guest and of the host calls it makes. Default 1 s.
    pub cpu: Duration,
    /// Wall-clock time, waiting inside host calls included. Default 30 s.
    pub wall: Duration,
    /// Bytes of log, stdout and stderr that are kept. Default 64 KiB.
    pub log_bytes_max: usize,
    /// Lines of the same. Default 1,000.
    pub log_lines_max: usize,
    /// Live handles to host resources. Default 256.
    pub handles_max: usize,
    /// Bytes of randomness per call. Default 64 KiB.
    pub random_bytes_max: u64,
    /// Bytes that one host call may carry into the host. Default 8 MiB.
    pub host_call_bytes_max: usize,
    /// Outgoing requests. Default 32.
    pub requests_max: u32,
    /// Longest time of one outgoing request. Default 20 s.
    pub request_time: Duration,
}

impl Default for StepLimits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 64 << 20,
            table_elements_max: 20_000,
            cpu: Duration::from_secs(1),
            wall: Duration::from_secs(30),
            log_bytes_max: 64 << 10,
            log_lines_max: 1_000,
            handles_max: 256,
            random_bytes_max: 64 << 10,
            host_call_bytes_max: 8 << 20,
            requests_max: 32,
            request_time: Duration::from_secs(20),
        }
    }
}

impl StepLimits {
    /// What `handle` gets: enough to decide, not to do the work again.
    pub fn for_handler(&self) -> Self {
        Self {
            cpu: self.cpu.min(Duration::from_millis(200)),
            wall: self.wall.min(Duration::from_secs(5)),
            ..self.clone()
        }
    }

    /// What `describe` gets, which runs once at deploy. Its CPU time is what ends a loop; the wall is far, for a busy machine.
    pub fn for_describe() -> Self {
        Self { requests_max: 0, ..Self::default() }
    }
}
