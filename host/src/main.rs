//! The binary `gd-host`: parses the command line and hands over to the library.

use std::fmt::Display;
use std::process::ExitCode;

use clap::Parser;
use gd_host::cli::{self, Cli, Command};
use gd_host::{bench, config::Config, dev, inspect, new, sandbox, serve, store, telemetry};

/// What a step allocates is often freed on another thread, which this allocator is made for. Measured: docs/decisions/0018.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { global, command } = Cli::parse();
    match command {
        Command::Client(command) => cli::run(&global, command).await,
        Command::Dev(args) => finish(dev::dev(args).await),
        Command::Serve(args) => {
            telemetry::start();
            match Config::load(args) {
                Ok(config) => {
                    let ready = async |address, _| println!("gd-host is ready on http://{address}");
                    finish(serve::serve(config, ready).await)
                }
                Err(error) => finish(Err(error)),
            }
        }
        Command::Migrate(args) => match store::migrate(&args.database_url).await {
            Ok(version) => {
                println!("the database's schema is at version {version}");
                ExitCode::SUCCESS
            }
            Err(error) => finish(Err(error)),
        },
        Command::Doctor(args) => cli::doctor(&global, args).await,
        Command::New(args) => finish(new::new(&args)),
        Command::Bench(args) => {
            telemetry::start();
            finish(bench::bench(&args, global.output).await)
        }
        Command::CompileComponent => finish(sandbox::compile_stdin()),
        Command::Inspect(args) => finish(inspect::inspect(&args.file).await),
    }
}

fn finish<E: Display>(ended: Result<(), E>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
