//! W3: one parent, its children, and the join.

use std::time::{Duration, Instant};

use serde_json::json;

use super::cost::Before;
use super::machine::Machine;
use super::run::Run;
use super::samples::Samples;
use super::stats::percentile;
use super::subject::Subject;
use super::{Error, Yardstick, check};

/// Parents of a round, one after the other: each takes a fraction of a second.
const PARENTS: u32 = 5;
/// What one outcome may start by the host's default limits.
const CHILDREN_MAX: u32 = 1_000;

/// Every round.
pub(super) async fn measure(run: &Run<'_>, subject: &mut Subject) -> Result<Samples, Error> {
    let children = run.instances();
    if children > CHILDREN_MAX {
        return Err(Error::Usage(format!("--instances is {children}, but a step may start {CHILDREN_MAX} children")));
    }
    let parent = Machine::load("fan", 2, json!({ "children": children }).to_string());
    subject.deploy(&parent).await?;
    run.rounds(subject, "", async |subject, yardstick| round(subject, &parent, children, yardstick).await).await
}

async fn round(
    subject: &mut Subject,
    parent: &Machine,
    children: u32,
    yardstick: Option<Yardstick>,
) -> Result<Samples, Error> {
    subject.settle().await?;
    let (mut times, before, wal_before) = (Vec::new(), Before::now(subject.postmaster), subject.wal().await?);
    for _ in 0..PARENTS {
        times.push(join(subject, parent, children).await?);
    }
    let (cost, wal_bytes) = (before.cost(), subject.wal().await? - wal_before);
    let millis: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1_000.0).collect();
    let mut samples = Samples::default();
    let all = f64::from(children * PARENTS);
    if let Some(millis) = percentile(&millis, 50) {
        samples.add("fan_ms", "from the parent's start to its result", "ms", millis);
        let per_second = f64::from(children) / (millis / 1_000.0);
        let ratio = yardstick.map(|yardstick| per_second / yardstick.tps);
        samples.add_known("children_per_transaction", "children per transaction of pgbench", "x", ratio);
    }
    samples.add_known("host_cpu_us_per_child", "CPU of the host", "us/child", cost.host_us_per(all));
    samples.add_known("pg_cpu_us_per_child", "CPU of Postgres", "us/child", cost.postgres_us_per(all));
    samples.add("wal_bytes_per_child", "WAL", "B/child", wal_bytes / all);
    samples.add_known("other_cpu_percent", "CPU of others meanwhile", "%", cost.others_percent);
    Ok(samples)
}

/// From the start of one parent to its result, which is how many of its children are done.
async fn join(subject: &Subject, parent: &Machine, children: u32) -> Result<Duration, Error> {
    let clock = Instant::now();
    let id = subject.begin(parent).await?;
    let ended = subject.result(id).await?;
    let took = clock.elapsed();
    let counted = ended.result.as_deref().and_then(|result| serde_json::from_slice(result).ok());
    check::equal("children that the parent has seen to be done", counted.unwrap_or_default(), children.into())?;
    Ok(took)
}
