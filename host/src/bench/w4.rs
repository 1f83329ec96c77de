//! W4: how long a signal takes from its sender to the result of whom it was for.

use std::time::{Duration, Instant};

use gd_core::InstanceId;

use super::cost::Before;
use super::machine::Machine;
use super::run::Run;
use super::samples::Samples;
use super::subject::{Subject, THROUGH_MAX};
use super::{Error, Yardstick, state};
use crate::host::{Signal, Target, Until};

/// What the parked step waits for.
const NAME: &str = "go";
/// What it is sent, and gives back.
const PAYLOAD: &[u8] = br#"{"answer":42}"#;

/// Every round.
pub(super) async fn measure(run: &Run<'_>, subject: &mut Subject) -> Result<Samples, Error> {
    // A model comes to its end by itself; these would not.
    subject.deploy(&Machine::idle(run.args)).await?;
    let parked = Machine::load("park", 2, state::ballast(run.args.state_bytes as usize));
    let instances = run.instances();
    run.rounds(subject, "", async |subject, yardstick| round(subject, &parked, instances, yardstick).await).await
}

/// One round: all are parked first, then each gets its signal when the one before has its result.
async fn round(
    subject: &mut Subject,
    parked: &Machine,
    instances: u32,
    yardstick: Option<Yardstick>,
) -> Result<Samples, Error> {
    let mut ids = Vec::new();
    for _ in 0..instances {
        ids.push(subject.begin(parked).await?);
    }
    for id in &ids {
        let waited = subject.host.wait(subject.tenant, *id, Until::Settled, THROUGH_MAX).await?;
        if !waited.reached || waited.instance.summary.status.is_terminal() {
            return Err(Error::Answer(waited.instance.summary.status.word().to_owned(), "that of a parked instance"));
        }
    }
    subject.settle().await?;
    let before = Before::now(subject.postmaster);
    let mut times = Vec::new();
    for id in ids {
        times.push(answered(subject, id).await?);
    }
    let cost = before.cost();
    let mut samples = Samples::default();
    let commit = yardstick.map(|yardstick| yardstick.commit);
    samples.add_times("signal", "from the signal to the result", &times, commit);
    samples.add_known("host_cpu_us_per_signal", "CPU of the host", "us", cost.host_us_per(f64::from(instances)));
    samples.add_known("pg_cpu_us_per_signal", "CPU of Postgres", "us", cost.postgres_us_per(f64::from(instances)));
    samples.add_known("other_cpu_percent", "CPU of others meanwhile", "%", cost.others_percent);
    Ok(samples)
}

async fn answered(subject: &Subject, id: InstanceId) -> Result<Duration, Error> {
    let signal = Signal { name: NAME.into(), payload: PAYLOAD.to_vec(), dedup_key: None };
    let clock = Instant::now();
    subject.host.signal(subject.tenant, Target::Id(id), signal).await?;
    let ended = subject.result(id).await?;
    let took = clock.elapsed();
    match ended.result.as_deref() {
        Some(PAYLOAD) => Ok(took),
        other => {
            Err(Error::Answer(String::from_utf8_lossy(other.unwrap_or_default()).into_owned(), "the signal's payload"))
        }
    }
}
