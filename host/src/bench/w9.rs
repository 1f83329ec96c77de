//! W9: how many instances can be put in line a second, one by one and in batches. None of them runs meanwhile.

use futures::{StreamExt, TryStreamExt, stream};

use super::cost::Before;
use super::machine::Machine;
use super::run::Run;
use super::samples::Samples;
use super::subject::{Subject, start};
use super::{Error, Yardstick, check};
use crate::host::Start;

/// Callers that start instances one by one.
const CALLERS: usize = 16;
/// Instances of a batch: what one statement of the host takes.
const BATCH: u32 = 1_000;
/// Callers that start batches: alone, and as many at a time as there are connections to spare.
const BATCH_CALLERS: [usize; 2] = [1, 4];
/// How many times as many rows are started in batches: they take so little time that less could not be told from nothing.
const BATCH_ROWS: u32 = 5;
/// When they are due: not before all is over.
const DELAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// What was started.
const STARTED: &str = "select count(*) from gd.instance";

/// Every round.
pub(super) async fn measure(run: &Run<'_>, subject: &mut Subject) -> Result<Samples, Error> {
    let machine = Machine::order(run.args)?;
    subject.deploy(&machine).await?;
    let instances = run.instances();
    run.rounds(subject, "", async |subject, yardstick| round(subject, &machine, instances, yardstick).await).await
}

async fn round(
    subject: &mut Subject,
    machine: &Machine,
    instances: u32,
    yardstick: Option<Yardstick>,
) -> Result<Samples, Error> {
    let (mut samples, before) = (Samples::default(), Before::now(subject.postmaster));
    for callers in BATCH_CALLERS {
        let key = if callers == 1 { "batch".to_owned() } else { format!("batch_{callers}_callers") };
        let label = format!("in batches of {BATCH}, {callers} caller{}", if callers == 1 { "" } else { "s" });
        let rows = instances * BATCH_ROWS;
        let batches = inserted(subject, machine, rows, Way::Batches(callers), yardstick).await?;
        samples.append(batches.of(&key, &label));
    }
    let single = inserted(subject, machine, instances, Way::OneByOne, yardstick).await?;
    samples.append(single.of("single", &format!("one by one, {CALLERS} callers")));
    samples.add_known("other_cpu_percent", "CPU of others meanwhile", "%", before.cost().others_percent);
    Ok(samples)
}

/// How instances are started.
#[derive(Clone, Copy)]
enum Way {
    OneByOne,
    /// By so many callers.
    Batches(usize),
}

/// Starts as many as asked for, counts them, and removes them.
async fn inserted(
    subject: &mut Subject,
    machine: &Machine,
    instances: u32,
    way: Way,
    yardstick: Option<Yardstick>,
) -> Result<Samples, Error> {
    subject.tidy().await?;
    let one = Start { delay_ms: DELAY_MS, ..start(machine) };
    let (wal_before, before) = (subject.wal().await?, Before::now(subject.postmaster));
    match way {
        Way::OneByOne => one_by_one(subject, &one, instances).await?,
        Way::Batches(callers) => in_batches(subject, &one, instances, callers).await?,
    }
    let (cost, wal_bytes) = (before.cost(), subject.wal().await? - wal_before);
    check::equal("instances that were started", subject.session.number(STARTED).await?, instances.into())?;
    subject.session.ask("delete from gd.instance").await?;
    let rows = f64::from(instances);
    let rate = rows / cost.took.as_secs_f64();
    let mut samples = Samples::default();
    samples.add("rows_per_s", "rows", "1/s", rate);
    samples.add_known("ratio_to_pgbench", "rows / pgbench", "x", yardstick.map(|yardstick| rate / yardstick.tps));
    samples.add_known("host_cpu_us_per_row", "CPU of the host", "us/row", cost.host_us_per(rows));
    samples.add_known("pg_cpu_us_per_row", "CPU of Postgres", "us/row", cost.postgres_us_per(rows));
    samples.add("wal_bytes_per_row", "WAL", "B/row", wal_bytes / rows);
    Ok(samples)
}

async fn one_by_one(subject: &Subject, one: &Start, instances: u32) -> Result<(), Error> {
    let starts = stream::iter(0..instances).map(|_| subject.host.start(subject.tenant, one.clone()));
    starts.buffer_unordered(CALLERS).try_for_each(async |_| Ok(())).await?;
    Ok(())
}

async fn in_batches(subject: &Subject, one: &Start, instances: u32, callers: usize) -> Result<(), Error> {
    let sizes = (0..instances).step_by(BATCH as usize).map(|from| BATCH.min(instances - from));
    let batches =
        stream::iter(sizes).map(|size| subject.host.start_many(subject.tenant, vec![one.clone(); size as usize]));
    batches
        .buffer_unordered(callers)
        .try_for_each(async |told| told.into_iter().try_for_each(|started| started.map(drop)))
        .await?;
    Ok(())
}
