//! `cargo xtask soak`: two real hosts and their Postgres, under load and under faults, for as long as one likes; then every instance
//! and every signal is accounted for.

mod actor;
mod args;
mod audit;
mod check;
mod client;
mod clock;
mod defect;
mod drain;
mod events;
mod faults;
mod figures;
mod host;
mod ledger;
mod leftover;
mod load;
mod notes;
mod postgres;
mod progress;
mod report;
mod run;
mod stage;
mod story;
mod wal;

use std::process::ExitCode;

use clap::Parser;
use tokio_util::sync::CancellationToken;

use crate::args::Args;
use crate::report::{Report, Verdict};

/// Too little happened to say anything.
const INCONCLUSIVE: u8 = 3;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let interrupted = CancellationToken::new();
    let listening = interrupted.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            listening.cancel();
        }
    });
    match run::run(&args, interrupted).await {
        Ok(report) => tell(&report, args.json),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn tell(report: &Report, as_json: bool) -> ExitCode {
    report.print_broken();
    match as_json {
        true => println!("{:#}", report.json()),
        false => println!("{}", report.table()),
    }
    match report.verdict() {
        Verdict::Kept => {
            eprintln!("every promise was kept");
            ExitCode::SUCCESS
        }
        Verdict::Broken(count) => {
            eprintln!("{count} promises were broken; try the same choices again with --seed {}", report.seed);
            ExitCode::FAILURE
        }
        Verdict::Inconclusive(missing) => {
            eprintln!("inconclusive: {}; let it run for longer", missing.join(", "));
            ExitCode::from(INCONCLUSIVE)
        }
    }
}
