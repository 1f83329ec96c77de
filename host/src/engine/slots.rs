//! The places for instances on this host, per queue: so many may run at once, and so many more wait here for their turn.
//!
//! A place is taken before a claim, so that whoever takes one may claim for it, whoever else takes some at the same time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use gd_core::Room;
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, oneshot};

use super::turns::{Turns, Urgency};
use super::{EngineConfig, Queues};
use crate::store::{Error, Store};

/// What a host that runs every queue calls them together.
const ALL: &str = "*";

/// Where places are taken. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Slots(Arc<Inner>);

struct Inner {
    pools: Pools,
    freed: Arc<Notify>,
    /// Fewest places for which a claim is worth its while.
    min_demand: u32,
}

enum Pools {
    Shared(Arc<Pool>),
    PerQueue(HashMap<i32, Arc<Pool>>),
}

/// The places of one queue, or of all queues together.
struct Pool {
    name: String,
    concurrency: u32,
    places: u32,
    state: Mutex<State>,
    freed: Arc<Notify>,
}

struct State {
    free: u32,
    turns: Turns<oneshot::Sender<Turn>>,
}

/// What one pool does at present.
pub(crate) struct Load<'a> {
    /// The queue; `*` for all together.
    pub(crate) queue: &'a str,
    /// Steps that run.
    pub(crate) in_flight: u32,
    /// Claimed instances that wait for their turn.
    pub(crate) buffer: u32,
    /// Steps that may run at once.
    pub(crate) concurrency: u32,
}

impl Slots {
    /// Places for what this host is to run. A queue that nobody has used yet gets its number here.
    ///
    /// # Errors
    /// When the database cannot say a queue's number.
    pub(super) async fn of(config: &EngineConfig, store: &Store) -> Result<Self, Error> {
        let mut queues = Vec::new();
        if let Queues::Only(served) = &config.queues {
            for (name, steps) in served.iter() {
                queues.push((store.queue_number(name).await?, name.to_owned(), steps));
            }
        }
        Ok(Self::new(config, queues))
    }

    fn new(config: &EngineConfig, queues: Vec<(i32, String, u32)>) -> Self {
        let freed = Arc::new(Notify::new());
        let pool = |name: String, concurrency: u32| {
            let places = concurrency.saturating_add(config.prefetch);
            let state = Mutex::new(State { free: places, turns: Turns::new(concurrency) });
            Arc::new(Pool { name, concurrency, places, state, freed: freed.clone() })
        };
        let pools = match config.queues {
            Queues::All => Pools::Shared(pool(ALL.to_owned(), config.concurrency)),
            Queues::Only(_) | Queues::None => Pools::PerQueue(
                queues.into_iter().map(|(number, name, concurrency)| (number, pool(name, concurrency))).collect(),
            ),
        };
        Self(Arc::new(Inner { pools, freed, min_demand: config.min_demand.max(1) }))
    }

    /// Whether this host runs instances of this queue.
    pub(crate) fn serves(&self, queue: i32) -> bool {
        self.pool(queue).is_some()
    }

    /// Numbers of the queues that this host runs; `None` when it runs all.
    pub(crate) fn served(&self) -> Option<Vec<i32>> {
        match &self.0.pools {
            Pools::Shared(_) => None,
            Pools::PerQueue(pools) => Some(pools.keys().copied().collect()),
        }
    }

    /// Whether this host runs anything.
    pub(crate) fn any(&self) -> bool {
        match &self.0.pools {
            Pools::Shared(_) => true,
            Pools::PerQueue(pools) => !pools.is_empty(),
        }
    }

    /// What a queue is called in events: its name, or `*` where the places are shared.
    pub(crate) fn name(&self, queue: i32) -> &str {
        self.pool(queue).map_or("", |pool| &pool.name)
    }

    /// Places that are free and enough for a claim.
    pub(crate) fn room(&self) -> Room {
        let enough = |pool: &Pool| {
            let free = pool.with(|state| state.free);
            // All of a pool is always enough: what is idle claims whatever there is.
            if free >= self.0.min_demand.min(pool.places) { free } else { 0 }
        };
        match &self.0.pools {
            Pools::Shared(pool) => Room::Shared(enough(pool)),
            Pools::PerQueue(pools) => {
                let rooms = pools.iter().map(|(queue, pool)| (*queue, enough(pool)));
                Room::PerQueue(rooms.filter(|(_, room)| *room > 0).collect::<BTreeMap<_, _>>())
            }
        }
    }

