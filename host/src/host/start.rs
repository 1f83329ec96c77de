//! Starting instances, one or many.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use gd_core::{InstanceId, RateLimit, Scope, TenantId, Version, WEIGHT_MAX};

use super::routes::Routed;
use super::{Error, Host, names};
use crate::engine::Seat;
use crate::store::{NewInstance, Place, Started};

/// The last millisecond of the year 9999, which is as far as RFC 3339 goes.
const DUE_MS_MAX: i64 = 253_402_300_799_999;
/// Instances that one statement starts at most. Chosen: enough that the statement's own cost is nothing, few enough that nobody waits
/// long for a key among them.
const STATEMENT_ROWS_MAX: usize = 1_000;

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
    /// The key is an address alone: it is not unique, and in nobody's way.
    pub shared_key: bool,
    /// The semaphore that its steps run under.
    pub concurrency_key: Option<String>,
    /// The bucket that its first step draws from.
    pub rate_limit: Option<RateLimit>,
    /// Tokens that its first step draws, from 1. Default 1.
    pub weight: Option<u32>,
    /// A version other than the routed one.
    pub version: Option<i32>,
}

impl Start {
    /// Whether it asks for nothing that other instances have a say in.
    fn is_plain(&self) -> bool {
        self.due_ms.is_none()
            && self.correlation_key.is_none()
            && self.concurrency_key.is_none()
            && self.rate_limit.is_none()
            && self.weight.is_none_or(|weight| weight == 1)
    }
}

/// A started instance.
#[derive(Clone, Debug)]
pub struct StartedInstance {
    /// Its id.
    pub id: InstanceId,
    /// Its FSM's name.
    pub fsm: String,
    /// The version it runs on.
    pub version: Version,
}

/// A start that was found right, and how it goes into the database.
struct Prepared {
    fsm: String,
    new: NewInstance,
}

/// What one call has looked up, also in vain.
type Routes = HashMap<(String, Option<i32>), Result<Arc<Routed>, Error>>;

impl Host {
    /// Starts an instance. It is durable when this returns.
    ///
    /// # Errors
    /// Says what is wrong with the request; [`Error::Duplicate`] names the holder of a taken key.
    pub async fn start(&self, tenant: TenantId, start: Start) -> Result<StartedInstance, Error> {
        let start = match self.start_by_memory(tenant, start).await? {
            Ok(started) => return Ok(started),
            Err(start) => start,
        };
        let prepared = self.prepare(tenant, start, &mut Routes::new()).await?;
        let started = self.0.store.start(tenant, &prepared.new).await?;
        self.wake(tenant, [(&prepared, started)]);
        told(&prepared, started)
    }

    /// Starts an instance without keys and limits on the version that this host has seen routed last, if that is still so; gives the request
    /// back where it is not, or where anything is wrong with it. One statement; where the host has a place for the instance, it is
    /// claimed by it too.
    async fn start_by_memory(
        &self,
        tenant: TenantId,
        mut start: Start,
    ) -> Result<Result<StartedInstance, Start>, Error> {
        let known = start.version.is_none().then(|| self.0.routes.last(tenant, &start.fsm)).flatten();
        // What is refused by an older version's word is the newest one's to refuse.
        let has_step = |routed: &Routed| start.step.as_ref().is_none_or(|step| routed.descriptor.has_step(step));
        let Some(routed) = known.filter(|routed| start.is_plain() && has_step(routed)) else { return Ok(Err(start)) };
        let state = start.state.take();
        let again = start.clone();
        start.state = state;
        let mut routes = Routes::from([((start.fsm.clone(), None), Ok(routed))]);
        let Prepared { fsm, new } = self.prepare(tenant, start, &mut routes).await?;
        let mut seat = None;
        let offer = || {
            let due = new.delay_ms == 0;
            seat = due.then(|| self.0.engine.seat(new.queue, (new.fsm, new.version))).flatten();
            seat.as_ref().map(Seat::worker)
        };
        let Some(started) = self.0.store.start_plain(tenant, &new, offer).await? else {
            return Ok(Err(Start { state: Some(new.state), ..again }));
        };
        let answer = StartedInstance { id: started.id, fsm, version: new.version };
        match seat.filter(|_| started.claimed) {
            Some(seat) => seat.run(started.into_claimed(tenant, new)),
            None => {
                let (place, delay_ms) = new.waits_at(tenant);
                self.0.engine.waits_at(place, Duration::from_millis(delay_ms));
            }
        }
        Ok(Ok(answer))
    }

    /// Starts many instances, and says of each what became of it: what is wrong with one is nothing to the others, and of two with one
    /// key the first wins. Those that were started are durable when this returns.
    ///
    /// # Errors
    /// When the database fails before any was started.
    pub async fn start_many(
        &self,
        tenant: TenantId,
        starts: Vec<Start>,
    ) -> Result<Vec<Result<StartedInstance, Error>>, Error> {
        let (mut told_of, mut prepared) = (Vec::with_capacity(starts.len()), Vec::new());
        let mut routes = Routes::new();
        for (at, start) in starts.into_iter().enumerate() {
            match self.prepare(tenant, start, &mut routes).await {
                Ok(start) => prepared.push((at, start)),
                Err(error @ Error::Store(_)) => return Err(error),
                Err(error) => told_of.push((at, Err(error))),
            }
        }
        let mut first = true;
        for part in prepared.chunks(STATEMENT_ROWS_MAX) {
            match self.insert(tenant, part).await {
                Ok(started) => told_of.extend(started),
                Err(error) if first => return Err(error),
                Err(error) => told_of.extend(part.iter().map(|(at, _)| (*at, Err(error.clone())))),
            }
            first = false;
        }
        told_of.sort_by_key(|(at, _)| *at);
        Ok(told_of.into_iter().map(|(_, told)| told).collect())
    }

