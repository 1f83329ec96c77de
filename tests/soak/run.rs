//! A run from the empty folder to the verdict.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use anyhow::Context;
use gd_tests::program_folder;
use tokio_util::sync::CancellationToken;

use crate::args::Args;
use crate::audit::Audit;
use crate::check::{Broken, check};
use crate::client::Client;
use crate::clock::now_ms;
use crate::drain::drain;
use crate::events::Events;
use crate::faults::{Chaos, Happened};
use crate::figures::Figures;
use crate::ledger::Ledger;
use crate::load::Load;
use crate::report::{Report, Requests, Verdict};
use crate::stage::Stage;
use crate::wal::{Log, Told};
use crate::{leftover, progress};
use gd_tests::Random;

/// What the clients have for what they have begun, once the faults are over.
const PATIENCE: Duration = Duration::from_secs(60);
/// What Postgres logs when the referee's index refuses a second living holder of a key.
const REFEREE: &str = "soak_one_live_holder";

/// Everything. An error is a run that could not be carried out.
pub(crate) async fn run(args: &Args, interrupted: CancellationToken) -> anyhow::Result<Report> {
    let folder = program_folder().parent().context("cargo's target folder is not there")?.join("soak");
    leftover::clear(&folder)?;
    let (seed, random) = (args.seed(), Random::new(args.seed()));
    eprintln!("soak: seed {seed}, {} s, logs in {}", args.duration().as_secs(), folder.display());
    let mut stage = Stage::build(&folder, args.defect).await?;
    let pool = stage.postgres.pool.clone();
    let log = Log::begin(&pool).await?;
    let (ledger, live) = (Arc::<Ledger>::default(), Arc::<AtomicUsize>::default());
    let client = Client::new(stage.addresses.clone())?;
    let (happened, audit) = (Happened::default(), Audit::default());
    let (enough, over) = (CancellationToken::new(), CancellationToken::new());
    let load = Load {
        ledger: ledger.clone(),
        client: client.clone(),
        pool: pool.clone(),
        random: random.stream(1),
        target: args.live,
        live: live.clone(),
    };
    let from_ms = now_ms();
    let loading = tokio::spawn(load.run(enough.clone(), over.clone()));
    let auditing = tokio::spawn(audit.clone().run(pool.clone(), over.clone()));
    let reading = tokio::spawn(log.clone().run(over.clone()));
    let telling = tokio::spawn(progress::run(pool.clone(), live, happened.clone(), over.clone()));
    let mut chaos =
        Chaos { stage: &mut stage, random: random.stream(2), happened: happened.clone(), stop: interrupted.clone() };
    let made = chaos.run(args.duration()).await;
    let to_ms = now_ms();
    enough.cancel();
    if made.is_err() || interrupted.is_cancelled() {
        over.cancel();
        made?;
        anyhow::bail!("interrupted");
    }
    eprintln!("soak: the faults are over, everything comes to its end");
    finish_scripts(loading, &over).await?;
    audit.look(&pool).await?;
    let left = drain(&pool, &client, &mut random.stream(3)).await?;
    over.cancel();
    auditing.await?;
    telling.await?;
    reading.await?;
    let told = log.finish().await?;
    eprintln!("soak: checking {} stories", ledger.len());
    let mut report = judge(&stage, &ledger, &happened, told, (from_ms, to_ms)).await?;
    let at_commits = report.log.broken.iter().cloned();
    let mut first: Vec<Broken> = audit.slept_through().into_iter().chain(at_commits).map(Broken::new).collect();
    if left == 0 && report.log.living > 0 {
        first.push(Broken::new(format!("no instance lives, and by the log {} do", report.log.living)));
    }
    if left > 0 {
        first.push(stuck(&pool, &client, left).await?);
    }
    report.findings.broken.splice(0..0, first);
    let (seconds, looks, hung_up) = (args.duration().as_secs(), audit.looks(), client.hung_up());
    let report = Report { seed, seconds, live: left, looks, hung_up, ..report };
    drop(stage);
    match report.verdict() {
        Verdict::Kept => leftover::remove_cluster(&folder)?,
        Verdict::Broken(_) | Verdict::Inconclusive(_) => {
            eprintln!("soak: the logs and the stopped Postgres stay in {} until the next run", folder.display());
        }
    }
    Ok(report)
}

/// Lets the clients play their scripts to the end; then their patience is over.
async fn finish_scripts(loading: tokio::task::JoinHandle<()>, over: &CancellationToken) -> anyhow::Result<()> {
    let patience = over.clone();
    let waiting = tokio::spawn(async move {
        tokio::time::sleep(PATIENCE).await;
        patience.cancel();
    });
    let ended = loading.await;
    waiting.abort();
    ended.context("a client broke off")
}

async fn judge(
    stage: &Stage,
    ledger: &Ledger,
    happened: &Happened,
    log: Told,
    load: (i64, i64),
) -> anyhow::Result<Report> {
    let pool = &stage.postgres.pool;
    let cases = ledger.close();
    let mut findings = check(pool, &cases, &log).await?;
    let mut events = Events::default();
    for host in &stage.hosts {
        events.read(&host.log())?;
    }
    let faults = happened.faults().clone();
    let told = events.never.iter().map(|line| format!("a host says: {line}"));
    let refused =
        stage.postgres.log().lines().filter(|line| line.contains(REFEREE)).map(str::to_owned).collect::<Vec<_>>();
    let refused = refused.into_iter().map(|line| format!("two living holders of one key: {line}"));
    let surprises = happened.surprises().clone();
    findings.broken.extend(surprises.into_iter().chain(told).chain(refused).map(Broken::new));
    stage.wire_problems().iter().for_each(|problem| eprintln!("the wire: {problem}"));
    Ok(Report {
        seed: 0,
        seconds: 0,
        live: 0,
        looks: 0,
        hung_up: 0,
        requests: Requests::of(&cases),
        figures: Figures::read(pool, load.0, load.1, &faults).await?,
        events,
        faults,
        findings,
        log,
    })
}

/// Says of some of those that have not ended why.
async fn stuck(pool: &sqlx::PgPool, client: &Client, left: i64) -> anyhow::Result<Broken> {
    let ids: Vec<i64> = sqlx::query_scalar("select id from gd.instance order by id limit 20").fetch_all(pool).await?;
    let mut history = Vec::new();
    for id in ids {
        let why = client.get(&format!("/v1/instances/{id}/why")).await.unwrap_or_default();
        history.push(format!("instance {id}: {}", why["reasons"]));
        let attempts = client.get(&format!("/v1/instances/{id}/history")).await.unwrap_or_default();
        history.push(attempts["items"].to_string());
    }
    Ok(Broken { what: format!("{left} instances do not end"), history })
}
