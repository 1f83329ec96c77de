//! `cargo xtask demo`: invoices run through a host that is killed in the middle, and a judgement of what came of them.

mod api;
mod collect;
mod confirm;
mod host;
mod invoices;
mod kill;
mod leftover;
mod oracle;
mod process;
mod provider;
mod start;
mod table;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::ui::{bar, note, stage};
use crate::workspace::Workspace;
use crate::{cargo, guests, setup};
use api::Api;
use confirm::Confirmations;
use host::Host;
use invoices::Invoice;
use kill::Kill;
use oracle::Observed;
use provider::Provider;
use start::Starts;

/// How long the last wave may take to end. An invoice that nobody pays takes about ten seconds.
const END_WAIT: Duration = Duration::from_secs(180);
/// How many reasons are printed when it went wrong.
const REASONS_SHOWN: usize = 20;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often the host is killed with SIGKILL, each time with at least 100 steps running.
    #[arg(long, default_value_t = 1)]
    kills: usize,
    /// Leave the host, its Postgres and the provider running, and print the address.
    #[arg(long)]
    keep: bool,
    /// Other invoices than those of the example (NDJSON).
    #[arg(long)]
    invoices: Option<PathBuf>,
}

/// The whole demo. An error names what is wrong.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    stage("set-up", || setup::postgres().and_then(|()| setup::wasm_target(workspace)))?;
    stage("building the host and the payment provider", || {
        cargo::run(cargo::command(workspace).arg("build").args(workspace.selection()))
    })?;
    stage("building the guests", || guests::build(workspace))?;
    let dir = workspace.target.join("demo");
    leftover::clear(&dir)?;
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    let file = args.invoices.clone().unwrap_or_else(|| workspace.root.join("examples/billing/invoices.ndjson"));
    let waves = invoices::waves(&invoices::read(&file)?, args.kills.max(1));
    let listed = dir.join("invoices.ndjson");
    invoices::write(&listed, waves.iter().flatten())?;

    let provider = Provider::start(workspace, &dir, &listed)?;
    let mut host = Host::new(workspace, &dir, provider.address())?;
    let observed = bring_through(workspace, &mut host, &provider, waves, args.kills)?;
    let kept = if args.keep { Some((host.url(), provider.url())) } else { None };
    let ended = if args.keep { Ok(()) } else { stage("stopping the host", || host.stop()) };
    provider.finish(args.keep);
    if args.keep {
        host.leave_running();
    }
    println!("{}", table::of(&observed));
    if let Some((host, provider)) = kept {
        println!(
            "the host is still up on {host} (try `gd-host list --url {host}`), the payment provider on {provider}"
        );
    }
    verdict(&observed, ended, &dir)
}

fn verdict(observed: &Observed, ended: anyhow::Result<()>, dir: &std::path::Path) -> anyhow::Result<()> {
    let mut reasons: Vec<String> = oracle::judge(observed).iter().map(ToString::to_string).collect();
    reasons.extend(ended.err().map(|error| format!("{error:#}")));
    if reasons.is_empty() {
        println!("every invoice ended as it should, and nobody was charged twice");
        return Ok(());
    }
    for reason in reasons.iter().take(REASONS_SHOWN) {
        eprintln!("  {reason}");
    }
    bail!(
        "{} promises broken ({} shown); the logs are in {}",
        reasons.len(),
        reasons.len().min(REASONS_SHOWN),
        dir.display()
    )
}

/// Starts, confirms and kills, until every invoice is at its end; then reads everything.
fn bring_through(
    workspace: &Workspace,
    host: &mut Host,
    provider: &Provider,
    waves: Vec<Vec<Invoice>>,
    kills: usize,
) -> anyhow::Result<Observed> {
    stage("starting the host and its Postgres", || host.start())?;
    let component = workspace.component("billing.wasm");
    stage("deploying billing.wasm", || host.deploy(&component))?;
    let api = Api::new(&host.url());
    let begun = Instant::now();
    let confirmations = Arc::new(Confirmations::default());
    let workers = confirm::spawn(&api, &confirmations);
    let mut killed: Vec<Kill> = Vec::new();
    let mut started = Vec::new();
    let waves_total = waves.len();
    for (number, wave) in waves.into_iter().enumerate() {
        let name = format!("wave {} of {waves_total}: {} invoices", number + 1, wave.len());
        started.extend(stage(&name, || {
            let starts = Starts::spawn(&api, provider.url(), wave, &confirmations);
            if number < kills {
                killed.push(kill::at_the_worst_moment(host, &api, provider, &starts, killed.last())?);
            }
            starts.join()
        })?);
    }
    let live =
        stage("waiting for every invoice to end", || wait_for_the_end(host, &api, &confirmations, started.len()))?;
    let wall = begun.elapsed();
    confirmations.close();
    let no_target = workers.into_iter().map(|worker| worker.join().unwrap_or_default()).sum();
    if live > 0 {
        note(&format!("{live} invoices have not ended"));
    }
    stage("reading every history and the provider's log", || {
        let cases = collect::cases(&api, started)?;
        let calls = provider.calls()?;
        Ok(Observed { cases, calls, kills: killed, wall, no_target, provider_restarts: provider.restarts() })
    })
}

/// Until nothing lives and nothing is left to confirm, or the time is over; how many still live.
fn wait_for_the_end(host: &mut Host, api: &Api, confirmations: &Confirmations, total: usize) -> anyhow::Result<usize> {
    let deadline = Instant::now() + END_WAIT;
    let bar = bar("ended", total);
    loop {
        host.must_live()?;
        let live = api.count_live()?;
        bar.set_position(total.saturating_sub(live) as u64);
        let done = live == 0 && confirmations.waiting() == 0;
        if done || Instant::now() > deadline {
            bar.finish_and_clear();
            return Ok(live);
        }
        thread::sleep(Duration::from_millis(200));
    }
}
