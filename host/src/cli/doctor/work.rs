//! What the hosts of the database do: partitions made ahead, beats, work that nobody takes.

use std::time::Duration;

use super::super::error::Error;
use super::check::{Check, Report};
use crate::store::{self, Examined, WorkerFacts};

/// Days that are looked at; hosts make seven ahead, once an hour.
const PARTITION_DAYS: i32 = 6;
/// Days ahead below which somebody should act before a weekend is over.
const PARTITION_DAYS_MIN: i32 = 3;
/// Silence of a living worker that is worth a word: it beats once a second.
const SILENCE: Duration = Duration::from_secs(5);
/// How long work may wait before it is worth a word. Chosen: twice the longest time between two polls of an idle host.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// How late a timeout may be before it is worth a word; it is met within a second.
const GRACE: Duration = Duration::from_secs(5);
/// Awaits that are counted.
const OVERDUE_ROWS_MAX: i64 = 1_000;

/// Every check that needs the schema.
pub(super) async fn work(examined: &mut Examined, report: &mut Report<'_>) -> Result<(), Error> {
    let missing = examined.missing_partition(PARTITION_DAYS).await;
    report.add(read("partitions", missing, partitions))?;
    let facts = examined.workers(SILENCE).await;
    report.add(read("workers", facts, workers))?;
    let oldest = examined.oldest_due().await;
    report.add(read("waiting work", oldest, |oldest| match oldest {
        Some((id, due_for)) if due_for > WAIT_MAX => Check::warn(
            "waiting work",
            format!("instance {id} has been due for {}", whole_seconds(due_for)),
            &format!("see `gd-host why {id}`; where hosts are busy, start another"),
        ),
        Some((_, due_for)) => {
            Check::ok("waiting work", format!("the oldest has been due for {}", whole_seconds(due_for)))
        }
        None => Check::ok("waiting work", "nothing is due"),
    }))?;
    let overdue = examined.overdue_awaits(GRACE, OVERDUE_ROWS_MAX).await;
    report.add(read("timeouts", overdue, |overdue| match overdue {
        0 => Check::ok("timeouts", "no await is overdue"),
        overdue => Check::warn(
            "timeouts",
            format!("{overdue} awaits have been overdue for more than {}", whole_seconds(GRACE)),
            "a host that works wakes them: see `gd-host nodes`",
        ),
    }))
}

fn read<T>(check: &'static str, found: Result<T, store::Error>, judge: impl FnOnce(T) -> Check) -> Check {
    found.map_or_else(|error| Check::unread(check, &error), judge)
}

fn partitions(missing: Option<i32>) -> Check {
    let advice = "a host that works makes them every hour: see its log for why it does not";
    match missing {
        None => Check::ok("partitions", format!("made for {PARTITION_DAYS} days ahead and more")),
        Some(0) => Check::fail("partitions", "none for today, so that no step can be committed", advice),
        Some(day) if day <= PARTITION_DAYS_MIN => {
            Check::warn("partitions", format!("made for {} days ahead only", day - 1), advice)
        }
        Some(day) => Check::ok("partitions", format!("made for {} days ahead", day - 1)),
    }
}

fn workers(facts: WorkerFacts) -> Check {
    let Some(beat) = facts.youngest_beat else {
        return Check::warn("workers", "none is alive, so that no step runs", "start one with `gd-host serve`");
    };
    let is = format!("{} alive, the last beat was {:.1} s ago", facts.alive, beat.as_secs_f64());
    if facts.silent > 0 {
        let silent = format!("{is}; {} of them silent for more than {}", facts.silent, whole_seconds(SILENCE));
        return Check::warn("workers", silent, "what they hold is taken back once their lease is over; see their logs");
    }
    Check::ok("workers", is)
}

fn whole_seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_that_run_out_are_told_of_in_time() {
        let check = |missing, expected: &str| {
            let said = format!("{:?}", partitions(missing));
            assert!(said.contains(expected), "{missing:?}: {said}");
        };
        check(None, "Ok");
        check(Some(6), "Ok");
        check(Some(2), "Warn");
        check(Some(0), "Fail");
    }

    #[test]
    fn nobody_at_work_and_a_silent_worker_are_told_of() {
        let check = |alive, silent, youngest_beat, expected: &str| {
            let said = format!("{:?}", workers(WorkerFacts { alive, silent, youngest_beat }));
            assert!(said.contains(expected), "{said}");
        };
        check(0, 0, None, "none is alive");
        check(2, 0, Some(Duration::from_millis(400)), "2 alive, the last beat was 0.4 s ago");
        check(2, 1, Some(Duration::from_millis(400)), "1 of them silent");
    }
}
