//! `gd-host bench`: figures that can be compared, measured on a host at its defaults and on a Postgres that forgets nothing.
//!
//! Rounds of the workload alternate with rounds of `pgbench` on the same cluster, so that a slow minute of the machine is seen
//! in both. `docs/performance.md` says what each figure means.

mod conditions;
mod cost;
mod error;
mod pgbench;
mod proc;
mod progress;
mod psql;
mod report;
mod samples;
mod server;
mod state;
mod stats;
mod subject;
mod w1;
mod w2;

use std::io::Write;
use std::time::{Duration, Instant};

use crate::cli::{BenchArgs, Format, Workload};
use crate::store;

use conditions::Conditions;
use pgbench::{Pgbench, Yardstick};
use progress::Progress;
use psql::Session;
use report::Report;
use samples::Samples;
use server::Server;
use subject::Subject;

pub use error::Error;

/// How long a host's connections may take to go once it has stopped.
const GONE_MAX: Duration = Duration::from_secs(5);

/// Measures one workload and prints what came of it.
///
/// # Errors
/// Why there is no figure, and what to do.
pub async fn bench(args: &BenchArgs, format: Format) -> Result<(), Error> {
    let json = match format {
        Format::Table => args.json,
        Format::Json => true,
        Format::Yaml => return Err(Error::NoYaml),
    };
    let progress = Progress::new();
    let server = Server::start(&args.dir.join("bench"), args.database_url.as_deref(), &progress).await?;
    let databases = ["gd_bench", "gd_pgbench"].map(|name| format!("{name}_{}", std::process::id()));
    let measured = measure(args, &server, &databases, &progress).await;
    progress.doing("cleaning up");
    let cleaned = match drop_databases(&server, &databases).await {
        Ok(()) => server.end().await,
        failed => server.end().await.and(failed),
    };
    drop(progress);
    let report = measured?;
    let text = if json { report.json() } else { report.table() };
    // Whoever closed the pipe has seen enough.
    let _closed = writeln!(std::io::stdout(), "{text}");
    cleaned
}

/// Makes the databases, starts the host, and has it stop whatever comes of it.
async fn measure(
    args: &BenchArgs,
    server: &Server,
    databases: &[String; 2],
    progress: &Progress,
) -> Result<Report, Error> {
    let mut admin = Session::open(server, &server.own_database()).await?;
    for database in databases {
        admin.ask(&format!("create database {database}")).await?;
    }
    let conditions = Conditions::find(&mut admin).await?;
    progress.doing("starting a host");
    store::migrate(&server.url(&databases[0])).await?;
    let mut subject = Subject::start(args, server, &databases[0]).await?;
    let measured = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Err(Error::Interrupted),
        measured = rounds(args, server, &databases[1], &mut subject, progress) => measured,
    };
    progress.doing("stopping the host");
    subject.host.shut_down().await;
    let mut samples = measured?;
    samples.add_known("peak_memory_mib", "memory of the host, at most", "MiB", proc::peak_memory().map(mebibytes));
    let hot = hot_percent(server, &databases[0]).await?;
    samples.add_known("hot_percent", "updates of instances that are heap-only", "%", hot);
    Ok(Report {
        workload: args.workload,
        instances: instances(args),
        state_bytes: subject.state.len(),
        rounds: args.rounds,
        component_bytes: subject.component.len(),
        conditions,
        samples,
    })
}

/// All rounds of the workload, each behind one of pgbench; the first warms everything up and is not counted.
async fn rounds(
    args: &BenchArgs,
    server: &Server,
    database: &str,
    subject: &mut Subject,
    progress: &Progress,
) -> Result<Samples, Error> {
    subject.deploy().await?;
    let pgbench = match args.no_pgbench {
        true => None,
        false => Some(Pgbench::prepare(server, database, progress).await?),
    };
    let mut samples = Samples::default();
    for round in 0..=args.rounds {
        let mut figures = Samples::default();
        let yardstick = yardstick(pgbench.as_ref(), subject, &mut figures, progress).await?;
        progress.doing(format!("round {round} of {}: {} instances", args.rounds, instances(args)));
        figures.append(match args.workload {
            Workload::W1 => w1::round(subject, instances(args), yardstick).await?,
            Workload::W2 => w2::round(subject, instances(args), yardstick).await?,
        });
        let name = if round == 0 { "warm-up".to_owned() } else { format!("round {round} of {}", args.rounds) };
        progress.line(&format!("{name}: {}", figures.line()));
        if round == 0 {
            proc::forget_peak();
        } else {
            samples.append(figures);
        }
    }
    Ok(samples)
}

/// Runs pgbench, if it is wanted, with nothing else going on.
async fn yardstick(
    pgbench: Option<&Pgbench<'_>>,
    subject: &mut Subject,
    figures: &mut Samples,
    progress: &Progress,
) -> Result<Option<Yardstick>, Error> {
    let Some(pgbench) = pgbench else { return Ok(None) };
    subject.settle().await?;
    let yardstick = pgbench.measure(progress).await?;
    figures.add("pgbench_tps", "pgbench -N -c 8", "1/s", yardstick.tps);
    figures.add("commit_ms", "pgbench -N -c 1: one commit", "ms", yardstick.commit.as_secs_f64() * 1_000.0);
    Ok(Some(yardstick))
}

/// How many updates of instances found room on their page and left every index alone: in the whole run of a host that stopped.
async fn hot_percent(server: &Server, database: &str) -> Result<Option<f64>, Error> {
    let mut session = Session::open(server, database).await?;
    // A connection hands its counts in before it goes.
    let gone = "select not exists (select from pg_stat_activity \
                where application_name = 'gd-host' and datname = current_database())";
    let deadline = Instant::now() + GONE_MAX;
    while session.ask(gone).await? != "t" && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let sql = "select coalesce(100.0 * n_tup_hot_upd / nullif(n_tup_upd, 0), -1) from pg_stat_user_tables \
               where schemaname = 'gd' and relname = 'instance'";
    Ok(Some(session.number(sql).await?).filter(|percent| *percent >= 0.0))
}

async fn drop_databases(server: &Server, databases: &[String; 2]) -> Result<(), Error> {
    let mut session = Session::open(server, &server.own_database()).await?;
    for database in databases {
        session.ask(&format!("drop database if exists {database} with (force)")).await?;
    }
    Ok(())
}

fn instances(args: &BenchArgs) -> u32 {
    args.instances.unwrap_or(args.workload.instances_default())
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
