//! W1 and W1b: how many steps a second, and what each costs.

use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use gd_core::InstanceId;

use super::burst::burst;
use super::machine::Machine;
use super::run::Run;
use super::samples::Samples;
use super::subject::Subject;
use super::{Error, Yardstick, check, sustained};

/// Callers that start instances at the same time, where starting is part of the work.
const CALLERS: usize = 16;
/// How long a sustained run is warmed up at most.
const WARM_UP_MAX: Duration = Duration::from_secs(10);

/// Every round, of bursts or of sustained work.
pub(super) async fn measure(run: &Run<'_>, subject: &mut Subject, machine: &Machine) -> Result<Samples, Error> {
    subject.deploy(machine).await?;
    let instances = run.instances();
    match run.args.seconds {
        None => {
            run.rounds(subject, "", async |subject, yardstick| round(subject, machine, instances, yardstick).await)
                .await
        }
        Some(seconds) => {
            let time = Duration::from_secs(seconds.into());
            let mut next = time.min(WARM_UP_MAX);
            run.rounds(subject, "", async |subject, yardstick| {
                let time = std::mem::replace(&mut next, time);
                sustained::round(subject, machine, instances, time, yardstick).await
            })
            .await
        }
    }
}

/// One round: instances that wait already, then as many that are started one by one.
async fn round(
    subject: &mut Subject,
    machine: &Machine,
    instances: u32,
    yardstick: Option<Yardstick>,
) -> Result<Samples, Error> {
    let mut samples = Samples::default();
    let burst = burst(subject, machine, instances).await?;
    burst.add(yardstick, &mut samples);
    started(subject, machine, instances, yardstick, &mut samples).await?;
    samples.add_known("other_cpu_percent", "CPU of others meanwhile", "%", burst.cost.others_percent);
    Ok(samples)
}

/// The same number, but started through the host while it works.
async fn started(
    subject: &mut Subject,
    machine: &Machine,
    instances: u32,
    yardstick: Option<Yardstick>,
    samples: &mut Samples,
) -> Result<(), Error> {
    subject.settle().await?;
    let clock = Instant::now();
    let starts = stream::iter(0..instances).map(|_| subject.begin(machine)).buffer_unordered(CALLERS);
    let ids: Vec<InstanceId> = starts.try_collect().await?;
    let (Some(first), Some(last)) = (ids.iter().min().copied(), ids.iter().max().copied()) else { return Ok(()) };
    subject.through(last).await?;
    let took = clock.elapsed();
    let steps = check::all_done(&mut subject.session, first, instances.into(), machine.steps).await?;
    let rate = steps / took.as_secs_f64();
    samples.add("started_steps_per_s", "steps, starts included", "1/s", rate);
    let ratio = yardstick.map(|yardstick| rate / yardstick.tps);
    samples.add_known("started_steps_x_pgbench", "the same / pgbench", "x", ratio);
    Ok(())
}
