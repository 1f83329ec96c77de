//! Instances to start and signals to send: as children, or beside an outcome.

use std::time::Duration;

use serde::Serialize;

use crate::bindings::gd::fsm::types as wire;
use crate::duration::whole_ms;
use crate::{Failure, Result, json};

pub(crate) type Effect = wire::Effect;

/// An instance to start, as a child or beside an outcome.
#[derive(Debug, Clone)]
pub struct Start(wire::StartSpec);

/// Which endings of an instance keep its correlation key taken, until retention. While it lives it always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// After it is done.
    Done,
    /// After it failed.
    Failed,
    /// After it was cancelled.
    Cancelled,
}

/// A token bucket: its configured name, and the partition of it that is drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimit {
    /// The name; a step under an unknown one waits until it is configured.
    pub name: String,
    /// One bucket per partition, for example per account.
    pub partition: Option<String>,
}

/// A signal to send.
#[derive(Debug, Clone)]
pub struct SendSignal(wire::SignalSpec);

impl Start {
    /// An instance of this machine or job, of the same tenant, in the version routed at that moment.
    pub fn new(fsm: impl Into<String>) -> Self {
        Self(wire::StartSpec {
            fsm: fsm.into(),
            step: None,
            state: Vec::new(),
            queue: None,
            priority: None,
            delay_ms: None,
            correlation_key: None,
            scope: None,
            unique: true,
            concurrency_key: None,
            rate_limit: None,
            weight: 1,
            extra: Vec::new(),
        })
    }

    /// What it begins with. Default: nothing.
    ///
    /// # Errors
    /// If JSON cannot say the value.
    pub fn state(mut self, state: &impl Serialize) -> Result<Self> {
        self.0.state = payload(state)?;
        Ok(self)
    }

    /// The step it begins at. Default: its initial one.
    #[must_use]
    pub fn step(mut self, name: impl Into<String>) -> Self {
        self.0.step = Some(name.into());
        self
    }

    /// The queue it waits in. Default: its own.
    #[must_use]
    pub fn queue(mut self, name: impl Into<String>) -> Self {
        self.0.queue = Some(name.into());
        self
    }

    /// Lower is more urgent. Default 0.
    #[must_use]
    pub fn priority(mut self, priority: i16) -> Self {
        self.0.priority = Some(priority);
        self
    }

    /// How long it waits first, at most 366 days. Default: not at all.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.0.delay_ms = Some(whole_ms(delay));
        self
    }

    /// The correlation key: its address for signals, and the guard against a second live one.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.0.correlation_key = Some(key.into());
        self
    }

    /// Keeps the key taken after these endings. Default: after none.
    #[must_use]
    pub fn keep_key_after(mut self, endings: impl IntoIterator<Item = Keep>) -> Self {
        let scope = endings.into_iter().fold(wire::Scope::empty(), |scope, ending| scope | ending.into());
        self.0.scope = Some(scope);
        self
    }

    /// Lets others hold the same key; a signal by key then goes to the newest.
    #[must_use]
    pub fn not_unique(mut self) -> Self {
        self.0.unique = false;
        self
    }

    /// The concurrency key it runs under. Default: none.
    #[must_use]
    pub fn concurrency_key(mut self, key: impl Into<String>) -> Self {
        self.0.concurrency_key = Some(key.into());
        self
    }

    /// The bucket its first step draws from. Default: none.
    #[must_use]
    pub fn rate_limit(mut self, limit: impl Into<RateLimit>) -> Self {
        self.0.rate_limit = Some(limit.into().into());
        self
    }

    /// How many tokens its first step draws. Default 1.
    #[must_use]
    pub fn weight(mut self, tokens: u32) -> Self {
        self.0.weight = tokens;
        self
    }
}

impl SendSignal {
    /// A signal to the instance with this id.
    pub fn to_id(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self::to(wire::Target::Id(id.into()), name.into())
    }

    /// A signal to the instance that holds this correlation key.
    pub fn to_key(key: impl Into<String>, name: impl Into<String>) -> Self {
        Self::to(wire::Target::Key(key.into()), name.into())
    }

    fn to(target: wire::Target, name: String) -> Self {
        Self(wire::SignalSpec { target, name, payload: Vec::new(), dedup_key: None })
    }

    /// What goes along, at most 256 KiB by default. Default: nothing.
    ///
    /// # Errors
    /// If JSON cannot say the value.
    pub fn payload(mut self, value: &impl Serialize) -> Result<Self> {
        self.0.payload = payload(value)?;
        Ok(self)
    }

    /// A second signal to the same target with the same key changes nothing.
    #[must_use]
    pub fn dedup_key(mut self, key: impl Into<String>) -> Self {
        self.0.dedup_key = Some(key.into());
        self
    }
}

fn payload(value: &impl Serialize) -> Result<Vec<u8>> {
    json::encode(value)
        .map_err(|error| Failure::new(format!("a payload cannot be written as JSON: {error}")).code("payload-encode"))
}

impl From<&str> for RateLimit {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), partition: None }
    }
}

impl From<String> for RateLimit {
    fn from(name: String) -> Self {
        Self { name, partition: None }
    }
}

impl<N: Into<String>, P: Into<String>> From<(N, P)> for RateLimit {
    fn from((name, partition): (N, P)) -> Self {
        Self { name: name.into(), partition: Some(partition.into()) }
    }
}

impl From<RateLimit> for wire::RateLimit {
    fn from(limit: RateLimit) -> Self {
        Self { name: limit.name, partition: limit.partition }
    }
}

impl From<Keep> for wire::Scope {
    fn from(ending: Keep) -> Self {
        match ending {
            Keep::Done => Self::ON_DONE,
            Keep::Failed => Self::ON_FAILED,
            Keep::Cancelled => Self::ON_CANCELLED,
        }
    }
}

impl From<Start> for wire::StartSpec {
    fn from(start: Start) -> Self {
        start.0
    }
}

impl From<SendSignal> for wire::SignalSpec {
    fn from(signal: SendSignal) -> Self {
        signal.0
    }
}
