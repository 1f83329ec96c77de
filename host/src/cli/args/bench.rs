//! Options of `bench`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser as NonEmpty;
use clap::{Args, ValueEnum};

/// Options of `bench`. Not `Debug`: the database's address may hold a password.
#[derive(Args)]
pub struct BenchArgs {
    /// What to measure
    #[arg(value_name = "WORKLOAD", value_enum, ignore_case = true)]
    pub workload: Workload,
    /// Instances of one round: of each kind for W2. Default: 20000 for W1, 300 for W2
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    pub instances: Option<u32>,
    /// Bytes of an instance's JSON state; 200, 1024 and 2048 are what we publish
    #[arg(long, value_name = "BYTES", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(200..=65536))]
    pub state_bytes: u32,
    /// Rounds that are counted; one more goes before them to warm up
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// Leave pgbench out, and with it every ratio
    #[arg(long)]
    pub no_pgbench: bool,
    /// Print one line of JSON; the same as `-o json`
    #[arg(long)]
    pub json: bool,
    /// Another build of the machine `order` (examples/order). Default: the component in this binary
    #[arg(long, value_name = "FILE.wasm")]
    pub component: Option<PathBuf>,
    /// Folder under which the private Postgres lives, as `bench` beside that of `dev`: made anew, and deleted afterwards
    #[arg(long, value_name = "DIR", default_value = ".gd")]
    pub dir: PathBuf,
    /// Postgres to use instead of a private one, postgres://USER@HOST:PORT/DATABASE; databases are made and dropped there
    #[arg(long, value_name = "URL", value_parser = NonEmpty::new())]
    pub database_url: Option<String>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Steps per second: many instances of five steps each, from all being there to all being done
    #[value(name = "W1")]
    W1,
    /// Latency: one instance at a time on an idle host, from its start to its result
    #[value(name = "W2")]
    W2,
}

impl Workload {
    /// As in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::W1 => "W1",
            Self::W2 => "W2",
        }
    }

    /// Instances of one round, where none were asked for.
    pub fn instances_default(self) -> u32 {
        match self {
            Self::W1 => 20_000,
            Self::W2 => 300,
        }
    }
}
