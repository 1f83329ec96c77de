//! Killing the host when it hurts most: with a hundred charges on their way.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use jiff::Timestamp;

use super::api::{Api, Attempt, Instance};
use super::host::Host;
use super::provider::Provider;
use super::start::Starts;
use crate::ui::{note, seconds};

/// So many steps must run, and so many charges be on their way, when it happens.
const EXECUTING_MIN: usize = 100;
/// How long to wait for that moment.
const MOMENT_WAIT: Duration = Duration::from_secs(60);
/// How long a host may take to notice that its predecessor died, and to run its steps again.
const RECOVERY_WAIT: Duration = Duration::from_secs(20);

/// One death of the host.
#[derive(Debug, Clone)]
pub(super) struct Kill {
    /// Just before it.
    pub(super) at: Timestamp,
    /// The instances that were executing then.
    pub(super) executing: Vec<String>,
    /// Charges on their way then, as the provider counts them.
    pub(super) in_flight: usize,
    /// From the kill until the next host was ready.
    pub(super) down: Duration,
}

/// Waits for the moment, kills the host and starts it again.
pub(super) fn at_the_worst_moment(
    host: &mut Host,
    api: &Api,
    provider: &Provider,
    starts: &Starts,
    previous: Option<&Kill>,
) -> anyhow::Result<Kill> {
    if let Some(previous) = previous {
        wait_for_recovery(api, previous)?;
    }
    let (executing, in_flight) = moment(host, api, provider, starts)?;
    let at = Timestamp::now();
    let begun = Instant::now();
    host.kill()?;
    note(&format!("killed with {} steps executing and {in_flight} charges on their way", executing.len()));
    host.start()?;
    let down = begun.elapsed();
    note(&format!("ready again after {}", seconds(down)));
    Ok(Kill { at, executing: executing.into_iter().map(|instance| instance.id).collect(), in_flight, down })
}

fn moment(host: &mut Host, api: &Api, provider: &Provider, starts: &Starts) -> anyhow::Result<(Vec<Instance>, usize)> {
    let deadline = Instant::now() + MOMENT_WAIT;
    let mut most = (0, 0);
    while Instant::now() < deadline {
        host.must_live()?;
        let all_started = starts.are_over();
        let executing = api.with_status("executing")?;
        let in_flight = provider.in_flight();
        most = most.max((executing.len(), in_flight));
        if executing.len() >= EXECUTING_MIN && in_flight >= EXECUTING_MIN {
            return Ok((executing, in_flight));
        }
        // A short list of invoices never gets that far: then when all that is left to run runs.
        let is_few = all_started && most.0 < EXECUTING_MIN && !executing.is_empty();
        if is_few && in_flight > 0 && api.with_status("runnable")?.is_empty() {
            return Ok((executing, in_flight));
        }
        thread::sleep(Duration::from_millis(5));
    }
    bail!(
        "there was no moment with {EXECUTING_MIN} steps executing to kill the host in: at most {} executing with {} charges \
         on their way; see the host's concurrency",
        most.0,
        most.1
    )
}

/// The next kill must not come before the last one was noticed, or it could not be told whose recovery it was.
fn wait_for_recovery(api: &Api, previous: &Kill) -> anyhow::Result<()> {
    let deadline = Instant::now() + RECOVERY_WAIT;
    while Instant::now() < deadline {
        if any_recovered(&previous.executing, previous.at, |id| api.history(id))? {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    // The oracle says so at the end, with the rest.
    Ok(())
}

/// Whether one of these was recovered since. Any of them will do, and it takes all of them to tell: those that committed between the
/// look at what was executing and the kill have nothing to recover.
fn any_recovered(
    ids: &[String],
    since: Timestamp,
    mut history: impl FnMut(&str) -> anyhow::Result<Vec<Attempt>>,
) -> anyhow::Result<bool> {
    for id in ids {
        if history(id)?.iter().any(|attempt| attempt.outcome == "recovered" && attempt.at >= since) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(outcome: &str, at: &str) -> Attempt {
        Attempt { claim: 1, visit: 0, step: "charge".to_owned(), outcome: outcome.to_owned(), at: at.parse().unwrap() }
    }

    fn check(recovered: &str, expected: bool) {
        let ids: Vec<String> = (0..250).map(|id| id.to_string()).collect();
        let since: Timestamp = "2026-01-01T00:00:05Z".parse().unwrap();
        let history = |id: &str| {
            let committed = attempt("next", "2026-01-01T00:00:04Z");
            let before = attempt("recovered", "2026-01-01T00:00:01Z");
            let after = attempt("recovered", "2026-01-01T00:00:08Z");
            Ok(if id == recovered { vec![before, after] } else { vec![before, committed] })
        };
        assert_eq!(any_recovered(&ids, since, history).unwrap(), expected);
    }

    #[test]
    fn a_recovery_is_seen_whichever_of_the_executing_it_was() {
        check("0", true);
        check("249", true);
        check("none of them", false);
    }
}
