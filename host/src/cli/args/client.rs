//! Options of the verbs that talk to the API.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser as NonEmpty;
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::super::duration;
use super::value::{KeyScope, Target, key_scope, timestamp};

/// Options of `deploy`.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// The component, at most 64 MiB
    #[arg(value_name = "FILE.wasm")]
    pub file: PathBuf,
    /// How much the history of the FSM keeps from now on. Default: what it kept before, transitions for a new one
    #[arg(long, value_name = "LEVEL", value_enum)]
    pub history: Option<History>,
}

/// How much the history of an FSM keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum History {
    /// Nothing.
    Off,
    /// Every attempt and what it logged.
    Transitions,
    /// Every attempt with its exact input.
    Full,
}

/// Options of `versions`.
#[derive(Debug, Args)]
pub struct VersionsArgs {
    /// The FSM; without it every FSM is listed with the version that new instances get
    #[arg(value_name = "FSM", value_parser = NonEmpty::new())]
    pub fsm: Option<String>,
}

/// What is said in each line of a batch instead.
const NOT_OF_A_BATCH: [&str; 12] = [
    "fsm",
    "state",
    "key",
    "concurrency_key",
    "rate_limit",
    "step",
    "queue",
    "priority",
    "delay",
    "at",
    "version",
    "wait",
];

/// Options of `start`.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// The FSM to start
    #[arg(value_name = "FSM", value_parser = NonEmpty::new(), required_unless_present = "batch")]
    pub fsm: Option<String>,
    /// Start many: a file with a JSON document per line, as `POST /v1/instances` takes them, or - for standard input
    #[arg(long, value_name = "FILE", value_parser = NonEmpty::new(), conflicts_with_all = NOT_OF_A_BATCH)]
    pub batch: Option<String>,
    /// State to start with: JSON, @FILE to read it from a file, or - for standard input. Default: none
    #[arg(long, value_name = "JSON", allow_negative_numbers = true)]
    pub state: Option<String>,
    /// Correlation key: the address for signals, and unless --scope says otherwise unique among live instances
    #[arg(long, value_name = "KEY", value_parser = NonEmpty::new())]
    pub key: Option<String>,
    /// How long the key stays taken: live, none (it is not unique), or the ends beyond which too, such as done,failed. Default: live
    #[arg(long, value_name = "SCOPE", value_parser = key_scope, requires = "key")]
    pub scope: Option<KeyScope>,
    /// Concurrency key: as many instances run a step under it at once as its limit says, one where there is none
    #[arg(long, value_name = "KEY", value_parser = NonEmpty::new())]
    pub concurrency_key: Option<String>,
    /// Rate limit that the first step draws from, NAME or NAME:PARTITION
    #[arg(long, value_name = "LIMIT", value_parser = NonEmpty::new())]
    pub rate_limit: Option<String>,
    /// Tokens of the rate limit that the first step draws, from 1. Default: 1
    #[arg(long, value_name = "N", requires = "rate_limit", value_parser = clap::value_parser!(u32).range(1..))]
    pub weight: Option<u32>,
    /// Step to start at. Default: the FSM's initial step
    #[arg(long, value_name = "STEP", value_parser = NonEmpty::new())]
    pub step: Option<String>,
    /// Queue to wait in. Default: the FSM's own
    #[arg(long, value_name = "QUEUE", value_parser = NonEmpty::new())]
    pub queue: Option<String>,
    /// Priority within the queue, -32768 to 32767. Default: 0
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub priority: Option<i16>,
    /// Start after this long, such as 250ms, 30s, 5m, 2h or 7d. Default: at once
    #[arg(long = "in", value_name = "DURATION", value_parser = duration::parse, conflicts_with = "at")]
    pub delay: Option<Duration>,
    /// Start at this time, RFC 3339 with an offset, such as 2030-01-31T09:00:00Z. Default: at once
    #[arg(long, value_name = "TIME", value_parser = timestamp)]
    pub at: Option<Timestamp>,
    /// Version to start. Default: the one that new instances get
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub version: Option<u32>,
    /// Wait until the instance has ended and print it; exit code 1 when it did not end done
    #[arg(long)]
    pub wait: bool,
    /// How long to wait, such as 500ms, 30s or 1h; only with --wait
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse, requires = "wait")]
    pub timeout: Duration,
}

/// Options of `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only instances of this FSM
    #[arg(long, value_name = "FSM", value_parser = NonEmpty::new())]
    pub fsm: Option<String>,
    /// Only instances with this status
    #[arg(long, value_name = "STATUS", value_enum)]
    pub status: Option<Status>,
    /// Only instances at this step
    #[arg(long, value_name = "STEP", value_parser = NonEmpty::new())]
    pub step: Option<String>,
    /// Only instances in this queue
    #[arg(long, value_name = "QUEUE", value_parser = NonEmpty::new())]
    pub queue: Option<String>,
    /// Only instances with this correlation key
    #[arg(long, value_name = "KEY", value_parser = NonEmpty::new())]
    pub key: Option<String>,
    /// Only instances of this version
    #[arg(long, value_name = "N")]
    pub version: Option<u32>,
    /// Instances per page, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Where to go on: the cursor that the page before ended with. Default: the first page
    #[arg(long, value_name = "CURSOR", value_parser = NonEmpty::new())]
    pub cursor: Option<String>,
}

/// Options of `get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// The instance's id
    #[arg(value_name = "ID", value_parser = NonEmpty::new())]
    pub id: String,
}

/// Options of `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The instance's id
    #[arg(value_name = "ID", value_parser = NonEmpty::new())]
    pub id: String,
    /// Attempts per page, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Where to go on: the cursor that the page before ended with. Default: the first page
    #[arg(long, value_name = "CURSOR", value_parser = NonEmpty::new())]
    pub cursor: Option<String>,
    /// Print what the attempt under this claim was handed, where the FSM keeps a full history
    #[arg(long, value_name = "CLAIM", conflicts_with_all = ["limit", "cursor"])]
    pub input: Option<u64>,
}

/// Options of `signal`.
#[derive(Debug, Args)]
pub struct SignalArgs {
    /// Whom it is for: an instance's id, or key:KEY for the live instance with that correlation key
    #[arg(value_name = "ID|key:KEY")]
    pub target: Target,
    /// The signal's name
    #[arg(value_name = "NAME", value_parser = NonEmpty::new())]
    pub name: String,
    /// Payload: JSON, @FILE to read it from a file, or - for standard input. Default: none
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
    pub payload: Option<String>,
    /// A signal with the same dedup key is accepted once
    #[arg(long, value_name = "KEY", value_parser = NonEmpty::new())]
    pub dedup: Option<String>,
}

/// Options of `wait`.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// The instance's id
    #[arg(value_name = "ID", value_parser = NonEmpty::new())]
    pub id: String,
    /// What to wait for
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Until::Terminal)]
    pub until: Until,
    /// How long to wait, such as 500ms, 30s or 1h
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    pub timeout: Duration,
}

/// What `wait` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Until {
    /// Nothing to do at once: ended, or parked for a signal, a child or a later time.
    Settled,
    /// Ended: done, failed or cancelled.
    Terminal,
}

/// The status of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Status {
    /// Waits for a worker or for its time.
    Runnable,
    /// A worker runs a step of it.
    Executing,
    /// Parked until a signal or a timeout.
    AwaitingSignal,
    /// Parked until its children have ended.
    AwaitingChildren,
    /// Ended with a result.
    Done,
    /// Ended with an error.
    Failed,
    /// Ended by cancellation.
    Cancelled,
}
