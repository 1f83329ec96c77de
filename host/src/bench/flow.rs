//! Work that goes on for a while: a feeder sees to it that instances are waiting at any time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use gd_core::InstanceId;

use super::cost::{Before, Cost};
use super::history::{self, Stretch};
use super::machine::Machine;
use super::seed::seed;
use super::subject::Subject;
use super::{Error, proc};

/// Parts of the line: when the first of them has been taken, another is put at the end.
const PARTS: u32 = 4;
/// Time between looks at the line.
const LOOK: Duration = Duration::from_millis(20);

/// What went on in the meantime.
pub(super) struct Flow {
    /// From the first instance on, between start and end.
    pub(super) stretch: Stretch,
    /// Instances that were put in line.
    pub(super) instances: u64,
    /// One of the last of them.
    pub(super) last: InstanceId,
    /// Time and CPU; the feeder's is in that of Postgres.
    pub(super) cost: Cost,
    /// CPU of the feeder's own server process.
    pub(super) feeder: Option<Duration>,
    /// Write-ahead log, that of the feeder too.
    pub(super) wal_bytes: f64,
    /// Before and after.
    pub(super) room: [Room; 2],
}

/// How much room things take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Resident memory of this process.
    pub(super) memory: Option<u64>,
    /// Bytes of the table of live instances.
    pub(super) table: f64,
    /// Bytes of its indexes.
    pub(super) indexes: f64,
}

/// Keeps about so many instances waiting for so long; they are still there when it ends.
pub(super) async fn flow(
    subject: &mut Subject,
    machine: &Machine,
    waiting: u32,
    time: Duration,
) -> Result<Flow, Error> {
    let part = waiting.div_ceil(PARTS);
    let pid = subject.session.ask("select pg_backend_pid()").await?.parse().unwrap_or_default();
    let mut line = VecDeque::new();
    subject.session.ask("begin").await?;
    let [first, _] = seed(&mut subject.session, 1).await?;
    for _ in 0..PARTS {
        line.push_back(seed(&mut subject.session, part).await?[1]);
    }
    let room_before = room(subject).await?;
    let wal_before = subject.wal().await?;
    subject.session.ask("commit").await?;
    let (before, feeder) = (Before::now(subject.postmaster), proc::of_process(pid));
    let from = history::now(&mut subject.session).await?;
    subject.queue(machine).await?;
    let end = Instant::now() + time;
    let mut parts = u64::from(PARTS);
    while Instant::now() < end {
        if taken(subject, line.front().copied()).await? {
            line.pop_front();
            line.push_back(seed(&mut subject.session, part).await?[1]);
            parts += 1;
        } else {
            tokio::time::sleep(LOOK.min(end - Instant::now().min(end))).await;
        }
    }
    let until = history::now(&mut subject.session).await?;
    let cost = before.cost();
    let feeder = feeder.and_then(|before| Some(proc::of_process(pid)?.saturating_sub(before)));
    let wal_bytes = subject.wal().await? - wal_before;
    Ok(Flow {
        stretch: Stretch { first, from, until },
        // Those in line, the one before them, and the one with which the host learnt of them.
        instances: parts * u64::from(part) + 2,
        last: line.back().copied().unwrap_or(first),
        cost,
        feeder: feeder.filter(|_| subject.postmaster.is_some()),
        wal_bytes,
        room: [room_before, room(subject).await?],
    })
}

/// Whether an instance waits no longer. A lane is taken in its order: with it everything before it is gone.
async fn taken(subject: &mut Subject, id: Option<InstanceId>) -> Result<bool, Error> {
    let Some(id) = id else { return Ok(true) };
    let sql = format!("select not exists (select from gd.instance where id = {id} and status = 0)");
    Ok(subject.session.ask(&sql).await? == "t")
}

async fn room(subject: &mut Subject) -> Result<Room, Error> {
    let sql = "select pg_table_size('gd.instance'), pg_indexes_size('gd.instance')";
    let [table, indexes] = subject.session.numbers(sql).await?;
    Ok(Room { memory: proc::resident_memory(), table, indexes })
}
