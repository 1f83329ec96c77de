//! Starting instances.

use std::time::Duration;

use gd_core::{Descriptor, InstanceId, Lane, Scope, TenantId, Version};

use super::{Error, Host, names};
use crate::registry::DescriptorDoc;
use crate::store::{NewInstance, Route, Started};

/// The last millisecond of the year 9999, which is as far as RFC 3339 goes.
const DUE_MS_MAX: i64 = 253_402_300_799_999;

/// What a caller asks for. `None` takes the FSM's own word, else the default.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The FSM's name.
    pub fsm: String,
    /// A step other than the initial one.
    pub step: Option<String>,
    /// The first state; `{}` by default.
    pub state: Option<Vec<u8>>,
    /// A queue other than the FSM's, or `default`.
    pub queue: Option<String>,
    /// Lower runs first. Default 0.
    pub priority: i16,
    /// Milliseconds since the Unix epoch at which it is due; wins over the delay.
    pub due_ms: Option<i64>,
    /// Milliseconds to wait, by the database's clock.
    pub delay_ms: u64,
    /// The address for signals, and the guard against a second start.
    pub correlation_key: Option<String>,
    /// How long the key stays taken.
    pub scope: Scope,
    /// A version other than the routed one.
    pub version: Option<i32>,
}

/// A started instance.
#[derive(Clone, Debug)]
pub struct StartedInstance {
    /// Its id.
    pub id: InstanceId,
    /// The version it runs on.
    pub version: Version,
}

impl Host {
    /// Starts an instance. It is durable when this returns.
    ///
    /// # Errors
    /// Says what is wrong with the request; [`Error::Duplicate`] names the holder of a taken key.
    pub async fn start(&self, tenant: TenantId, start: Start) -> Result<StartedInstance, Error> {
        self.check(&start)?;
        let (fsm, version, descriptor) = self.route(tenant, &start).await?;
        let step = match start.step {
            Some(step) if descriptor.has_step(&step) => step,
            Some(step) => return Err(Error::UnknownStep { fsm: start.fsm, version: version.0, step }),
            None => descriptor.initial_step,
        };
        let queue = start.queue.or(descriptor.queue).unwrap_or_else(|| "default".into());
        let queue = self.0.queues.number(&self.0.store, &queue).await?;
        let new = NewInstance {
            fsm,
            version,
            step,
            state: start.state.unwrap_or_else(|| b"{}".to_vec()),
            queue,
            priority: start.priority,
            delay_ms: start.delay_ms,
            due_ms: start.due_ms,
            correlation_key: start.correlation_key.clone(),
            scope: start.scope,
            shared_key: false,
            concurrency_key: None,
            rate_limit: None,
            weight: 1,
            parent: None,
        };
        match self.0.store.start(tenant, &new).await? {
            Started::Duplicate(holder) => {
                Err(Error::Duplicate { key: start.correlation_key.unwrap_or_default(), holder })
            }
            Started::New(id) => {
                let lane = Lane { tenant: tenant.0, queue, priority: start.priority };
                // What is due at a time of its own is found by the poll.
                match start.due_ms {
                    None => self.0.engine.wake_after(lane, Duration::from_millis(start.delay_ms)),
                    Some(_) => self.0.engine.wake(lane),
                }
                Ok(StartedInstance { id, version })
            }
        }
    }

    fn check(&self, start: &Start) -> Result<(), Error> {
        names::check("FSM's name", &start.fsm)?;
        for (what, name) in
            [("step", &start.step), ("queue", &start.queue), ("correlation key", &start.correlation_key)]
        {
            name.as_deref().map_or(Ok(()), |name| names::check(what, name))?;
        }
        let max = self.0.limits.payload_bytes_max;
        if let Some(bytes) = start.state.as_ref().map(Vec::len).filter(|bytes| *bytes > max) {
            return Err(Error::TooLarge { what: "state", bytes, max });
        }
        if start.due_ms.is_some_and(|due| !(0..=DUE_MS_MAX).contains(&due)) {
            return Err(Error::InvalidArgument("the time at which it is due is not between 1970 and 9999".into()));
        }
        if start.delay_ms > self.0.limits.delay_ms_max {
            let max = self.0.limits.delay_ms_max;
            return Err(Error::InvalidArgument(format!("the delay is {} ms, the limit is {max} ms", start.delay_ms)));
        }
        Ok(())
    }

    async fn route(&self, tenant: TenantId, start: &Start) -> Result<(i32, Version, Descriptor), Error> {
        let route = self.0.store.find_route(tenant, &start.fsm, start.version).await?;
        let Some(Route { fsm, version }) = route else { return Err(Error::UnknownFsm(start.fsm.clone())) };
        let Some((version, document)) = version else {
            return Err(Error::UnknownVersion { fsm: start.fsm.clone(), version: start.version.unwrap_or_default() });
        };
        let document: DescriptorDoc =
            serde_json::from_value(document).map_err(|error| crate::registry::Error::StoredDescriptor {
                fsm: start.fsm.clone(),
                version: version.0,
                reason: error.to_string(),
            })?;
        Ok((fsm, version, document.into()))
    }
}
