//! The project's own commands: `cargo xtask demo | test | ci | soak | guests | sqlx | bench`. They need nothing but cargo.

mod bench;
mod cargo;
mod demo;
mod guests;
mod setup;
mod soak;
mod sqlx;
mod test;
mod ui;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set everything up, run invoices through a host that is killed in the middle, and check what came of each.
    Demo(demo::Args),
    /// Set everything up, then format check, lints, build, guests, statements and all tests.
    Test,
    /// What CI runs: the same as `test`.
    Ci,
    /// Set everything up, then load and faults on two hosts and their Postgres for minutes, and account for every instance and signal.
    #[command(disable_help_flag = true)]
    Soak(soak::Args),
    /// Build the wasm guests of the examples and the tests.
    Guests,
    /// Check every SQL statement against a real database and write what it says to .sqlx/.
    Sqlx(sqlx::Args),
    /// Build gd-host with --release, and run `gd-host bench` with the same arguments: W1 or W2, and what `--help` shows.
    Bench(bench::Args),
}

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The exit code, where it is another program's to say.
fn run(command: Command) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::load()?;
    match command {
        Command::Demo(args) => demo::run(&workspace, &args)?,
        Command::Test | Command::Ci => test::run(&workspace)?,
        Command::Soak(args) => return soak::run(&workspace, &args),
        Command::Guests => {
            setup::wasm_target(&workspace)?;
            for guest in guests::build(&workspace)? {
                println!("{}", guest.display());
            }
        }
        Command::Sqlx(args) => sqlx::run(&workspace, &args)?,
        Command::Bench(args) => bench::run(&workspace, &args)?,
    }
    Ok(ExitCode::SUCCESS)
}
