//! Which instances this host holds in memory: what it owns in the database beyond these is given back.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use gd_core::{Claim, InstanceId};
use tokio_util::sync::CancellationToken;

/// The instances that run here. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Held(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// The claims under which an instance's runners began. More than one for a moment: an instance may be claimed again before
    /// the runner that let go of it is through.
    claims: Mutex<HashMap<InstanceId, Vec<Runner>>>,
    underway: Mutex<Underway>,
}

/// Claims that have begun, numbered, and those of them that were not answered yet.
#[derive(Default)]
struct Underway {
    begun: u64,
    open: BTreeSet<u64>,
}

/// One runner's hold.
struct Runner {
    claim: Claim,
    interrupt: CancellationToken,
}

impl Held {
    /// Holds an instance until the guard is dropped; `interrupt` ends its guest. `None` when a runner holds it under this very claim: the server crashed and
    /// forgot that claim, and has given it out once more; the runner that has it goes on.
    pub(super) fn hold(&self, id: InstanceId, claim: Claim, interrupt: CancellationToken) -> Option<Hold> {
        self.with(|held| {
            let runners = held.entry(id).or_default();
            if runners.iter().any(|runner| runner.claim == claim) {
                return None;
            }
            runners.push(Runner { claim, interrupt });
            Some(Hold { held: self.clone(), id, claim })
        })
    }

    /// Ends the guests of an instance that is no longer this host's business.
    pub(super) fn interrupt(&self, id: InstanceId) {
        self.with(|held| held.get(&id).into_iter().flatten().for_each(|runner| runner.interrupt.cancel()));
    }

    pub(super) fn contains(&self, id: InstanceId) -> bool {
        self.with(|held| held.contains_key(&id))
    }

    /// Marks a claim that is under way: what it takes is not held yet.
    pub(super) fn claiming(&self) -> Claiming {
        let number = self.underway(|claims| {
            claims.begun += 1;
            claims.open.insert(claims.begun);
            claims.begun
        });
        Claiming { held: self.clone(), number }
    }

    /// How many claims have begun so far.
    pub(super) fn claims_begun(&self) -> u64 {
        self.underway(|claims| claims.begun)
    }

    /// How many of the first were answered without one in between that was not: what they took is held.
    pub(super) fn claims_answered(&self) -> u64 {
        self.underway(|claims| claims.open.first().map_or(claims.begun, |oldest| oldest - 1))
    }

    fn underway<R>(&self, act: impl FnOnce(&mut Underway) -> R) -> R {
        act(&mut self.0.underway.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<InstanceId, Vec<Runner>>) -> R) -> R {
        act(&mut self.0.claims.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Keeps an instance in the set.
pub(super) struct Hold {
    held: Held,
    id: InstanceId,
    claim: Claim,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.with(|held| {
            let Some(runners) = held.get_mut(&self.id) else { return };
            runners.retain(|runner| runner.claim != self.claim);
            if runners.is_empty() {
                held.remove(&self.id);
            }
        });
    }
}

/// A claim that is under way, until it is dropped.
pub(super) struct Claiming {
    held: Held,
    number: u64,
}

impl Drop for Claiming {
    fn drop(&mut self) {
        self.held.underway(|claims| claims.open.remove(&self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_one_runner_leaves_the_hold_of_the_next() {
        let (held, id) = (Held::default(), InstanceId(7));
        let first = held.hold(id, Claim(1), CancellationToken::new());
        let second = held.hold(id, Claim(3), CancellationToken::new());
        drop(first);
        assert!(held.contains(id));
        drop(second);
        assert!(!held.contains(id));
    }

    #[test]
    fn a_claim_that_takes_long_is_not_made_up_for_by_quick_ones() {
        let held = Held::default();
        let slow = held.claiming();
        for _ in 0..3 {
            drop(held.claiming());
        }
        assert_eq!((held.claims_begun(), held.claims_answered()), (4, 0));
        drop(slow);
        assert_eq!((held.claims_begun(), held.claims_answered()), (4, 4));
    }

    #[test]
    fn a_claim_that_is_given_out_twice_starts_one_runner() {
        let (held, id) = (Held::default(), InstanceId(7));
        let first = held.hold(id, Claim(5), CancellationToken::new());
        assert!(first.is_some() && held.hold(id, Claim(5), CancellationToken::new()).is_none());
        drop(first);
        assert!(held.hold(id, Claim(5), CancellationToken::new()).is_some());
    }
}
