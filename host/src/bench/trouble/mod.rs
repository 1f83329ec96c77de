//! W1 under trouble: pairs of a calm stretch and a troubled one, and what the trouble has changed for ordinary instances.

mod company;
mod disturbance;
mod proxy;

use std::time::Duration;

use super::flow::flow;
use super::machine::Machine;
use super::run::Run;
use super::samples::Samples;
use super::subject::Subject;
use super::{Error, Yardstick};
use crate::cli::Trouble;

use disturbance::Disturbance;
use proxy::Proxy;

/// Bytes go to the database and back through a remote host's proxy so late, each way.
const FAR: Duration = Duration::from_millis(250);
/// Ordinary instances that are still in line. Those under way come to their end, and so do those of another kind.
const IN_LINE: &str = "delete from gd.instance where fsm_id = :fsm and status = 0";
/// Whether all others are through.
const ALL_THROUGH: &str = "select not exists (select from gd.instance)";

/// Every pair.
pub(super) async fn measure(run: &Run<'_>, subject: &mut Subject, trouble: Trouble) -> Result<Samples, Error> {
    let machine = Machine::order(run.args)?;
    if let Some(company) = company::machine(trouble) {
        subject.deploy(&company).await?;
    }
    subject.deploy(&machine).await?;
    let seconds = run.args.seconds.unwrap_or(trouble.seconds_default());
    let pair = Pair { run, machine, waiting: run.instances(), time: Duration::from_secs(seconds.into()), trouble };
    run.rounds(subject, "", async |subject, yardstick| pair.measure(subject, yardstick).await).await
}

/// What both stretches of a round have in common, and what they have not.
struct Pair<'a> {
    run: &'a Run<'a>,
    machine: Machine,
    waiting: u32,
    time: Duration,
    trouble: Trouble,
}

/// What became of ordinary instances in one stretch.
struct Ordinary {
    steps_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Pair<'_> {
    async fn measure(&self, subject: &mut Subject, yardstick: Option<Yardstick>) -> Result<Samples, Error> {
        subject.settle().await?;
        let calm = self.stretch(subject).await?;
        let troubled = match self.trouble {
            Trouble::Remote => self.far_away(subject).await?,
            Trouble::SlowGuest | Trouble::LargeState => self.in_company(subject).await?,
            Trouble::Snapshot | Trouble::Checkpoints | Trouble::SlowDisk => self.disturbed(subject).await?,
        };
        let mut samples = Samples::default();
        samples.add("throughput_kept", "steps, troubled / calm", "x", troubled.steps_per_s / calm.steps_per_s);
        samples.add("p99_grown", "p99 from commit to commit, troubled / calm", "x", troubled.p99_ms / calm.p99_ms);
        for (ordinary, key) in [(calm, "calm"), (troubled, "troubled")] {
            samples.append(ordinary.figures(yardstick).of(key, key));
        }
        Ok(samples)
    }

    /// Ordinary instances for a while. What is left in line is taken away afterwards: the next stretch begins as this one has.
    async fn stretch(&self, subject: &mut Subject) -> Result<Ordinary, Error> {
        let flow = flow(subject, &self.machine, self.waiting, self.time).await?;
        let steps = flow.stretch.steps(&mut subject.session).await?;
        subject.session.ask(IN_LINE).await?;
        subject.until(ALL_THROUGH).await?;
        let between = flow.stretch.durations(&mut subject.session).await?.between_ms;
        let [p50_ms, p99_ms] = between.ok_or(Error::TooFew(self.time))?;
        subject.tidy().await?;
        Ok(Ordinary { steps_per_s: steps / flow.cost.took.as_secs_f64(), p50_ms, p99_ms })
    }

    /// Beside something that goes on until the stretch is over.
    async fn disturbed(&self, subject: &mut Subject) -> Result<Ordinary, Error> {
        let mut disturbance = Disturbance::begin(self.trouble, self.run).await?;
        let measured = tokio::select! {
            measured = self.stretch(subject) => measured,
            failed = disturbance.go_on() => Err(failed),
        };
        disturbance.end().await?;
        subject.tidy().await?;
        measured
    }

    /// Among instances of another kind, all of which were started before.
    async fn in_company(&self, subject: &mut Subject) -> Result<Ordinary, Error> {
        company::start(subject, self.trouble, self.time).await?;
        self.stretch(subject).await
    }

    /// By a host that is far from its database; the near one is stopped meanwhile. It is measured at work, not while it gets to know the
    /// machine.
    async fn far_away(&self, subject: &mut Subject) -> Result<Ordinary, Error> {
        let proxy = Proxy::start(self.run.server, self.run.database, FAR).await?;
        let near = subject.url.clone();
        let moved = subject.move_to(proxy.url()).await;
        let measured = match moved {
            Ok(()) => self.known(subject).await,
            Err(failed) => Err(failed),
        };
        subject.move_to(&near).await?;
        proxy.end().await;
        measured
    }

    /// By a host that has run one instance before.
    async fn known(&self, subject: &mut Subject) -> Result<Ordinary, Error> {
        let first = subject.begin(&self.machine).await?;
        subject.result(first).await?;
        self.stretch(subject).await
    }
}

impl Ordinary {
    fn figures(&self, yardstick: Option<Yardstick>) -> Samples {
        let Self { steps_per_s, p50_ms, p99_ms } = *self;
        let mut samples = Samples::default();
        samples.add("steps_per_s", "steps", "1/s", steps_per_s);
        let ratio = yardstick.map(|yardstick| steps_per_s / yardstick.tps);
        samples.add_known("ratio_to_pgbench", "steps / pgbench", "x", ratio);
        samples.add("commit_to_commit_ms_p50", "a step from commit to commit, p50", "ms", p50_ms);
        samples.add("commit_to_commit_ms_p99", "a step from commit to commit, p99", "ms", p99_ms);
        samples
    }
}
