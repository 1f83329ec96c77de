//! Many instances that are all there when the clock starts: what W1, W1b and W7 are made of.

use super::cost::{Before, Cost};
use super::history::{Durations, Stretch};
use super::machine::Machine;
use super::samples::Samples;
use super::seed::seed;
use super::subject::Subject;
use super::{Error, Yardstick, check};

/// What a burst has come to.
pub(super) struct Burst {
    /// Time and CPU.
    pub(super) cost: Cost,
    /// Steps that were committed.
    pub(super) steps: f64,
    /// Write-ahead log of all of them.
    pub(super) wal_bytes: f64,
    /// Statements of the host, where the server counts them.
    pub(super) statements: Option<f64>,
    /// How long the steps took.
    pub(super) durations: Durations,
}

/// Inserts instances in one transaction, whose commit starts the clock, and waits until all of them are done.
pub(super) async fn burst(subject: &mut Subject, machine: &Machine, instances: u32) -> Result<Burst, Error> {
    subject.settle().await?;
    let hosts = subject.others.len() as u32 + 1;
    subject.session.ask("begin").await?;
    let [first, last] = seed(&mut subject.session, instances - hosts).await?;
    let wal_before = subject.wal().await?;
    if let Some(statements) = &mut subject.statements {
        statements.before().await?;
    }
    subject.session.ask("commit").await?;
    let before = Before::now(subject.postmaster);
    // The last ones come through the hosts, which learn with them that there is work.
    subject.queue_everywhere(machine).await?;
    subject.through(last).await?;
    let cost = before.cost();
    let wal_bytes = subject.wal().await? - wal_before;
    let steps = check::all_done(&mut subject.session, first, instances.into(), machine.steps).await?;
    let statements = match &mut subject.statements {
        Some(statements) => Some(statements.after(steps).await?),
        None => None,
    };
    let durations = Stretch::since(first).durations(&mut subject.session).await?;
    Ok(Burst { cost, steps, wal_bytes, statements, durations })
}

impl Burst {
    /// The figures of it, those first that it is about.
    pub(super) fn add(&self, yardstick: Option<Yardstick>, samples: &mut Samples) {
        let Self { cost, steps, wal_bytes, statements, durations } = self;
        add_cost(cost, *steps, yardstick, samples);
        samples.add("sandbox_cpu_us_per_step", "of which in the sandbox", "us/step", durations.sandbox_cpu_us);
        samples.add("wal_bytes_per_step", "WAL", "B/step", wal_bytes / steps);
        samples.add_known(
            "statements_per_step",
            "statements of the host",
            "1/step",
            statements.map(|sent| sent / steps),
        );
        durations.add(samples);
    }
}

/// Throughput, its ratio to pgbench, and the CPU of both sides per step.
pub(super) fn add_cost(cost: &Cost, steps: f64, yardstick: Option<Yardstick>, samples: &mut Samples) {
    let rate = steps / cost.took.as_secs_f64();
    samples.add("steps_per_s", "steps", "1/s", rate);
    samples.add_known("ratio_to_pgbench", "steps / pgbench", "x", yardstick.map(|yardstick| rate / yardstick.tps));
    samples.add_known("host_cpu_us_per_step", "CPU of the host", "us/step", cost.host_us_per(steps));
    samples.add_known("pg_cpu_us_per_step", "CPU of Postgres", "us/step", cost.postgres_us_per(steps));
}
