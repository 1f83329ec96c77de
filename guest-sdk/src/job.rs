//! A job: one function, tried until it succeeds or its tries are used up.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::gd::fsm::types as wire;
use crate::{Ctx, Failure, json};

/// What a job returns: its result, or why this try failed. A failure is tried again; [`cancel`] is not.
pub type Job<T> = Result<T, Failure>;

/// Gives a job up: no further try.
///
/// # Errors
/// Always, with a permanent failure.
pub fn cancel<T>(reason: impl Into<String>) -> Job<T> {
    Err(Failure::new(reason).permanent())
}

/// A job. Implemented by [`job`](crate::job).
pub trait JobSpec {
    /// The name that instances are started under.
    const NAME: &'static str;
    /// The queue for instances that are started without one; none is `default`.
    const QUEUE: Option<&'static str>;
    /// How often and how fast it is tried.
    const RETRY: RetryPolicy;

    /// Reads the arguments, runs the function, writes its result.
    ///
    /// # Errors
    /// As the function; `state-decode` if the arguments cannot be read.
    fn perform(args: &[u8], ctx: &Ctx) -> Job<Vec<u8>>;
}

/// The wait before try n + 1 is `min(base_ms * 2^(n - 1), cap_ms)`, n from 1, up to `max_attempts` tries in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// All tries together, the first one included, whatever made them fail. Default 20.
    pub max_attempts: u32,
    /// The first wait, in milliseconds. Default 1,000.
    pub base_ms: u64,
    /// The longest wait, in milliseconds. Default 300,000.
    pub cap_ms: u64,
}

impl RetryPolicy {
    /// The host's default.
    pub const DEFAULT: Self = Self { max_attempts: 20, base_ms: 1_000, cap_ms: 300_000 };
}

impl From<RetryPolicy> for wire::RetryPolicy {
    fn from(policy: RetryPolicy) -> Self {
        Self { max_attempts: policy.max_attempts, base_ms: policy.base_ms, cap_ms: policy.cap_ms }
    }
}

/// Used by the macro.
#[doc(hidden)]
pub fn perform<A: DeserializeOwned, T: Serialize>(run: fn(A, &Ctx) -> Job<T>, args: &[u8], ctx: &Ctx) -> Job<Vec<u8>> {
    let args = json::decode(args)
        .map_err(|error| Failure::new(format!("the arguments cannot be read: {error}")).code("state-decode"))?;
    let result = run(args, ctx)?;
    json::encode(&result)
        .map_err(|error| Failure::new(format!("the result cannot be written as JSON: {error}")).code("result-encode"))
}
