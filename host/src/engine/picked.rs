//! Tells of claims: how much was asked for, and how much was there.

use std::collections::BTreeMap;
use std::time::Duration;

use gd_core::{Lane, WorkerId};
use metrics::{Histogram, counter, histogram};

use super::micros;
use super::slots::Slots;
use crate::telemetry::metrics as names;

/// Where claims are told of.
pub(super) struct Told {
    seconds: Histogram,
}

impl Told {
    pub(super) fn new() -> Self {
        Self { seconds: histogram!(names::PICK) }
    }

    /// One claim was answered.
    pub(super) fn claim(&self, slots: &Slots, worker: WorkerId, shares: &[(Lane, u32)], given: &[u32], time: Duration) {
        self.seconds.record(time);
        let mut queues: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for ((lane, asked), given) in shares.iter().zip(given) {
            let (count, demand) = queues.entry(slots.name(lane.queue)).or_default();
            *count += given;
            *demand += asked;
        }
        for (queue, (count, demand)) in queues {
            counter!(names::PICKED, "queue" => queue.to_owned()).increment(u64::from(count));
            counter!(names::PICK_DEMAND, "queue" => queue.to_owned()).increment(u64::from(demand));
            tracing::trace!(%worker, queue, count, demand, duration_us = micros(time), "pick.stop");
        }
    }
}