    /// Whether some places are free, and of no queue more than one in so many: the host is busy, and more will come free soon.
    pub(crate) fn are_scarce(&self, share: u32) -> bool {
        let few = |pool: &Arc<Pool>| pool.with(|state| (state.free, state.free <= pool.places / share));
        match &self.0.pools {
            Pools::Shared(pool) => matches!(few(pool), (1.., true)),
            Pools::PerQueue(pools) => {
                let mut any = false;
                pools.values().map(few).all(|(free, few)| {
                    any |= free > 0;
                    few
                }) && any
            }
        }
    }

    /// Takes up to so many places of a queue.
    pub(crate) fn try_take(&self, queue: i32, count: u32) -> Places {
        let Some(pool) = self.pool(queue) else { return Places { pool: None, count: 0 } };
        let count = pool.with(|state| {
            let taken = count.min(state.free);
            state.free -= taken;
            taken
        });
        Places { pool: Some(pool.clone()), count }
    }

    /// A place of a queue of which more than one in so many are free, and enough for a claim.
    pub(crate) fn spare(&self, queue: i32, share: u32) -> Option<Slot> {
        let pool = self.pool(queue)?;
        let taken = pool.with(|state| {
            let spare = state.free > pool.places / share && state.free >= self.0.min_demand.min(pool.places);
            state.free -= u32::from(spare);
            spare
        });
        taken.then(|| Slot(pool.clone()))
    }

    /// The next time that places come free. Enable it before the look that it is for, or one in between is missed.
    pub(crate) fn freed(&self) -> Notified<'_> {
        self.0.freed.notified()
    }

    /// What every pool does now.
    pub(crate) fn loads(&self) -> Vec<Load<'_>> {
        match &self.0.pools {
            Pools::Shared(pool) => vec![pool.load()],
            Pools::PerQueue(pools) => pools.values().map(|pool| pool.load()).collect(),
        }
    }

    fn pool(&self, queue: i32) -> Option<&Arc<Pool>> {
        match &self.0.pools {
            Pools::Shared(pool) => Some(pool),
            Pools::PerQueue(pools) => pools.get(&queue),
        }
    }
}

impl Pool {
    fn load(&self) -> Load<'_> {
        let (free, buffer) = self.with(|state| (state.turns.free(), state.turns.waiting()));
        Load { queue: &self.name, in_flight: self.concurrency - free, buffer, concurrency: self.concurrency }
    }

    fn give_back(&self, count: u32) {
        self.with(|state| state.free += count);
        self.freed.notify_waiters();
    }

    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Places of one queue that were taken together; what is not used goes back when it is dropped.
pub(crate) struct Places {
    pool: Option<Arc<Pool>>,
    count: u32,
}

impl Places {
    /// How many there are.
    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    /// One of them.
    pub(crate) fn one(&mut self) -> Option<Slot> {
        let pool = self.pool.as_ref().filter(|_| self.count > 0)?;
        self.count -= 1;
        Some(Slot(pool.clone()))
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.as_ref().filter(|_| self.count > 0) {
            pool.give_back(self.count);
        }
    }
}

/// The place of one instance.
pub(crate) struct Slot(Arc<Pool>);

impl Slot {
    /// Waits for the leave to run. Within a tenant and queue the more urgent goes first, between them each in turn.
    pub(crate) async fn turn(&self, urgency: Urgency) -> Option<Turn> {
        let (sender, granted) = oneshot::channel();
        let at_once = self.0.with(|state| {
            let at_once = state.turns.take();
            if !at_once {
                state.turns.wait(urgency, sender);
            }
            at_once
        });
        if at_once {
            return Some(Turn(self.0.clone()));
        }
        let _waiting = Waiting { pool: &self.0, urgency };
        granted.await.ok()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.give_back(1);
    }
}

/// Leaves the queue of those who wait when it is dropped.
struct Waiting<'a> {
    pool: &'a Pool,
    urgency: Urgency,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // What was granted meanwhile is dropped after the lock.
        let _left = self.pool.with(|state| state.turns.leave(&self.urgency));
    }
}

