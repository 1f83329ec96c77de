//! The server: its version, what it is set to, its clock, its room; and the schema.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::error::Error;
use super::check::{Check, Report};
use crate::store::{Examined, SERVER_VERSION_MIN, ServerFacts};

/// Connections that a host takes at most. Source: the pools and the connections of their own of its store, with a few to spare.
const CONNECTIONS_OF_A_HOST: i64 = 36;
/// Difference of the clocks that is worth a word. Chosen: what a person notices who compares two logs.
const CLOCK_DIFFERENCE_MAX: Duration = Duration::from_secs(1);

/// Everything that can be asked of any server.
pub(super) async fn server(examined: &mut Examined, report: &mut Report<'_>) -> Result<(), Error> {
    let before = clock();
    let facts = match examined.server().await {
        Ok(facts) => facts,
        Err(error) => return report.add(Check::unread("server", &error)),
    };
    let after = clock();
    report.add(version(&facts))?;
    report.add(durability("synchronous_commit", &facts.synchronous_commit))?;
    report.add(durability("fsync", &facts.fsync))?;
    report.add(durability("full_page_writes", &facts.full_page_writes))?;
    report.add(room(&facts))?;
    report.add(clocks(before, after, facts.now_ms))
}

/// Whether the schema is this binary's. Says so, since nothing else can be asked then.
pub(super) async fn schema(examined: &mut Examined, report: &mut Report<'_>) -> Result<bool, Error> {
    let (found, needed) = match examined.schema().await {
        Ok(versions) => versions,
        Err(error) => {
            report.add(Check::unread("schema", &error))?;
            return Ok(false);
        }
    };
    let is = format!("version {found}");
    report.add(match found.cmp(&needed) {
        std::cmp::Ordering::Equal => Check::ok("schema", is),
        std::cmp::Ordering::Less => {
            Check::fail("schema", format!("{is}, this binary needs {needed}"), "run `gd-host migrate`")
        }
        std::cmp::Ordering::Greater => {
            Check::fail("schema", format!("{is}, this binary knows {needed}"), "use a newer gd-host")
        }
    })?;
    Ok(found == needed)
}

fn version(facts: &ServerFacts) -> Check {
    let is = format!("PostgreSQL {}", facts.version);
    if facts.version_num / 10_000 < SERVER_VERSION_MIN {
        return Check::fail("server", format!("{is}, {SERVER_VERSION_MIN} or newer is needed"), "upgrade it");
    }
    Check::ok("server", is)
}

fn durability(setting: &'static str, value: &str) -> Check {
    if value == "off" {
        let advice = "switch it on in postgresql.conf";
        return Check::fail(setting, "off, so that a crash of the server loses what was acknowledged", advice);
    }
    Check::ok(setting, value)
}

fn room(facts: &ServerFacts) -> Check {
    let (most, taken) = (i64::from(facts.connections_max), facts.connections);
    let is = format!("{taken} of {most} taken, a host takes up to {CONNECTIONS_OF_A_HOST}");
    if most - taken < CONNECTIONS_OF_A_HOST {
        return Check::warn("connections", is, "raise max_connections before another host is started");
    }
    Check::ok("connections", is)
}

/// The server's clock was read between `before` and `after`.
fn clocks(before: Duration, after: Duration, server_ms: i64) -> Check {
    let server = Duration::from_millis(server_ms.unsigned_abs());
    let (ahead, behind) = (server.saturating_sub(after), before.saturating_sub(server));
    match (ahead > CLOCK_DIFFERENCE_MAX, behind > CLOCK_DIFFERENCE_MAX) {
        (false, false) => Check::ok("clock", "that of the database is this machine's"),
        (true, _) => differing(ahead, "ahead of"),
        (false, true) => differing(behind, "behind"),
    }
}

fn differing(by: Duration, way: &str) -> Check {
    let found = format!("that of the database is {:.1} s {way} this machine's", by.as_secs_f64());
    Check::warn("clock", found, "synchronise them: workflows go by the database's, logs by this machine's")
}

#[expect(clippy::disallowed_methods, reason = "the clock of this machine is what is compared with the database's")]
fn clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_by_more_than_the_answer_took_are_told_of() {
        let s = Duration::from_secs;
        let check = |server_s: i64, expected: &str| {
            let said = format!("{:?}", clocks(s(1_000), s(1_004), server_s * 1_000));
            assert!(said.contains(expected), "{server_s}: {said}");
        };
        check(999, "Ok");
        check(1_002, "Ok");
        check(1_005, "Ok");
        check(997, "3.0 s behind");
        check(1_010, "6.0 s ahead of");
    }

    #[test]
    fn a_setting_that_loses_commits_fails() {
        assert!(format!("{:?}", durability("fsync", "off")).contains("Fail"));
        for value in ["on", "local", "remote_apply"] {
            assert!(format!("{:?}", durability("synchronous_commit", value)).contains("Ok"));
        }
    }
}
