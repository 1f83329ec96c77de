//! W7: how the cost of a step grows with what else is in the database, and with the number of hosts.

use super::burst::{add_cost, burst};
use super::machine::Machine;
use super::run::Run;
use super::samples::Samples;
use super::subject::Subject;
use super::{Error, Yardstick, ballast};

/// Live rows of the smallest field, to which the others are compared.
const LIVE_MIN: u32 = 10_000;
/// Ended instances, where there are many.
const FINISHED: u32 = 1_000_000;

/// What is there while the burst runs.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Field {
    live: u32,
    finished: u32,
    hosts: u32,
}

/// All fields, those with the same rows one after the other, since rows are dear to make.
const FIELDS: [Field; 6] = [
    Field { live: LIVE_MIN, finished: 0, hosts: 1 },
    Field { live: LIVE_MIN, finished: 0, hosts: 2 },
    Field { live: LIVE_MIN, finished: 0, hosts: 4 },
    Field { live: LIVE_MIN, finished: FINISHED, hosts: 1 },
    Field { live: 100_000, finished: 0, hosts: 1 },
    Field { live: 1_000_000, finished: 0, hosts: 1 },
];

/// Every field that was asked for, with all its rounds.
pub(super) async fn measure(run: &Run<'_>, subject: &mut Subject) -> Result<Samples, Error> {
    let machine = Machine::order(run.args)?;
    subject.deploy(&machine).await?;
    let instances = run.instances();
    let mut samples = Samples::default();
    let mut there = Field { live: 0, finished: 0, hosts: 1 };
    let fields = fields(run.args.live, run.args.hosts);
    for field in fields.iter().copied() {
        run.progress.doing(format!("{}: putting its rows there", field.label()));
        change(subject, there, field).await?;
        there = field;
        let part = format!("{}, ", field.label());
        let measured = run
            .rounds(subject, &part, async |subject, yardstick| round(subject, &machine, instances, yardstick).await)
            .await?;
        samples.append(measured.of(&field.key(), &field.label()));
    }
    compare(&fields, &mut samples);
    sum_up(&fields, &mut samples);
    Ok(samples)
}

/// All fields, or the one that was named.
fn fields(live: Option<u32>, hosts: Option<u32>) -> Vec<Field> {
    match (live, hosts) {
        (None, None) => FIELDS.to_vec(),
        (live, hosts) => vec![Field { live: live.unwrap_or(LIVE_MIN), finished: 0, hosts: hosts.unwrap_or(1) }],
    }
}

async fn change(subject: &mut Subject, from: Field, to: Field) -> Result<(), Error> {
    if to.finished < from.finished {
        ballast::forget_finished(&mut subject.session).await?;
    }
    ballast::add_live(&mut subject.session, to.live.saturating_sub(from.live)).await?;
    ballast::add_finished(&mut subject.session, to.finished.saturating_sub(from.finished)).await?;
    subject.with_hosts(to.hosts).await?;
    subject.tidy().await
}

async fn round(
    subject: &mut Subject,
    machine: &Machine,
    instances: u32,
    yardstick: Option<Yardstick>,
) -> Result<Samples, Error> {
    let burst = burst(subject, machine, instances).await?;
    let mut samples = Samples::default();
    add_cost(&burst.cost, burst.steps, yardstick, &mut samples);
    let [host, postgres] = [burst.cost.host_us_per(burst.steps), burst.cost.postgres_us_per(burst.steps)];
    let both = host.and_then(|host| Some(host + postgres?));
    samples.add_known("cost_us_per_step", "CPU of both", "us/step", both);
    samples.add("wal_bytes_per_step", "WAL", "B/step", burst.wal_bytes / burst.steps);
    samples.add_known("other_cpu_percent", "CPU of others meanwhile", "%", burst.cost.others_percent);
    Ok(samples)
}

/// How much dearer a step is in each field than in the first, which is the smallest, and how much slower.
fn compare(fields: &[Field], samples: &mut Samples) {
    let Some((smallest, others)) = fields.split_first() else { return };
    for field in others {
        for (figure, name, label) in [
            ("cost_us_per_step", "cost_grown", "CPU per step, as a multiple of that of the smallest field"),
            ("steps_per_s", "speed_kept", "steps, as a multiple of those of the smallest field"),
        ] {
            let of = |field: &Field| samples.median(&format!("{}_{figure}", field.key()));
            let ratio = of(field).and_then(|here| Some(here / of(smallest)?));
            samples.add_known(format!("{}_{name}", field.key()), format!("{}: {label}", field.label()), "x", ratio);
        }
    }
}

/// What a report is doubted by, over all fields.
fn sum_up(fields: &[Field], samples: &mut Samples) {
    for (figure, label, unit) in [
        ("pgbench_tps", "pgbench -N -c 8, all fields", "1/s"),
        ("other_cpu_percent", "CPU of others meanwhile, all fields", "%"),
    ] {
        for field in fields {
            let median = samples.median(&format!("{}_{figure}", field.key()));
            samples.add_known(figure, label, unit, median);
        }
    }
}

impl Field {
    fn key(self) -> String {
        let finished = if self.finished > 0 { format!("_finished_{}", self.finished) } else { String::new() };
        let hosts = if self.hosts > 1 { format!("_hosts_{}", self.hosts) } else { String::new() };
        format!("live_{}{finished}{hosts}", self.live)
    }

    fn label(self) -> String {
        let finished = if self.finished > 0 { format!(", {} finished", self.finished) } else { String::new() };
        let hosts = if self.hosts > 1 { format!(", {} hosts", self.hosts) } else { String::new() };
        format!("{} live{finished}{hosts}", self.live)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_field_alone_is_measured_where_it_is_named() {
        assert_eq!(fields(None, None).len(), FIELDS.len());
        assert_eq!(fields(Some(500), None), [Field { live: 500, finished: 0, hosts: 1 }]);
        assert_eq!(fields(None, Some(2)), [FIELDS[1]]);
    }

    #[test]
    fn a_field_is_compared_to_the_smallest() {
        let mut samples = Samples::default();
        samples.add("live_10000_cost_us_per_step", "", "us/step", 40.0);
        samples.add("live_1000000_cost_us_per_step", "", "us/step", 50.0);
        samples.add("live_10000_pgbench_tps", "", "1/s", 8_000.0);
        compare(&FIELDS, &mut samples);
        sum_up(&FIELDS, &mut samples);
        assert_eq!(samples.median("live_1000000_cost_grown"), Some(1.25));
        assert_eq!(samples.median("live_100000_cost_grown"), None);
        assert_eq!(samples.median("pgbench_tps"), Some(8_000.0));
    }
}
