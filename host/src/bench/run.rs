//! One run: rounds of a workload, each behind one of pgbench on the same cluster.

use super::pgbench::{Pgbench, Yardstick};
use super::progress::Progress;
use super::samples::Samples;
use super::server::Server;
use super::subject::Subject;
use super::{Error, proc};
use crate::cli::BenchArgs;

/// What was asked for, where it is run, and who is told.
pub(super) struct Run<'a> {
    /// What was asked for.
    pub(super) args: &'a BenchArgs,
    /// The server of both databases.
    pub(super) server: &'a Server,
    /// The host's database.
    pub(super) database: &'a str,
    /// Told of all that takes long.
    pub(super) progress: &'a Progress,
    pgbench: Option<Pgbench<'a>>,
}

impl<'a> Run<'a> {
    /// With a database for pgbench, which is filled if it is wanted.
    pub(super) async fn prepare(
        args: &'a BenchArgs,
        server: &'a Server,
        [database, of_pgbench]: &'a [String; 2],
        progress: &'a Progress,
    ) -> Result<Self, Error> {
        let pgbench = match args.no_pgbench {
            true => None,
            false => Some(Pgbench::prepare(server, of_pgbench, progress).await?),
        };
        Ok(Self { args, server, database, progress, pgbench })
    }

    /// Instances of one round.
    pub(super) fn instances(&self) -> u32 {
        instances(self.args)
    }

    /// All rounds of a workload, or of one part of it; the first warms everything up and is not counted.
    pub(super) async fn rounds(
        &self,
        subject: &mut Subject,
        part: &str,
        mut round: impl AsyncFnMut(&mut Subject, Option<Yardstick>) -> Result<Samples, Error>,
    ) -> Result<Samples, Error> {
        let mut samples = Samples::default();
        let rounds = rounds(self.args);
        for number in 0..=rounds {
            let mut figures = Samples::default();
            let yardstick = self.yardstick(subject, &mut figures).await?;
            self.progress.doing(format!("{part}round {number} of {rounds}"));
            figures.append(round(subject, yardstick).await?);
            let name = if number == 0 { "warm-up".to_owned() } else { format!("round {number} of {rounds}") };
            self.progress.line(&format!("{part}{name}: {}", figures.line()));
            if number == 0 {
                proc::forget_peak();
                subject.statements.iter_mut().for_each(super::statements::Statements::forget);
            } else {
                samples.append(figures);
            }
        }
        Ok(samples)
    }

    /// Runs pgbench, if it is wanted, with nothing else going on.
    async fn yardstick(&self, subject: &mut Subject, figures: &mut Samples) -> Result<Option<Yardstick>, Error> {
        let Some(pgbench) = &self.pgbench else { return Ok(None) };
        subject.settle().await?;
        let yardstick = pgbench.measure(self.progress).await?;
        figures.add("pgbench_tps", "pgbench -N -c 8", "1/s", yardstick.tps);
        figures.add("commit_ms", "pgbench -N -c 1: one commit", "ms", yardstick.commit.as_secs_f64() * 1_000.0);
        Ok(Some(yardstick))
    }
}

/// Rounds that count.
pub(super) fn rounds(args: &BenchArgs) -> u32 {
    let default = if args.seconds.is_some() && args.trouble.is_none() { 1 } else { args.workload.rounds_default() };
    args.rounds.unwrap_or(default)
}

/// Instances of one round.
pub(super) fn instances(args: &BenchArgs) -> u32 {
    args.instances.unwrap_or(args.workload.instances_default())
}
