//! The command line: what it accepts, and the verbs that talk to a running gd-host over its HTTP API.
//!
//! `dev`, `serve`, `migrate`, `new`, `inspect` and `bench` are only parsed here; the binary carries them out.

mod args;
mod batch;
pub(crate) mod clean;
mod client;
mod completions;
mod control;
mod deploy;
mod doctor;
pub(crate) mod duration;
mod error;
#[cfg(test)]
mod fake;
mod limit;
mod logs;
mod nodes;
mod output;
mod payload;
mod problem;
mod read;
mod signal;
mod start;
mod table;
mod tree;
mod version;
mod versions;
mod wait;
mod why;

use std::process::ExitCode;

pub(crate) use args::kept;
pub use args::{
    BenchArgs, CancelArgs, Cli, ClientCommand, Command, CompletionsArgs, DeployArgs, DevArgs, DoctorArgs, Format,
    GetArgs, GlobalArgs, History, HistoryArgs, HoldArgs, HostPort, InspectArgs, Kept, KeyScope, Language, LimitCommand,
    LimitKind, LimitRemoveArgs, LimitSetArgs, ListArgs, LogsArgs, MigrateArgs, NewArgs, ServeArgs, SignalArgs,
    StartArgs, Status, Target, TreeArgs, Trouble, Until, VersionsArgs, WaitArgs, WhyArgs, Workload,
};
use client::Client;
pub use doctor::doctor;
use error::{Error, Exit};
use output::Output;

/// Carries out a verb that talks to the API: the answer goes to stdout, errors to stderr, and the exit code says which
/// kind of end it was (0 ok, 1 failed, 2 usage, 3 not found, 4 refused, 5 unreachable).
pub async fn run(global: &GlobalArgs, command: ClientCommand) -> ExitCode {
    let output = Output::standard(global.output);
    match dispatch(global, command, &output).await {
        Ok(exit) => exit.into(),
        Err(error) => {
            output.error(&error);
            error.exit().into()
        }
    }
}

async fn dispatch(global: &GlobalArgs, command: ClientCommand, output: &Output) -> Result<Exit, Error> {
    let client = || Client::new(&global.url, global.token.as_deref());
    match command {
        ClientCommand::Deploy(args) => deploy::deploy(&client()?, output, &args).await,
        ClientCommand::Versions(args) => versions::versions(&client()?, output, &args).await,
        ClientCommand::Start(args) => start::start(&client()?, output, &args).await,
        ClientCommand::List(args) => read::list(&client()?, output, &args).await,
        ClientCommand::Get(args) => read::get(&client()?, output, &args).await,
        ClientCommand::History(args) => read::history(&client()?, output, &args).await,
        ClientCommand::Logs(args) => logs::logs(&client()?, output, &args).await,
        ClientCommand::Tree(args) => tree::tree(&client()?, output, &args).await,
        ClientCommand::Why(args) => why::why(&client()?, output, &args).await,
        ClientCommand::Signal(args) => signal::signal(&client()?, output, &args).await,
        ClientCommand::Wait(args) => wait::wait(&client()?, output, &args).await,
        ClientCommand::Cancel(args) => control::cancel(&client()?, output, &args).await,
        ClientCommand::Pause(args) => control::pause(&client()?, output, &args).await,
        ClientCommand::Resume(args) => control::resume(&client()?, output, &args).await,
        ClientCommand::Limit(command) => limit::limit(&client()?, output, &command).await,
        ClientCommand::Nodes => nodes::nodes(&client()?, output).await,
        ClientCommand::Completions(args) => completions::completions(output, &args),
        ClientCommand::Version => version::version(output),
    }
}
