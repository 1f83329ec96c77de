//! Every order in which the requests of a few sessions can be carried out, one after the other, against the real server.
//!
//! The orders are found by playing: at each point one of the requests that wait is let go, and the next round takes another where
//! there was a choice. A request that waits for a lock in the server is no choice; it goes on when the lock is free.
//!
//! ```text
//! let mut orders = Orders::new(database.pool(), &[&first_wire, &second_wire]);
//! while orders.begin() {
//!     // … set the rows …
//!     let park = orders.part(0, "park", async move { … });
//!     let deliver = orders.part(1, "deliver", async move { … });
//!     orders.play().await;
//!     let (parked, delivered) = (park.await.unwrap(), deliver.await.unwrap());
//!     // … look at the rows; `orders` displays the order that was played …
//! }
//! ```

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::DEADLINE;
use crate::wire::{Bell, Gate, Stand, Wire};

/// How long a request may be under way before the server is asked whether it waits for a lock. No answer is ever given up for it.
const PATIENCE: Duration = Duration::from_millis(1);
/// Rounds that nobody would wait for.
const ORDERS_MAX: usize = 20_000;

/// The orders of one set of parts.
pub struct Orders {
    pool: PgPool,
    bell: Bell,
    gates: Vec<Gate>,
    /// Requests that are let go as soon as they come, without a choice.
    quiet: &'static [&'static str],
    parts: Vec<Part>,
    /// Backends that were seen to wait for a lock.
    waiting: Vec<i32>,
    /// The first choices of this round.
    prefix: Vec<usize>,
    trail: Vec<Choice>,
    /// Where this round could not follow its prefix: which of two requests the server lets go first is its own affair.
    diverged: Option<usize>,
    steps: Vec<String>,
    played: usize,
}

struct Part {
    name: &'static str,
    gate: usize,
    over: Arc<AtomicBool>,
}

/// A point at which several parts could go on.
struct Choice {
    possible: Vec<usize>,
    chosen: usize,
}

/// Where a part stands once nothing moves by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
enum At {
    Held(String),
    Running(i32),
    Thinking,
    Over,
}

/// Sets its flag and rings, also when its part panics.
struct Over(Arc<AtomicBool>, Bell);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
        self.1.notify_one();
    }
}

impl Orders {
    /// Orders of parts that talk over these wires, one part over each. The pool goes past them, and sees who waits for whom.
    pub fn new(pool: &PgPool, wires: &[&Wire]) -> Self {
        let bell = Bell::default();
        Self {
            pool: pool.clone(),
            gates: wires.iter().map(|wire| wire.gate(&bell)).collect(),
            bell,
            quiet: &[],
            parts: Vec::new(),
            waiting: Vec::new(),
            prefix: Vec::new(),
            trail: Vec::new(),
            diverged: None,
            steps: Vec::new(),
            played: 0,
        }
    }

