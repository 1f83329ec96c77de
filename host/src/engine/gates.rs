//! Gives free slots of concurrency keys to those that wait for one: whenever a key is left word of, and in a sweep as the floor.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::waits::Waits;
use crate::store::{Error, Key};
use crate::telemetry::metrics as names;

/// Time between sweeps over all keys that somebody waits for.
const SWEEP: Duration = Duration::from_secs(1);
/// Keys that one transaction decides about at most: each takes an entry of the server's lock table.
const KEYS_MAX: usize = 200;
/// Keys that one statement of the sweep looks at.
const SCAN_MAX: i64 = 500;
/// How long a slot stays reserved for a row that nobody claims, while others wait. Chosen: longer than any poll.
const RESERVED: Duration = Duration::from_secs(6);
/// Reservations that one sweep takes back at most.
const RESERVED_MAX: i64 = 500;
/// Waits after a database that does not answer: first and longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Where word is left of keys with a slot that may be free. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Gates(Arc<Inner>);

#[derive(Default)]
struct Inner {
    keys: Mutex<BTreeSet<Key>>,
    notify: Notify,
}

impl Gates {
    /// Somebody may wait for a free slot of this key.
    pub(super) fn look(&self, key: Key) {
        self.with(|keys| keys.insert(key));
        self.0.notify.notify_one();
    }

    fn take(&self) -> Vec<Key> {
        self.with(|keys| {
            let rest = keys.iter().nth(KEYS_MAX).cloned().map(|first| keys.split_off(&first)).unwrap_or_default();
            std::mem::replace(keys, rest).into_iter().collect()
        })
    }

    fn with<R>(&self, act: impl FnOnce(&mut BTreeSet<Key>) -> R) -> R {
        act(&mut self.0.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(super) async fn run(shared: Arc<Shared>, closing: CancellationToken) {
    let mut ticks = tokio::time::interval_at(Instant::now() + SWEEP, SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let waits = || Waits::new(BACKOFF.0, BACKOFF.1, shared.nonce);
    let mut wait = waits();
    loop {
        let keys = shared.gates.take();
        let looked = if keys.is_empty() {
            tokio::select! {
                () = shared.gates.0.notify.notified() => Ok(()),
                _ = ticks.tick() => sweep(&shared).await,
                () = closing.cancelled() => return,
            }
        } else {
            promote(&shared, &keys).await.inspect_err(|_| keys.into_iter().for_each(|key| shared.gates.look(key)))
        };
        match looked {
            Ok(()) => wait = waits(),
            Err(error) => {
                tracing::warn!(%error, "concurrency: free slots are not given out now");
                tokio::select! {
                    () = tokio::time::sleep(wait.next()) => {}
                    () = closing.cancelled() => return,
                }
            }
        }
    }
}

async fn promote(shared: &Shared, keys: &[Key]) -> Result<(), Error> {
    let moved = shared.store.promote(keys).await?;
    metrics::counter!(names::PROMOTED).increment(moved.len() as u64);
    moved.into_iter().for_each(|moved| shared.waits_at(moved.place, Duration::ZERO));
    Ok(())
}

async fn sweep(shared: &Shared) -> Result<(), Error> {
    let mut after = Key { tenant: i32::MIN, key: String::new() };
    let mut contended = 0u32;
    loop {
        let keys = shared.store.waiting_keys(&after, SCAN_MAX).await?;
        let more = keys.len() as i64 == SCAN_MAX;
        if let Some((last, _)) = keys.last() {
            after = last.clone();
        }
        for (key, free) in keys {
            contended += u32::from(!free);
            if free {
                shared.gates.look(key);
            }
        }
        if !more {
            break;
        }
    }
    metrics::gauge!(names::CONTENDED).set(f64::from(contended));
    let moved = shared.store.take_back_reservations(RESERVED_MAX, RESERVED).await?;
    moved.into_iter().for_each(|moved| shared.waits_at(moved.place, Duration::ZERO));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_looked_at_once_each_and_in_bounded_numbers() {
        let gates = Gates::default();
        for n in 0..KEYS_MAX + 5 {
            let key = Key { tenant: 1, key: format!("{n:04}") };
            gates.look(key.clone());
            gates.look(key);
        }
        assert_eq!(gates.take().len(), KEYS_MAX);
        assert_eq!(gates.take().len(), 5);
        assert!(gates.take().is_empty());
    }
}
