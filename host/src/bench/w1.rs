//! W1: how many steps a second, and what each costs.

use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};
use gd_core::InstanceId;

use super::cost::Before;
use super::samples::Samples;
use super::subject::Subject;
use super::{Error, Yardstick};

/// Steps of one instance: four `next`, and the one that is done.
const STEPS: u32 = 5;
/// Callers that start instances at the same time, where starting is part of the work.
const CALLERS: usize = 16;

/// Adds rows that nobody sees before `commit`: copies of the instance `:model`, as it was at its start.
const SEED: &str = "
begin;
with seeded as (
    insert into gd.instance (tenant_id, fsm_id, queue_id, version, step, state)
    select tenant_id, fsm_id, queue_id, version, 'receive', convert_to(:'state', 'UTF8')
    from gd.finished cross join generate_series(1, :rows)
    where id = :model
    returning id
)
select min(id), max(id) from seeded";

/// One round: instances that wait already, then as many that are started one by one.
pub(super) async fn round(
    subject: &mut Subject,
    instances: u32,
    yardstick: Option<Yardstick>,
) -> Result<Samples, Error> {
    let mut samples = Samples::default();
    waiting(subject, instances, yardstick, &mut samples).await?;
    started(subject, instances, yardstick, &mut samples).await?;
    Ok(samples)
}

/// Instances that are all there when the clock starts.
async fn waiting(
    subject: &mut Subject,
    instances: u32,
    yardstick: Option<Yardstick>,
    samples: &mut Samples,
) -> Result<(), Error> {
    subject.settle().await?;
    subject.session.set("rows", &(instances - 1).to_string()).await?;
    let seeded: [f64; 2] = subject.session.numbers(SEED).await?;
    let [first, last] = seeded.map(|id| InstanceId(id as i64));
    let wal_before = wal(subject).await?;
    subject.session.ask("commit").await?;
    let before = Before::now(subject.postmaster);
    // The last one comes as any would: with it the host learns that there is work.
    subject.begin(None).await?;
    subject.through(last).await?;
    let cost = before.cost();
    let wal_bytes = wal(subject).await? - wal_before;
    let steps = check(subject, first, instances).await?;
    let durations = durations(subject, first).await?;
    let rate = steps / cost.took.as_secs_f64();
    let micros_per_step = |cpu: std::time::Duration| cpu.as_secs_f64() * 1e6 / steps;
    samples.add("steps_per_s", "steps", "1/s", rate);
    samples.add_known("steps_x_pgbench", "steps / pgbench", "x", yardstick.map(|yardstick| rate / yardstick.tps));
    samples.add_known("host_cpu_us_per_step", "CPU of the host", "us/step", cost.host.map(micros_per_step));
    samples.add("sandbox_cpu_us_per_step", "of which in the sandbox", "us/step", durations.sandbox_cpu_us);
    samples.add_known("postgres_cpu_us_per_step", "CPU of Postgres", "us/step", cost.postgres.map(micros_per_step));
    samples.add("wal_bytes_per_step", "WAL", "B/step", wal_bytes / steps);
    let Durations { run_us, between_ms, .. } = durations;
    samples.add("step_us_p50", "a step in its sandbox, p50", "us", run_us[0]);
    samples.add("step_us_p99", "a step in its sandbox, p99", "us", run_us[1]);
    samples.add("commit_to_commit_ms_p50", "a step from commit to commit, p50", "ms", between_ms[0]);
    samples.add("commit_to_commit_ms_p99", "a step from commit to commit, p99", "ms", between_ms[1]);
    samples.add_known("other_cpu_percent", "CPU of others meanwhile", "%", cost.others_percent);
    Ok(())
}

/// The same number, but started through the host while it works.
async fn started(
    subject: &mut Subject,
    instances: u32,
    yardstick: Option<Yardstick>,
    samples: &mut Samples,
) -> Result<(), Error> {
    subject.settle().await?;
    let clock = Instant::now();
    let starts = stream::iter(0..instances).map(|_| subject.begin(None)).buffer_unordered(CALLERS);
    let ids: Vec<InstanceId> = starts.try_collect().await?;
    let (Some(first), Some(last)) = (ids.iter().min().copied(), ids.iter().max().copied()) else { return Ok(()) };
    subject.through(last).await?;
    let took = clock.elapsed();
    let rate = check(subject, first, instances).await? / took.as_secs_f64();
    samples.add("started_steps_per_s", "steps, starts included", "1/s", rate);
    let ratio = yardstick.map(|yardstick| rate / yardstick.tps);
    samples.add_known("started_steps_x_pgbench", "the same / pgbench", "x", ratio);
    Ok(())
}

/// The steps that were run, if every instance from `first` on is done and took its steps once.
async fn check(subject: &mut Subject, first: InstanceId, instances: u32) -> Result<f64, Error> {
    let done: u64 = subject
        .session
        .number(&format!("select count(*) from gd.finished where id >= {first} and status = 10"))
        .await?;
    let steps: u64 =
        subject.session.number(&format!("select count(*) from gd.attempt where instance_id >= {first}")).await?;
    let instances = u64::from(instances);
    for (what, found, expected) in
        [("instances that are done", done, instances), ("steps that were run", steps, instances * u64::from(STEPS))]
    {
        if found != expected {
            return Err(Error::Wrong { what, found, expected });
        }
    }
    Ok(steps as f64)
}

/// How long steps took: median and 99th percentile.
struct Durations {
    /// In the sandbox, on average.
    sandbox_cpu_us: f64,
    /// The same on the wall.
    run_us: [f64; 2],
    /// From one commit of an instance to its next.
    between_ms: [f64; 2],
}

/// Out of the history.
async fn durations(subject: &mut Subject, first: InstanceId) -> Result<Durations, Error> {
    let sql = format!(
        "with step as (
            select duration_us, cpu_us,
                   extract(epoch from at - lag(at) over (partition by instance_id order by claim)) * 1000 as between_ms
            from gd.attempt
            where instance_id >= {first}
        )
        select avg(cpu_us), percentile_disc(0.5) within group (order by duration_us),
               percentile_disc(0.99) within group (order by duration_us),
               percentile_disc(0.5) within group (order by between_ms),
               percentile_disc(0.99) within group (order by between_ms)
        from step"
    );
    let [sandbox_cpu_us, run_50, run_99, between_50, between_99] = subject.session.numbers(&sql).await?;
    Ok(Durations { sandbox_cpu_us, run_us: [run_50, run_99], between_ms: [between_50, between_99] })
}

/// Bytes of write-ahead log that were ever written.
async fn wal(subject: &mut Subject) -> Result<f64, Error> {
    subject.session.number("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn").await
}