    async fn insert(
        &self,
        tenant: TenantId,
        part: &[(usize, Prepared)],
    ) -> Result<Vec<(usize, Result<StartedInstance, Error>)>, Error> {
        let new: Vec<&NewInstance> = part.iter().map(|(_, prepared)| &prepared.new).collect();
        let started = self.0.store.start_many(tenant, &new).await?;
        self.wake(tenant, part.iter().map(|(_, prepared)| prepared).zip(started.iter().copied()));
        Ok(part.iter().zip(started).map(|((at, prepared), started)| (*at, told(prepared, started))).collect())
    }

    /// Has those looked at that wait for something. What is due at a time of its own is found by the poll.
    fn wake<'a>(&self, tenant: TenantId, started: impl IntoIterator<Item = (&'a Prepared, Started)>) {
        let of = started.into_iter().filter(|(_, started)| matches!(started, Started::New(_)));
        let places: HashSet<(Place, u64)> = of.map(|(Prepared { new, .. }, _)| new.waits_at(tenant)).collect();
        for (place, delay_ms) in places {
            self.0.engine.waits_at(place, Duration::from_millis(delay_ms));
        }
    }

    async fn prepare(&self, tenant: TenantId, start: Start, routes: &mut Routes) -> Result<Prepared, Error> {
        self.check(&start)?;
        let Routed { fsm, version, descriptor } = self.route(tenant, &start, routes).await?.as_ref();
        let step = match start.step {
            Some(step) if descriptor.has_step(&step) => step,
            Some(step) => return Err(Error::UnknownStep { fsm: start.fsm, version: version.0, step }),
            None => descriptor.initial_step.clone(),
        };
        let queue = start.queue.as_ref().or(descriptor.queue.as_ref()).map_or("default", String::as_str);
        let queue = self.0.store.queue_number(queue).await?;
        let new = NewInstance {
            fsm: *fsm,
            version: *version,
            step,
            state: start.state.unwrap_or_else(|| b"{}".to_vec()),
            queue,
            priority: start.priority,
            delay_ms: start.delay_ms,
            due_ms: start.due_ms,
            correlation_key: start.correlation_key,
            scope: start.scope,
            shared_key: start.shared_key,
            concurrency_key: start.concurrency_key,
            rate_limit: start.rate_limit.map(|limit| limit.bucket()),
            weight: start.weight.unwrap_or(1),
            parent: None,
        };
        Ok(Prepared { fsm: start.fsm, new })
    }

    fn check(&self, start: &Start) -> Result<(), Error> {
        names::check("FSM's name", &start.fsm)?;
        for (what, name) in [
            ("step", &start.step),
            ("queue", &start.queue),
            ("correlation key", &start.correlation_key),
            ("concurrency key", &start.concurrency_key),
        ] {
            name.as_deref().map_or(Ok(()), |name| names::check(what, name))?;
        }
        start.rate_limit.as_ref().map_or(Ok(()), check_rate_limit)?;
        if let Some(weight) = start.weight.filter(|weight| !(1..=WEIGHT_MAX).contains(weight)) {
            return Err(Error::InvalidArgument(format!("the weight is {weight}, not in 1..={WEIGHT_MAX}")));
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

    async fn route<'r>(
        &self,
        tenant: TenantId,
        start: &Start,
        routes: &'r mut Routes,
    ) -> Result<&'r Arc<Routed>, Error> {
        let routed = match routes.entry((start.fsm.clone(), start.version)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(self.look_up_route(tenant, start).await),
        };
        routed.as_ref().map_err(Clone::clone)
    }

    async fn look_up_route(&self, tenant: TenantId, start: &Start) -> Result<Arc<Routed>, Error> {
        let routed = self.0.registry.routed(tenant, &start.fsm, start.version).await?;
        let Some(routed) = routed else { return Err(Error::UnknownFsm(start.fsm.clone())) };
        let Some((version, descriptor)) = routed.version else {
            return Err(Error::UnknownVersion { fsm: start.fsm.clone(), version: start.version.unwrap_or_default() });
        };
        let routed = Arc::new(Routed { fsm: routed.fsm, version, descriptor });
        if start.version.is_none() {
            self.0.routes.learn(tenant, &start.fsm, &routed);
        }
        Ok(routed)
    }
}

fn told(prepared: &Prepared, started: Started) -> Result<StartedInstance, Error> {
    match started {
        Started::New(id) => Ok(StartedInstance { id, fsm: prepared.fsm.clone(), version: prepared.new.version }),
        Started::Duplicate(holder) => {
            Err(Error::Duplicate { key: prepared.new.correlation_key.clone().unwrap_or_default(), holder })
        }
    }
}

fn check_rate_limit(limit: &RateLimit) -> Result<(), Error> {
    names::check("rate limit", &limit.name)?;
    if limit.name.contains(':') {
        return Err(Error::InvalidArgument(format!(
            "the rate limit's name {:?} holds a ':', which separates a name from its partition",
            limit.name
        )));
    }
    limit.partition.as_deref().map_or(Ok(()), |partition| names::check("rate limit's partition", partition))?;
    names::check("rate limit with its partition", &limit.bucket())
}
