//! The project's own commands: `cargo xtask demo | test | ci | guests | sqlx`. They need nothing but cargo.

mod cargo;
mod demo;
mod guests;
mod setup;
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
    /// Build the wasm guests of the examples and the tests.
    Guests,
    /// Check every SQL statement against a real database and write what it says to .sqlx/.
    Sqlx(sqlx::Args),
}

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let workspace = Workspace::load()?;
    match command {
        Command::Demo(args) => demo::run(&workspace, &args),
        Command::Test | Command::Ci => test::run(&workspace),
        Command::Guests => {
            setup::wasm_target(&workspace)?;
            for guest in guests::build(&workspace)? {
                println!("{}", guest.display());
            }
            Ok(())
        }
        Command::Sqlx(args) => sqlx::run(&workspace, &args),
    }
}
