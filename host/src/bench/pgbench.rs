//! The yardstick: what Postgres' own benchmark makes of the same cluster, just before a round.

use std::time::Duration;

use super::server::Server;
use super::{Error, Progress};

/// As for every published figure: ten times 100,000 accounts.
const SCALE: &str = "10";
/// How long each kind is run before each round. Chosen: a few thousand commits, and several of the disk's own moods.
const THROUGHPUT: Duration = Duration::from_secs(5);
const LATENCY: Duration = Duration::from_secs(3);

/// pgbench with a database of its own.
pub(super) struct Pgbench<'a> {
    server: &'a Server,
    database: &'a str,
}

/// What it came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Yardstick {
    /// Transactions per second of 8 clients.
    pub(super) tps: f64,
    /// How long one transaction of one client takes: what a "commit" is as a measure of latency.
    pub(super) commit: Duration,
}

impl<'a> Pgbench<'a> {
    /// Fills an empty database.
    pub(super) async fn prepare(server: &'a Server, database: &'a str, progress: &Progress) -> Result<Self, Error> {
        let program = server.programs().join("pgbench");
        if !program.is_file() {
            return Err(Error::NoPgbench(server.programs().to_owned()));
        }
        progress.doing("filling pgbench's database");
        let pgbench = Self { server, database };
        pgbench.run(&["-i", "-s", SCALE, "-q"]).await?;
        Ok(pgbench)
    }

    /// Runs it once, with nothing else going on.
    pub(super) async fn measure(&self, progress: &Progress) -> Result<Yardstick, Error> {
        progress.doing("pgbench -N -M prepared -c 8 -j 2");
        let seconds = THROUGHPUT.as_secs().to_string();
        let many = self.run(&["-N", "-M", "prepared", "-c", "8", "-j", "2", "-T", &seconds]).await?;
        progress.doing("pgbench -N -M prepared -c 1");
        let one = self.run(&["-N", "-M", "prepared", "-c", "1", "-T", &LATENCY.as_secs().to_string()]).await?;
        Ok(Yardstick { tps: tps(&many)?, commit: latency(&one)? })
    }

    async fn run(&self, args: &[&str]) -> Result<String, Error> {
        let mut command = self.server.program("pgbench");
        command.args(args).arg(self.server.url(self.database)).kill_on_drop(true);
        let output = command.output().await.map_err(Error::system("run pgbench"))?;
        if !output.status.success() {
            return Err(Error::Pgbench(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn tps(report: &str) -> Result<f64, Error> {
    number(report, "tps = ").ok_or_else(|| Error::Answer(report.to_owned(), "a report of pgbench with `tps =`"))
}

fn latency(report: &str) -> Result<Duration, Error> {
    let millis = number(report, "latency average = ");
    let wrong = || Error::Answer(report.to_owned(), "a report of pgbench with `latency average =`");
    Ok(Duration::from_secs_f64(millis.filter(|millis| *millis > 0.0).ok_or_else(wrong)? / 1_000.0))
}

fn number(report: &str, name: &str) -> Option<f64> {
    let line = report.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
pgbench (15.18 (Debian 15.18-0+deb12u1))
transaction type: <builtin: simple update>
number of transactions actually processed: 24411
number of failed transactions: 0 (0.000%)
latency average = 0.410 ms
initial connection time = 1.902 ms
tps = 2439.024390 (without initial connection time)
";

    #[test]
    fn a_report_is_read() {
        assert_eq!(tps(REPORT).unwrap(), 2439.02439);
        assert_eq!(latency(REPORT).unwrap(), Duration::from_micros(410));
    }

    #[test]
    fn a_report_without_its_numbers_is_refused() {
        let error = tps("pgbench (99)\n").unwrap_err().to_string();
        assert!(error.contains("pgbench (99)") && error.contains("tps ="), "{error}");
        assert!(latency("latency average = 0.000 ms").is_err());
    }
}
