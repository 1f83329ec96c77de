//! W1 and W1b over minutes: whether the host keeps its speed, and its room, while vacuum and checkpoints come by.

use std::time::Duration;

use super::burst::add_cost;
use super::flow::{Flow, Room, flow};
use super::history::Stretch;
use super::machine::Machine;
use super::samples::Samples;
use super::subject::Subject;
use super::{Error, Yardstick, check, mebibytes};

/// The share of the time that is looked at by itself at the beginning and at the end.
const TENTH: f64 = 0.1;

/// One round of `time`; what is in line at its end is run as well before the next, and is in no figure.
pub(super) async fn round(
    subject: &mut Subject,
    machine: &Machine,
    waiting: u32,
    time: Duration,
    yardstick: Option<Yardstick>,
) -> Result<Samples, Error> {
    subject.settle().await?;
    if let Some(statements) = &mut subject.statements {
        statements.before().await?;
    }
    let flow = flow(subject, machine, waiting, time).await?;
    let steps = flow.stretch.steps(&mut subject.session).await?;
    let sent = match &mut subject.statements {
        Some(statements) => Some(statements.after(steps).await?),
        None => None,
    };
    subject.through(flow.last).await?;
    check::all_done(&mut subject.session, flow.stretch.first, flow.instances, machine.steps).await?;
    let mut samples = Samples::default();
    add_cost(&flow.cost, steps, yardstick, &mut samples);
    let feeder = flow.feeder.map(|cpu| cpu.as_secs_f64() * 1e6 / steps);
    samples.add_known("feeder_cpu_us_per_step", "of which for putting instances in line", "us/step", feeder);
    samples.add("wal_bytes_per_step", "WAL, that of putting instances in line too", "B/step", flow.wal_bytes / steps);
    samples.add_known("statements_per_step", "statements of the host", "1/step", sent.map(|sent| sent / steps));
    add_ends(subject, flow.stretch, &mut samples).await?;
    let durations = flow.stretch.durations(&mut subject.session).await?;
    samples.add("sandbox_cpu_us_per_step", "CPU in the sandbox", "us/step", durations.sandbox_cpu_us);
    durations.add(&mut samples);
    add_room(&flow, &mut samples);
    samples.add_known("other_cpu_percent", "CPU of others meanwhile", "%", flow.cost.others_percent);
    Ok(samples)
}

/// Steps per second in the first and in the last tenth.
async fn add_ends(subject: &mut Subject, stretch: Stretch, samples: &mut Samples) -> Result<(), Error> {
    let tenth = (stretch.until - stretch.from) * TENTH;
    let first = Stretch { until: stretch.from + tenth, ..stretch }.steps(&mut subject.session).await?;
    let last = Stretch { from: stretch.until - tenth, ..stretch }.steps(&mut subject.session).await?;
    samples.add("steps_per_s_first", "steps in the first tenth", "1/s", first / tenth);
    samples.add("steps_per_s_last", "steps in the last tenth", "1/s", last / tenth);
    Ok(())
}

fn add_room(flow: &Flow, samples: &mut Samples) {
    for (room, at, label) in [(flow.room[0], "start", "before"), (flow.room[1], "end", "after")] {
        let Room { memory, table, indexes } = room;
        let memory = memory.map(mebibytes);
        samples.add_known(format!("resident_{at}_mib"), format!("memory of the host {label}"), "MiB", memory);
        for (key, what, bytes) in [("table", "gd.instance", table), ("index", "its indexes", indexes)] {
            samples.add(format!("{key}_{at}_mib"), format!("{what} {label}"), "MiB", mebibytes(bytes as u64));
        }
    }
}