/// The leave to run; goes over to the next who waits when it is dropped.
pub(crate) struct Turn(Arc<Pool>);

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(next) = self.0.with(|state| state.turns.over()) {
            // Whoever has just left gives it on in turn.
            drop(next.send(Turn(self.0.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Waker};

    use super::*;

    fn slots(queues: Queues, concurrency: u32, prefetch: u32, min_demand: u32) -> Slots {
        let numbered = match &queues {
            Queues::Only(served) => {
                (1..).zip(served.iter()).map(|(n, (name, steps))| (n, name.to_owned(), steps)).collect()
            }
            Queues::All | Queues::None => Vec::new(),
        };
        Slots::new(&EngineConfig { queues, concurrency, prefetch, min_demand, ..EngineConfig::default() }, numbered)
    }

    fn free(slots: &Slots, queue: i32) -> u32 {
        slots.try_take(queue, u32::MAX).len()
    }

    fn urgency(priority: i16) -> Urgency {
        Urgency { group: (1, 1), priority, eligible_at_us: 0, id: 0 }
    }

    fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
        Pin::new(future).poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    #[test]
    fn places_are_per_queue_and_one_that_is_not_served_has_none() {
        let slots = slots("a:2,b:1".parse().unwrap(), 0, 0, 1);
        let mut taken = slots.try_take(1, 5);
        assert_eq!((taken.len(), free(&slots, 1), free(&slots, 2), free(&slots, 3)), (2, 0, 1, 0));
        assert_eq!(slots.room(), Room::PerQueue(BTreeMap::from([(2, 1)])));
        let slot = taken.one();
        drop(taken);
        assert_eq!(free(&slots, 1), 1);
        drop(slot);
        assert_eq!(free(&slots, 1), 2);
        assert!(slots.serves(2) && !slots.serves(3) && slots.try_take(3, 1).len() == 0);
    }

    #[test]
    fn pck_09_no_claim_is_made_for_fewer_places_than_are_worth_it_unless_nothing_runs() {
        let of = |demand| slots(Queues::All, 4, 0, demand);
        let slots = of(3);
        let mut taken = slots.try_take(7, 2);
        assert_eq!(slots.room(), Room::Shared(0));
        drop(taken.one());
        assert_eq!(slots.room(), Room::Shared(3));
        drop(taken);
        let slots = of(100);
        assert_eq!(slots.room(), Room::Shared(4), "more than there are is as many as there are");
        let _taken = slots.try_take(7, 1);
        assert_eq!(slots.room(), Room::Shared(0));
    }

    #[test]
    fn a_host_is_busy_while_few_of_its_places_are_free_in_every_queue() {
        let shared = slots(Queues::All, 8, 0, 1);
        let mut busy = Vec::new();
        let mut taken = Vec::new();
        for _ in 0..=8 {
            busy.push(shared.are_scarce(4));
            taken.push(shared.try_take(1, 1));
        }
        assert_eq!(busy, [false, false, false, false, false, false, true, true, false]);
        let apart = slots("a:8,b:8".parse().unwrap(), 0, 0, 1);
        let _a = apart.try_take(1, 7);
        assert!(!apart.are_scarce(4), "the other queue is idle");
        let _b = apart.try_take(2, 8);
        assert!(apart.are_scarce(4));
        let one = slots(Queues::All, 1, 0, 1);
        assert!(!one.are_scarce(4), "all of it is not few");
    }

    #[test]
    fn a_place_is_spare_while_more_than_the_share_is_free() {
        let eight = |min_demand| slots("a:8".parse().unwrap(), 0, 0, min_demand);
        let slots = eight(1);
        let spare: Vec<Slot> = std::iter::from_fn(|| slots.spare(1, 4)).collect();
        assert_eq!((spare.len(), free(&slots, 1)), (6, 2));
        assert!(slots.spare(1, 4).is_none() && slots.spare(2, 4).is_none());
        drop(spare);
        assert_eq!(free(&slots, 1), 8);
        let picky = eight(7);
        let spare: Vec<Slot> = std::iter::from_fn(|| picky.spare(1, 4)).collect();
        assert_eq!(spare.len(), 2, "what is too little for a claim is not given away one by one");
    }

    #[tokio::test]
    async fn who_waits_runs_in_the_order_of_urgency_and_who_leaves_holds_nobody_up() {
        let slots = slots(Queues::All, 1, 3, 1);
        let mut places = slots.try_take(1, 9);
        assert_eq!(places.len(), 4);
        let four: Vec<Slot> = std::iter::from_fn(|| places.one()).collect();
        let first = four[0].turn(urgency(9)).await;
        let (mut late, mut gone, mut soon) = (
            Box::pin(four[1].turn(urgency(5))),
            Box::pin(four[2].turn(urgency(-9))),
            Box::pin(four[3].turn(urgency(0))),
        );
        assert!(is_pending(&mut late) && is_pending(&mut gone));
        assert!(is_pending(&mut soon));
        let load = &slots.loads()[0];
        assert_eq!((load.in_flight, load.buffer, load.concurrency), (1, 3, 1));
        drop(gone);
        drop(first);
        let turn = soon.await;
        assert!(is_pending(&mut late));
        drop(turn);
        assert!(late.await.is_some());
        assert_eq!(slots.loads()[0].in_flight, 0);
    }
}
