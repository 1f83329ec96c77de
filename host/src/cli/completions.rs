//! `completions`: a script that teaches a shell the verbs and options.

use clap::{Command, CommandFactory};

use super::args::{Cli, CompletionsArgs};
use super::error::{Error, Exit};
use super::output::Output;

/// Prints the script for a shell; asks no server.
pub(crate) fn completions(output: &Output, args: &CompletionsArgs) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut visible(&Cli::command()), "gd-host", &mut script);
    output.raw(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ok)
}

/// Without the verbs that are not for people, which the scripts would offer all the same.
fn visible(command: &Command) -> Command {
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned();
    Command::new("gd-host").version(env!("CARGO_PKG_VERSION")).args(command.get_arguments().cloned()).subcommands(verbs)
}
