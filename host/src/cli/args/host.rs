//! Options of the verbs that the binary carries out itself.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser as NonEmpty;
use clap::{Args, ValueEnum};

use super::super::duration;
use super::value::{HostPort, crate_name, listen};
use crate::engine::{InvalidQueues, Queues};

const DEV_LISTEN: &str = "127.0.0.1:7070";

/// Options of `dev`. Not `Debug`: the database's address may hold a password.
#[derive(Args)]
pub struct DevArgs {
    /// Components to deploy now and whenever they change; one that is not there yet is waited for
    #[arg(value_name = "FILE.wasm")]
    pub files: Vec<PathBuf>,
    /// Leave running instances on the version they started with, also where the new one could take them over
    #[arg(long, requires = "files")]
    pub pin: bool,
    /// Show no line for each step
    #[arg(long, short)]
    pub quiet: bool,
    /// Folder for the private Postgres and its logs; made when it is not there
    #[arg(long, value_name = "DIR", default_value = ".gd")]
    pub dir: PathBuf,
    /// Address and port of the API; port 0 lets the system choose
    #[arg(long, value_name = "ADDR:PORT", default_value = DEV_LISTEN, value_parser = listen)]
    pub listen: SocketAddr,
    /// A host and port that guests may reach over HTTP; repeat for more. Default: none
    #[arg(long, value_name = "HOST:PORT")]
    pub allow_egress: Vec<HostPort>,
    /// Postgres to use instead of a private one, postgres://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, value_name = "URL", env = "GD_DATABASE_URL", hide_env_values = true, value_parser = NonEmpty::new())]
    pub database_url: Option<String>,
}

/// Options of `serve`. What is none or empty was not given: the configuration file decides, then the default.
///
/// Not `Debug`: it holds a password and a token.
#[derive(Args)]
pub struct ServeArgs {
    /// Postgres to use, postgres://USER:PASSWORD@HOST:PORT/DATABASE; required here or in the configuration file
    #[arg(long, value_name = "URL", env = "GD_DATABASE_URL", hide_env_values = true, value_parser = NonEmpty::new())]
    pub database_url: Option<String>,
    /// Address and port of the API; port 0 lets the system choose. Default: 127.0.0.1:7070
    #[arg(long, value_name = "ADDR:PORT", env = "GD_LISTEN", value_parser = listen)]
    pub listen: Option<SocketAddr>,
    /// A host and port that guests may reach over HTTP; repeat for more. Default: none
    #[arg(long, value_name = "HOST:PORT")]
    pub allow_egress: Vec<HostPort>,
    /// Configuration file; flags and environment variables win over it. Default: none
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Bearer token that requests must carry. Default: none, which only a loopback address may do
    #[arg(long, value_name = "TOKEN", env = "GD_API_TOKEN", hide_env_values = true, value_parser = NonEmpty::new())]
    pub api_token: Option<String>,
    /// How long this host's worker lives without a beat, at least 3s: after it, others go on with what a frozen host held. Default: 30s
    #[arg(long, value_name = "DURATION", env = "GD_LEASE", value_parser = duration::parse)]
    pub lease: Option<Duration>,
    /// How long running steps may take to end after SIGTERM, such as 500ms or 5s. Default: 5s
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub drain_timeout: Option<Duration>,
    /// Queues that this node runs, each with the steps that run at once, such as mail:10,billing:5; or all; or none, for a node that
    /// answers the API alone. Default: all
    #[arg(long, value_name = "NAME:STEPS,...", env = "GD_QUEUES", value_parser = queues)]
    pub queues: Option<Queues>,
    /// Steps that run at once on a node that runs all queues, at least 1. Default: 512
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub concurrency: Option<NonZeroU32>,
    /// Instances to claim per queue beyond the steps that run, so that one is at hand when a step ends. Default: 0
    #[arg(long, value_name = "N")]
    pub prefetch: Option<u32>,
    /// Free places of a queue that are worth a claim, at least 1; an idle queue always claims. Default: 1
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub min_demand: Option<NonZeroU32>,
    /// How long ended instances and their history are kept, such as 12h or 30d, or off to keep them for ever; from a day on they go with
    /// the whole day of their end. Default: 1d
    #[arg(long, value_name = "DURATION", env = "GD_RETENTION", value_parser = kept)]
    pub retention: Option<Kept>,
    /// Leave recovery of dead hosts, timeouts, partitions and retention to other nodes; one at least must do it
    #[arg(long)]
    pub no_maintenance: bool,
}

/// Options of `migrate`. Not `Debug`: the database's address may hold a password.
#[derive(Args)]
pub struct MigrateArgs {
    /// Postgres to migrate, postgres://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, value_name = "URL", env = "GD_DATABASE_URL", hide_env_values = true, value_parser = NonEmpty::new())]
    pub database_url: String,
}

/// Options of `doctor`. Not `Debug`: the database's address may hold a password.
#[derive(Args)]
pub struct DoctorArgs {
    /// Postgres to look at. Default: the private one of `gd-host dev` in this folder, if it runs
    #[arg(long, value_name = "URL", env = "GD_DATABASE_URL", hide_env_values = true, value_parser = NonEmpty::new())]
    pub database_url: Option<String>,
    /// Where the private Postgres of `gd-host dev` is
    #[arg(long, value_name = "DIR", default_value = ".gd")]
    pub dir: PathBuf,
}

/// Options of `new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// Name of the FSM and its crate: lower-case letters, digits, - and _, beginning with a letter
    #[arg(value_name = "NAME", value_parser = crate_name)]
    pub name: String,
    /// Language to write it in
    #[arg(long, value_name = "LANGUAGE", value_enum, default_value_t = Language::Rust)]
    pub lang: Language,
    /// Folder to make. Default: NAME
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// A language that an FSM can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Rust, with the SDK gd-guest.
    Rust,
}

/// Options of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

/// Options of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The component
    #[arg(value_name = "FILE.wasm")]
    pub file: PathBuf,
}

/// How long something is kept; `None` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept(pub Option<Duration>);

/// Reads a duration, or `off`.
pub(crate) fn kept(text: &str) -> Result<Kept, String> {
    match text {
        "off" => Ok(Kept(None)),
        text => duration::parse(text).map(|kept| Kept(Some(kept))).map_err(|error| format!("{error}; or off")),
    }
}

fn queues(text: &str) -> Result<Queues, InvalidQueues> {
    text.parse()
}

fn at_least_one(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| format!("{text} is not in 1..={}", u32::MAX))
}