    /// Takes requests of these names together with what their part did before: for those that change nothing for others, where
    /// the orders would be too many.
    #[must_use]
    pub fn quiet(mut self, quiet: &'static [&'static str]) -> Self {
        self.quiet = quiet;
        self
    }

    /// Begins a round with an order that was not played yet. False when there is none.
    pub fn begin(&mut self) -> bool {
        self.parts.clear();
        self.steps.clear();
        let first = self.played == 0;
        self.trail.truncate(self.diverged.take().unwrap_or(usize::MAX));
        let mut trail = std::mem::take(&mut self.trail);
        while let Some(last) = trail.pop() {
            if let Some(other) = last.possible.iter().find(|part| **part > last.chosen) {
                self.prefix = trail.iter().map(|choice| choice.chosen).chain([*other]).collect();
                return true;
            }
        }
        first
    }

    /// Whether, in this round, one request was let go before the other: each reads `PART REQUEST`.
    pub fn came_before(&self, one: &str, other: &str) -> bool {
        let place = |step: &str| self.steps.iter().position(|done| done == step);
        place(one).is_some_and(|one| place(other).is_none_or(|other| one < other))
    }

    /// How many orders were played.
    pub fn played(&self) -> usize {
        self.played
    }

    /// One part of this round, over the wire of this number: it starts at once, and is held at its first request.
    pub fn part<T: Send + 'static>(
        &mut self,
        wire: usize,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let over = Arc::new(AtomicBool::new(false));
        let end = Over(over.clone(), self.bell.clone());
        self.parts.push(Part { name, gate: wire, over });
        tokio::spawn(async move {
            let done = work.await;
            drop(end);
            done
        })
    }

    /// Lets the parts run to their ends.
    pub async fn play(&mut self) {
        self.played += 1;
        assert!(self.played <= ORDERS_MAX, "more than {ORDERS_MAX} orders");
        self.run().await;
    }

    /// After the play of a round, one part more by itself: there is no choice.
    pub async fn alone<T: Send + 'static>(
        &mut self,
        wire: usize,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        self.parts.clear();
        let part = self.part(wire, name, work);
        self.run().await;
        part.await.expect("no part panics")
    }

    async fn run(&mut self) {
        loop {
            let stands = self.settled().await;
            let held = |at: &At| matches!(at, At::Held(_));
            let quiet =
                stands.iter().position(|at| matches!(at, At::Held(name) if self.quiet.contains(&name.as_str())));
            let possible: Vec<usize> = (0..stands.len()).filter(|part| held(&stands[*part])).collect();
            let Some(part) = quiet.or_else(|| (!possible.is_empty()).then(|| self.choose(possible))) else {
                if stands.iter().all(|at| *at == At::Over) {
                    return;
                }
                // All wait for each other; the server will end that.
                timeout(DEADLINE, self.bell.notified()).await.unwrap_or_else(|_| panic!("stuck: {self}"));
                continue;
            };
            let part = &self.parts[part];
            if let Some(name) = self.gates[part.gate].release() {
                self.steps.push(format!("{} {name}", part.name));
            }
        }
    }

    fn choose(&mut self, possible: Vec<usize>) -> usize {
        let at = self.trail.len();
        let wanted = self.prefix.get(at).copied().filter(|_| self.diverged.is_none());
        let chosen = match wanted {
            Some(wanted) if possible.contains(&wanted) => wanted,
            Some(_) => {
                self.diverged = Some(at);
                possible[0]
            }
            None => possible[0],
        };
        self.trail.push(Choice { possible, chosen });
        chosen
    }

    /// Where the parts stand once each is held, over, or waits for a lock.
    async fn settled(&mut self) -> Vec<At> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let stands: Vec<At> = self.parts.iter().map(|part| self.stand(part)).collect();
            let pids = running(&stands);
            if pids.is_empty() && !stands.contains(&At::Thinking) {
                return stands;
            }
            // Who waited before does so still, most of the time.
            let waited = !pids.is_empty() && pids.iter().all(|pid| self.waiting.contains(pid));
            let patience = if waited { Duration::ZERO } else { PATIENCE };
            let rung = timeout(patience, self.bell.notified()).await.is_ok();
            if !rung && !stands.contains(&At::Thinking) && self.all_wait(&pids).await {
                self.waiting = pids;
                return stands;
            }
            self.waiting.clear();
            assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {stands:?} after {self}");
        }
    }

    fn stand(&self, part: &Part) -> At {
        // Asked first: a part that is over sends nothing more, but for the rollback of what it dropped.
        let over = part.over.load(Ordering::SeqCst);
        match self.gates[part.gate].stand() {
            Stand::Held(name) => At::Held(name),
            Stand::Running(_, pid) => At::Running(pid),
            Stand::Idle if over => At::Over,
            Stand::Idle | Stand::Open => At::Thinking,
        }
    }

    /// Whether each of these backends waits for a lock that another holds. None of the holders moves, or it would be among those
    /// that are asked about and not wait.
    async fn all_wait(&self, pids: &[i32]) -> bool {
        let sql =
            "select coalesce(bool_and(cardinality(pg_blocking_pids(pid)) > 0), false) from unnest($1::int[]) as pid";
        let waiting = sqlx::query_scalar(sql).bind(pids).fetch_one(&self.pool).await;
        waiting.unwrap_or_else(|error| panic!("the locks cannot be looked at: {error}"))
    }
}

fn running(stands: &[At]) -> Vec<i32> {
    let pid = |at: &At| match at {
        At::Running(pid) => Some(*pid),
        At::Held(_) | At::Thinking | At::Over => None,
    };
    stands.iter().filter_map(pid).collect()
}

/// The order that was played, as far as it got.
impl fmt::Display for Orders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.steps.join(", "))
    }
}
