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
    /// Instances of one round. What they are differs: jobs for W1b, one kind for W2, children for W3, the crowd for W6, rows for W9;
    /// with --seconds, those that wait at any time. Default: 20000 for W1, W1b, W7 and W9, 300 for W2 and W4, 1000 for W3, 100000 for W6
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    pub instances: Option<u32>,
    /// Bytes of an instance's JSON state; 200, 1024 and 2048 are what we publish
    #[arg(long, value_name = "BYTES", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(200..=65536))]
    pub state_bytes: u32,
    /// Rounds that are counted; one more goes before them to warm up. Default: 5; 3 for W7, 1 with --seconds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: Option<u32>,
    /// Keep instances waiting for so long in each round, instead of one burst (W1, W1b); with --trouble, how long each half of a round is
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: Option<u32>,
    /// Rounds of W1 in pairs, one calm and one under this trouble
    #[arg(long, value_name = "NAME", value_enum, conflicts_with = "statements")]
    pub trouble: Option<Trouble>,
    /// Show the ten statements that cost the server most per step (W1, W1b); loads pg_stat_statements, which has a price of its own
    #[arg(long)]
    pub statements: bool,
    /// Live rows beside those that run (W7): measures this one alone instead of all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    pub live: Option<u32>,
    /// Hosts on one database, all in this process (W7): measures this number alone instead of all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=8))]
    pub hosts: Option<u32>,
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
    /// How long idle waiting is watched (W6)
    #[arg(long, value_name = "N", default_value_t = 10, hide = true)]
    pub idle_seconds: u32,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Steps per second: many instances of five steps each, from all being there to all being done
    #[value(name = "W1")]
    W1,
    /// The same with jobs of a single step that does nothing
    #[value(name = "W1b")]
    W1b,
    /// Latency: one instance at a time on an idle host, from its start to its result
    #[value(name = "W2")]
    W2,
    /// Fan-out: one parent, 1,000 children, and the join
    #[value(name = "W3")]
    W3,
    /// Signals: from sending one to a parked instance to that instance's result
    #[value(name = "W4")]
    W4,
    /// Tenants, one large among many small: not measured yet, since this build has one tenant
    #[value(name = "W5")]
    W5,
    /// Limits: what a crowd that waits for tokens and slots costs, and whether it holds up who is free
    #[value(name = "W6")]
    W6,
    /// Growth: W1 beside more and more rows, and on more hosts
    #[value(name = "W7")]
    W7,
    /// Density of versions and parked instances: not measured yet
    #[value(name = "W8")]
    W8,
    /// Inserting: starts one by one, and in batches of 1,000
    #[value(name = "W9")]
    W9,
}

impl Workload {
    /// As in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::W1 => "W1",
            Self::W1b => "W1b",
            Self::W2 => "W2",
            Self::W3 => "W3",
            Self::W4 => "W4",
            Self::W5 => "W5",
            Self::W6 => "W6",
            Self::W7 => "W7",
            Self::W8 => "W8",
            Self::W9 => "W9",
        }
    }

    /// Instances of one round, where none were asked for.
    pub fn instances_default(self) -> u32 {
        match self {
            Self::W1 | Self::W1b | Self::W5 | Self::W7 | Self::W8 | Self::W9 => 20_000,
            Self::W2 | Self::W4 => 300,
            Self::W3 => 1_000,
            Self::W6 => 100_000,
        }
    }

    /// Rounds, where no number was asked for.
    pub fn rounds_default(self) -> u32 {
        match self {
            Self::W7 => 3,
            Self::W1 | Self::W1b | Self::W2 | Self::W3 | Self::W4 | Self::W5 | Self::W6 | Self::W8 | Self::W9 => 5,
        }
    }
}

/// What goes wrong in every second half of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Trouble {
    /// An analyst's transaction is open since before the round, and keeps every dead row from being removed
    Snapshot,
    /// One checkpoint follows the other
    Checkpoints,
    /// Another process writes to the disk of the cluster and has every write flushed
    SlowDisk,
    /// The host is a quarter of a second away from its database
    Remote,
    /// Some of the instances wait ten seconds in a step
    SlowGuest,
    /// Some of the instances make a state of 1 MiB
    LargeState,
}

impl Trouble {
    /// As in reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Checkpoints => "checkpoints",
            Self::SlowDisk => "slow-disk",
            Self::Remote => "remote",
            Self::SlowGuest => "slow-guest",
            Self::LargeState => "large-state",
        }
    }

    /// Seconds of each half of a round, where none were asked for: a remote host needs longer to make steps that can be counted.
    pub fn seconds_default(self) -> u32 {
        match self {
            Self::Remote => 30,
            Self::Snapshot | Self::Checkpoints | Self::SlowDisk | Self::SlowGuest | Self::LargeState => 10,
        }
    }
}
