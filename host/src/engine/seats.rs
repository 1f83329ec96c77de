//! Instances that this host claims in the statement that makes them runnable: at their start, or by the signal that they wait for.
//!
//! A claim of its own would find nothing else there: the picker knows of nothing that waits, and has room.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use gd_core::{Version, WorkerId};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::held::Claiming;
use super::incarnation::{Incarnation, Incarnations};
use super::launcher::{Company, Launcher};
use super::slots::Slot;
use crate::failpoint::{self, Failpoint};
use crate::store::Claimed;
use crate::telemetry::metrics as names;

/// Of how many places more than one has to be free. Chosen: as where a host counts as busy, and shares what it has among lanes.
const FREE_SHARE: u32 = 4;

/// Where seats are taken.
pub(super) struct Seats {
    /// `None` where this host runs nothing, and from when it stops on.
    launcher: Mutex<Option<Launcher>>,
    incarnations: Incarnations,
}

impl Seats {
    pub(super) fn new(launcher: Option<Launcher>, incarnations: Incarnations) -> Self {
        Self { launcher: Mutex::new(launcher), incarnations }
    }

    /// A seat for an instance of this queue and version. `None` where it had better wait in its lane: something may wait there before it, or
    /// the host has little room, runs something alone, has no lease at present, stops, or cannot load that version.
    pub(super) fn take(&self, queue: i32, (fsm, version): (i32, Version)) -> Option<Seat> {
        let launcher = self.with(|launcher| launcher.clone())?;
        // From here on the host does not stop without it; where it does already, there is none.
        let counted = launcher.runners.token();
        let incarnation = self.incarnations.borrow().clone()?;
        if launcher.closing.is_cancelled()
            || incarnation.interrupt.is_cancelled()
            || launcher.shared.registry.is_stalled(fsm, version)
        {
            return None;
        }
        if !launcher.shared.quiet.load(Ordering::Acquire) || launcher.shared.wakes.any() {
            return None;
        }
        let company = Company::new(launcher.shared.company.clone().try_read_owned().ok()?);
        let slot = launcher.shared.slots.spare(queue, FREE_SHARE)?;
        let claiming = launcher.shared.held.claiming();
        Some(Seat { launcher, incarnation, slot, company, claiming, counted })
    }

    /// No seat is taken any more.
    pub(super) fn close(&self) {
        drop(self.with(Option::take));
    }

    fn with<R>(&self, act: impl FnOnce(&mut Option<Launcher>) -> R) -> R {
        act(&mut self.launcher.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A place for one instance, while the statement that claims it is under way. Given back when it is dropped; what was claimed for it then
/// is found as owned and not held.
pub struct Seat {
    launcher: Launcher,
    incarnation: Incarnation,
    slot: Slot,
    company: Company,
    claiming: Claiming,
    counted: TaskTrackerToken,
}

impl Seat {
    /// The owner to be written into the instance, with a claim one above that which stands there.
    pub fn worker(&self) -> WorkerId {
        self.incarnation.worker
    }

    /// Runs the instance that was claimed.
    pub fn run(self, claimed: Claimed) {
        let Self { launcher, incarnation, slot, company, claiming, counted } = self;
        launcher.shared.claimed.fetch_add(1, Ordering::Relaxed);
        let queue = launcher.shared.slots.name(claimed.lane.queue).to_owned();
        metrics::counter!(names::SEATED, "queue" => queue).increment(1);
        failpoint::pass(Failpoint::AfterClaim);
        launcher.launch(&incarnation, claimed, slot, company);
        drop((claiming, counted));
    }
}
