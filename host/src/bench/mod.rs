//! `gd-host bench`: figures that can be compared, measured on a host at its defaults and on a Postgres that forgets nothing.
//!
//! Rounds of the workload alternate with rounds of `pgbench` on the same cluster, so that a slow minute of the machine is seen
//! in both. `docs/performance.md` says what each figure means.

mod ballast;
mod burst;
mod check;
mod conditions;
mod cost;
mod error;
mod flow;
mod history;
mod machine;
mod pgbench;
mod proc;
mod progress;
mod psql;
mod report;
mod run;
mod samples;
mod seed;
mod server;
mod state;
mod statements;
mod stats;
mod subject;
mod sustained;
mod trouble;
mod w1;
mod w2;
mod w3;
mod w4;
mod w6;
mod w7;
mod w9;

use std::io::Write;
use std::time::{Duration, Instant};

use crate::cli::{BenchArgs, Format, Workload};
use crate::store;

use conditions::Conditions;
use machine::Machine;
use pgbench::Yardstick;
use progress::Progress;
use psql::Session;
use report::Report;
use run::Run;
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
    check_args(args)?;
    let json = match format {
        Format::Table => args.json,
        Format::Json => true,
        Format::Yaml => return Err(Error::NoYaml),
    };
    let progress = Progress::new();
    let dir = args.dir.join("bench");
    let server = Server::start(&dir, args.database_url.as_deref(), args.statements, &progress).await?;
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

/// Whether there is something to measure, and every option means something for it.
fn check_args(args: &BenchArgs) -> Result<(), Error> {
    let not_measured = |why| Err(Error::NotMeasured { workload: args.workload.name(), why });
    match args.workload {
        Workload::W5 => return not_measured("it is about many tenants, and this build has one"),
        Workload::W8 => return not_measured("it is about a thousand deployed versions, for which there is no driver"),
        _ => {}
    }
    let steps = matches!(args.workload, Workload::W1 | Workload::W1b);
    let growth = args.workload == Workload::W7;
    let order = matches!(args.workload, Workload::W1 | Workload::W2 | Workload::W7 | Workload::W9);
    for (option, given, fits) in [
        ("--trouble", args.trouble.is_some(), args.workload == Workload::W1),
        ("--seconds", args.seconds.is_some(), steps),
        ("--statements", args.statements, steps),
        ("--live", args.live.is_some(), growth),
        ("--hosts", args.hosts.is_some(), growth),
        ("--component", args.component.is_some(), order),
    ] {
        if given && !fits {
            return Err(Error::Usage(format!("{option} means nothing for {}: leave it away", args.workload.name())));
        }
    }
    Ok(())
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
    let mut subject = Subject::start(server, &databases[0], args.statements).await?;
    let measured = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Err(Error::Interrupted),
        measured = workload(args, server, databases, &mut subject, progress) => measured,
    };
    progress.doing("stopping the host");
    subject.shut_down().await;
    let mut samples = measured?;
    samples.add_known("peak_memory_mib", "memory of the host, at most", "MiB", proc::peak_memory().map(mebibytes));
    if args.trouble.is_none() && matches!(args.workload, Workload::W1 | Workload::W1b | Workload::W2) {
        let hot = hot_ratio(server, &databases[0]).await?;
        samples.add_known("hot_ratio", "updates of instances that are heap-only", "of all", hot);
    }
    Ok(Report {
        workload: args.workload,
        trouble: args.trouble,
        instances: run::instances(args),
        state_bytes: args.state_bytes,
        rounds: run::rounds(args),
        seconds: args.seconds.or(args.trouble.map(crate::cli::Trouble::seconds_default)),
        component_bytes: Machine::component_bytes(args)?,
        conditions,
        samples,
        statements: subject.statements.as_ref().map(statements::Statements::dearest),
    })
}

/// Every round of what was asked for.
async fn workload(
    args: &BenchArgs,
    server: &Server,
    databases: &[String; 2],
    subject: &mut Subject,
    progress: &Progress,
) -> Result<Samples, Error> {
    let run = Run::prepare(args, server, databases, progress).await?;
    match (args.workload, args.trouble) {
        (Workload::W1, Some(trouble)) => trouble::measure(&run, subject, trouble).await,
        (Workload::W1, None) => w1::measure(&run, subject, &Machine::order(args)?).await,
        (Workload::W1b, _) => w1::measure(&run, subject, &Machine::idle(args)).await,
        (Workload::W2, _) => w2::measure(&run, subject).await,
        (Workload::W3, _) => w3::measure(&run, subject).await,
        (Workload::W4, _) => w4::measure(&run, subject).await,
        (Workload::W6, _) => w6::measure(&run, subject).await,
        (Workload::W7, _) => w7::measure(&run, subject).await,
        (Workload::W9, _) => w9::measure(&run, subject).await,
        (Workload::W5 | Workload::W8, _) => check_args(args).map(|()| Samples::default()),
    }
}

/// How many updates of instances found room on their page and left every index alone: in the whole run of a host that stopped.
async fn hot_ratio(server: &Server, database: &str) -> Result<Option<f64>, Error> {
    let mut session = Session::open(server, database).await?;
    // A connection hands its counts in before it goes.
    let gone = "select not exists (select from pg_stat_activity \
                where application_name = 'gd-host' and datname = current_database())";
    let deadline = Instant::now() + GONE_MAX;
    while session.ask(gone).await? != "t" && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let sql = "select coalesce(1.0 * n_tup_hot_upd / nullif(n_tup_upd, 0), -1) from pg_stat_user_tables \
               where schemaname = 'gd' and relname = 'instance'";
    Ok(Some(session.number(sql).await?).filter(|ratio| *ratio >= 0.0))
}

async fn drop_databases(server: &Server, databases: &[String; 2]) -> Result<(), Error> {
    let mut session = Session::open(server, &server.own_database()).await?;
    for database in databases {
        session.ask(&format!("drop database if exists {database} with (force)")).await?;
    }
    Ok(())
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
