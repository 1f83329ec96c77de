//! What one step, state, signal or name may cost. Each number's source: the limits table of the trust model.

/// The limits that apply to one tenant's instances. The defaults are what a tenant gets that nobody configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of state that a step may return. Default 1 MiB.
    pub state_bytes_max: usize,
    /// Bytes of a start's state and of a result. Default 1 MiB.
    pub payload_bytes_max: usize,
    /// Bytes of one signal's payload. Default 256 KiB.
    pub signal_bytes_max: usize,
    /// Unconsumed signals of one instance. Default 1,000.
    pub inbox_signals_max: usize,
    /// Bytes of all unconsumed payloads of one instance. Default 4 MiB.
    pub inbox_bytes_max: usize,
    /// Names that one await may list. Default 64.
    pub awaited_names_max: usize,
    /// Longest delay or timeout, in milliseconds. Default 366 days.
    pub delay_ms_max: u64,
    /// Children that one outcome may start. Default 1,000.
    pub children_max: usize,
    /// Ancestors that an instance may have. Default 16.
    pub depth_max: u32,
    /// Instances started and signals sent by one outcome. Default 1,000: as many as children.
    pub effects_max: usize,
    /// Bytes of an error's message that are kept; the rest is cut off. Default 8 KiB.
    pub error_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            state_bytes_max: 1 << 20,
            payload_bytes_max: 1 << 20,
            signal_bytes_max: 256 << 10,
            inbox_signals_max: 1_000,
            inbox_bytes_max: 4 << 20,
            awaited_names_max: 64,
            delay_ms_max: 366 * 24 * 60 * 60 * 1_000,
            children_max: 1_000,
            depth_max: 16,
            effects_max: 1_000,
            error_bytes_max: 8 << 10,
        }
    }
}
