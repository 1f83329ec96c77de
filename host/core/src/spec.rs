//! What a step asks the engine for beside its own next state: instances to start, as children or beside the outcome, and signals.

use crate::names::valid_name;
use crate::{InvalidOutcome, Limits, Scope};

/// An instance to be, as a step describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartSpec {
    /// The FSM's name; it runs on the version that is routed when the outcome commits.
    pub fsm: String,
    /// A step other than the initial one.
    pub step: Option<String>,
    /// Its first state; empty stands for `{}`.
    pub state: Vec<u8>,
    /// A queue other than the FSM's own.
    pub queue: Option<String>,
    /// Lower runs first. Default 0.
    pub priority: i16,
    /// Milliseconds to wait first.
    pub delay_ms: u64,
    /// The address for signals, and the guard against a second start.
    pub correlation_key: Option<String>,
    /// How long the key stays taken.
    pub scope: Scope,
    /// Whether the key is a guard at all, or an address alone.
    pub unique: bool,
    /// The semaphore that it runs under.
    pub concurrency_key: Option<String>,
    /// The bucket that its first step draws from.
    pub rate_limit: Option<RateLimit>,
    /// Tokens that its first step draws.
    pub weight: u32,
}

/// A token bucket: a limit's name, and the partition of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The limit's name; one that nobody configured stalls the step until somebody does.
    pub name: String,
    /// One bucket per partition.
    pub partition: Option<String>,
}

impl RateLimit {
    /// The bucket's key, `name` or `name:partition`.
    pub fn bucket(&self) -> String {
        match &self.partition {
            None => self.name.clone(),
            Some(partition) => format!("{}:{partition}", self.name),
        }
    }
}

/// What becomes of the concurrency key that a step ran under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyChange {
    /// The next step runs under it too.
    #[default]
    Keep,
    /// The next step runs under none.
    Release,
    /// The next step runs under this one.
    Switch(String),
}

/// Whom a signal is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An instance, by the id that callers know. One that is no id reaches nobody.
    Id(String),
    /// Whoever holds this correlation key.
    Key(String),
}

/// A signal to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalSpec {
    /// Whom it is for.
    pub target: Target,
    /// What an await names.
    pub name: String,
    /// Opaque bytes.
    pub payload: Vec<u8>,
    /// The same key again is the same signal.
    pub dedup_key: Option<String>,
}

/// What happens if and only if the outcome commits, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// An instance is started that nobody waits for.
    Start(StartSpec),
    /// A signal is sent.
    Signal(SignalSpec),
}

impl StartSpec {
    pub(crate) fn validate(&self, limits: &Limits) -> Result<(), InvalidOutcome> {
        name("FSM", &self.fsm)?;
        for (what, given) in [
            ("step", &self.step),
            ("queue", &self.queue),
            ("correlation key", &self.correlation_key),
            ("concurrency key", &self.concurrency_key),
        ] {
            given.as_deref().map_or(Ok(()), |given| name(what, given))?;
        }
        self.rate_limit.as_ref().map_or(Ok(()), RateLimit::validate)?;
        weight(self.weight)?;
        if self.state.len() > limits.payload_bytes_max {
            return Err(InvalidOutcome::StateTooLarge(self.state.len(), limits.payload_bytes_max));
        }
        if self.delay_ms > limits.delay_ms_max {
            return Err(InvalidOutcome::DelayTooLong(self.delay_ms, limits.delay_ms_max));
        }
        Ok(())
    }
}

impl RateLimit {
    /// # Errors
    /// The part that is no name, or a name that holds the colon that separates it from its partition.
    pub fn validate(&self) -> Result<(), InvalidOutcome> {
        name("rate limit", &self.name)?;
        if self.name.contains(':') {
            return Err(InvalidOutcome::ColonInLimit(self.name.clone()));
        }
        name("rate limit with its partition", &self.bucket())
    }
}

impl Effect {
    /// Holds it to the rules.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self, limits: &Limits) -> Result<(), InvalidOutcome> {
        match self {
            Self::Start(spec) => spec.validate(limits),
            Self::Signal(signal) => signal.validate(limits),
        }
    }
}

impl SignalSpec {
    fn validate(&self, limits: &Limits) -> Result<(), InvalidOutcome> {
        name("signal", &self.name)?;
        if let Target::Key(key) = &self.target {
            name("correlation key", key)?;
        }
        self.dedup_key.as_deref().map_or(Ok(()), |key| name("deduplication key", key))?;
        if self.payload.len() > limits.signal_bytes_max {
            return Err(InvalidOutcome::SignalTooLarge(self.payload.len(), limits.signal_bytes_max));
        }
        Ok(())
    }
}

pub(crate) fn weight(weight: u32) -> Result<(), InvalidOutcome> {
    match weight {
        0 => Err(InvalidOutcome::ZeroWeight),
        1..=WEIGHT_MAX => Ok(()),
        _ => Err(InvalidOutcome::WeightTooLarge(weight, WEIGHT_MAX)),
    }
}

/// Tokens that one step may draw at most: far above any burst that means something.
pub const WEIGHT_MAX: u32 = 1_000_000_000;

fn name(what: &'static str, given: &str) -> Result<(), InvalidOutcome> {
    valid_name(given).map(drop).map_err(|reason| InvalidOutcome::Name(what, reason))
}
