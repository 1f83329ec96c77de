//! Options of `limit`.

use std::time::Duration;

use clap::builder::NonEmptyStringValueParser as NonEmpty;
use clap::{Args, Subcommand, ValueEnum};

use super::super::duration;

/// What `limit` does.
#[derive(Debug, Subcommand)]
pub enum LimitCommand {
    /// Show the limits that count, the defaults of every tenant among them
    List,
    /// Set a rate limit (--allowed and --per) or a concurrency limit (--slots)
    Set(LimitSetArgs),
    /// Remove a limit; what waits for tokens of it then waits until it is set again
    Remove(LimitRemoveArgs),
}

/// Options of `limit set`.
#[derive(Debug, Args)]
pub struct LimitSetArgs {
    /// Name of the limit; a rate limit holds for each partition of it, a concurrency limit for each key that begins with it and a colon
    #[arg(value_name = "NAME", value_parser = NonEmpty::new())]
    pub name: String,
    /// Tokens per period; 0 lets nothing through once the bucket is empty
    #[arg(long, value_name = "N", conflicts_with = "slots", required_unless_present = "slots")]
    pub allowed: Option<u32>,
    /// The period, such as 1s or 1m
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration::parse, conflicts_with = "slots")]
    pub per: Duration,
    /// Tokens that may pile up while nobody takes them. Default: as many as are allowed in one period
    #[arg(long, value_name = "N", conflicts_with = "slots", requires = "allowed")]
    pub burst: Option<u32>,
    /// Instances that may hold one concurrency key at once
    #[arg(long, value_name = "N", required_unless_present = "allowed")]
    pub slots: Option<u16>,
}

/// Options of `limit remove`.
#[derive(Debug, Args)]
pub struct LimitRemoveArgs {
    /// Name of the limit
    #[arg(value_name = "NAME", value_parser = NonEmpty::new())]
    pub name: String,
    /// Which of the two limits that a name may have
    #[arg(long, value_name = "KIND", value_enum)]
    pub kind: LimitKind,
}

/// Which of the two limits that a name may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LimitKind {
    /// Tokens per time.
    Rate,
    /// Instances at once.
    Concurrency,
}
