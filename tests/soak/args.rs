//! What the command line takes.

use std::time::Duration;

use clap::Parser;

/// Two hosts and their Postgres under load and under faults, and a judgement of what came of every instance and signal.
///
/// Exit codes: 0 every promise was kept, 1 one was broken, 3 inconclusive: too little happened to say so.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask soak", bin_name = "cargo xtask soak", max_term_width = 110)]
pub(crate) struct Args {
    /// How long load and faults go on, in minutes; what has begun is then brought to its end
    #[arg(long, value_name = "N", default_value_t = 10, conflicts_with = "seconds")]
    minutes: u64,
    /// The same in seconds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(20..))]
    seconds: Option<u64>,
    /// Makes the same choices again; how they meet in time is never the same
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many instances are kept alive
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub(crate) live: usize,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Break the hosts' statements in this way: the run must fail
    #[arg(long, value_name = "NAME", value_enum)]
    pub(crate) defect: Option<crate::defect::Defect>,
}

impl Args {
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(self.minutes * 60))
    }

    /// The seed that was given, or one that nobody chose.
    pub(crate) fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(|| crate::clock::now_ms().unsigned_abs() % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn a_run_takes_ten_minutes_unless_it_is_told_otherwise() {
        Args::command().debug_assert();
        for (line, seconds) in [("soak", 600), ("soak --minutes 5", 300), ("soak --seconds 60", 60)] {
            assert_eq!(Args::try_parse_from(line.split(' ')).unwrap().duration().as_secs(), seconds);
        }
        for line in ["soak --minutes 1 --seconds 60", "soak --seconds 5"] {
            assert!(Args::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
