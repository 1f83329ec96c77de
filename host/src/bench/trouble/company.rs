//! Troubles that are instances themselves, among the ordinary ones.

use std::time::Duration;

use serde_json::json;

use crate::bench::Error;
use crate::bench::machine::Machine;
use crate::bench::subject::{Subject, start as start_of};
use crate::cli::Trouble;
use crate::host::Start;

/// Slow instances at a time, a quarter of the places of a host.
const SLOW: u32 = 64;
/// How long each of them waits in its step.
const NAP: Duration = Duration::from_secs(10);
/// Instances with a large state in ten seconds, evenly spread.
const LARGE: u32 = 100;
/// The state that each of them makes.
const LARGE_BYTES: u32 = 1 << 20;
/// The time that both numbers are for.
const SPAN: Duration = Duration::from_secs(10);
/// Whether all that are due have begun.
const BEGUN: &str = "select not exists (select from gd.instance where status = 0 and eligible_at <= now())";

/// The machine of the company, if the trouble is one; its model does not wait.
pub(super) fn machine(trouble: Trouble) -> Option<Machine> {
    match trouble {
        Trouble::SlowGuest => Some(Machine::load("nap", 1, json!({ "ms": 1 }).to_string())),
        Trouble::LargeState => Some(Machine::load("grow", 2, json!({ "bytes": LARGE_BYTES }).to_string())),
        Trouble::Snapshot | Trouble::Checkpoints | Trouble::SlowDisk | Trouble::Remote => None,
    }
}

/// Starts as many as a stretch of this length is to have, each when it is due.
pub(super) async fn start(subject: &mut Subject, trouble: Trouble, time: Duration) -> Result<(), Error> {
    match trouble {
        Trouble::SlowGuest => slow(subject, time).await,
        _ => large(subject, time).await,
    }
}

/// Waves that follow each other; the stretch begins when the first is under way.
async fn slow(subject: &mut Subject, time: Duration) -> Result<(), Error> {
    let nap = NAP.min(time);
    let machine = Machine::load("nap", 1, json!({ "ms": nap.as_millis() as u64 }).to_string());
    let waves = time.as_millis().div_ceil(nap.as_millis()) as u32;
    let due = (0..waves * SLOW).map(|number| nap * (number / SLOW));
    start_all(subject, &machine, due).await?;
    subject.until(BEGUN).await
}

async fn large(subject: &mut Subject, time: Duration) -> Result<(), Error> {
    let machine = Machine::load("grow", 2, json!({ "bytes": LARGE_BYTES }).to_string());
    let apart = SPAN / LARGE;
    let number = (time.as_millis() / apart.as_millis()) as u32;
    start_all(subject, &machine, (0..number).map(|number| apart * number)).await
}

async fn start_all(subject: &Subject, machine: &Machine, due: impl Iterator<Item = Duration>) -> Result<(), Error> {
    let one = start_of(machine);
    let starts = due.map(|due| Start { delay_ms: due.as_millis() as u64, ..one.clone() }).collect();
    subject.host.start_many(subject.tenant, starts).await?.into_iter().try_for_each(|started| started.map(drop))?;
    Ok(())
}
