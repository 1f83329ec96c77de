//! The committed attempts of an instance form one chain, from its first step to its end.

use std::collections::HashSet;

use gd_core::{AttemptOutcome, Status, Wake};

use super::rows::{Attempt, Finished};

/// Where the chain stands, and what may come next.
struct Place {
    visit: i64,
    attempt: i32,
    wakes: &'static [Wake],
    step: Option<String>,
    claim: i64,
    end: Option<AttemptOutcome>,
    /// Workers from whom it was taken back: their ids are never used again.
    dead: HashSet<i64>,
}

/// What is wrong with the chain.
pub(super) fn check(row: &Finished, history: &[Attempt]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut place =
        Place { visit: 0, attempt: 0, wakes: &[Wake::Start], step: None, claim: -1, end: None, dead: HashSet::new() };
    for (number, attempt) in history.iter().enumerate() {
        let last = number + 1 == history.len();
        broken.extend(place.check(attempt));
        place.go_on(attempt, last && row.status() == Some(Status::Failed));
    }
    broken.extend(place.check_end(row));
    broken
}

impl Place {
    fn check(&self, attempt: &Attempt) -> Vec<String> {
        let mut broken = Vec::new();
        let at = format!("the attempt with claim {}", attempt.claim);
        if self.end.is_some() {
            broken.push(format!("{at} comes after the end"));
        }
        if attempt.claim <= self.claim {
            broken.push(format!("{at} comes after claim {}", self.claim));
        }
        if (attempt.visit, attempt.attempt) != (self.visit, self.attempt) {
            broken.push(format!(
                "{at} is visit {} attempt {}, where visit {} attempt {} is due",
                attempt.visit, attempt.attempt, self.visit, self.attempt
            ));
        }
        if !attempt.wake().is_some_and(|wake| self.wakes.contains(&wake)) {
            broken.push(format!("{at} was woken by {:?} instead of one of {:?}", attempt.wake(), self.wakes));
        }
        if self.step.as_ref().is_some_and(|step| *step != attempt.step) {
            broken.push(format!("{at} runs {:?} instead of {:?}", attempt.step, self.step));
        }
        if self.dead.contains(&attempt.worker) {
            broken.push(format!("{at} is of worker {:x}, which was dead by then", attempt.worker));
        }
        broken
    }

    /// Goes on from what the attempt says itself, so that one mistake is told once.
    fn go_on(&mut self, attempt: &Attempt, ends_it: bool) {
        let Some(outcome) = attempt.outcome() else { return };
        (self.claim, self.visit, self.attempt) = (attempt.claim, attempt.visit, attempt.attempt);
        self.step = Some(attempt.to_step.clone().unwrap_or_else(|| attempt.step.clone()));
        let (new_visit, wakes): (bool, &[Wake]) = match outcome {
            AttemptOutcome::Next => (true, &[Wake::Next]),
            AttemptOutcome::Await => (true, &[Wake::Signal, Wake::Timeout]),
            AttemptOutcome::ScheduleChildren => (true, &[Wake::Join]),
            AttemptOutcome::Retry => (false, &[Wake::Retry]),
            AttemptOutcome::Fault if !ends_it => (false, &[Wake::Retry]),
            AttemptOutcome::Recovered => {
                self.dead.insert(attempt.worker);
                (false, &[Wake::Recovered])
            }
            AttemptOutcome::Fault | AttemptOutcome::Done | AttemptOutcome::Stop | AttemptOutcome::Cancelled => {
                self.end = Some(outcome);
                return;
            }
        };
        self.wakes = wakes;
        (self.visit, self.attempt) = if new_visit { (self.visit + 1, 0) } else { (self.visit, self.attempt + 1) };
    }

    fn check_end(&self, row: &Finished) -> Vec<String> {
        let mut broken = Vec::new();
        let expected = match self.end {
            Some(AttemptOutcome::Done) => Some(Status::Done),
            Some(AttemptOutcome::Stop | AttemptOutcome::Fault) => Some(Status::Failed),
            Some(AttemptOutcome::Cancelled) => Some(Status::Cancelled),
            Some(
                AttemptOutcome::Next
                | AttemptOutcome::Retry
                | AttemptOutcome::Await
                | AttemptOutcome::ScheduleChildren
                | AttemptOutcome::Recovered,
            )
            | None => None,
        };
        if expected.is_none() || row.status() != expected {
            broken.push(format!("it is {:?}, and the last of its history is {:?}", row.status(), self.end));
        }
        if row.claim != self.claim + 1 {
            broken.push(format!("it ended at claim {}, its last attempt had {}", row.claim, self.claim));
        }
        if (row.visit, row.attempt) != (self.visit, self.attempt) {
            broken.push(format!(
                "it ended at visit {} attempt {}, its last attempt was visit {} attempt {}",
                row.visit, row.attempt, self.visit, self.attempt
            ));
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(claim: i64, visit: i64, attempt: i32, wake: Wake, outcome: AttemptOutcome) -> Attempt {
        let (wake, outcome) = (wake.code(), outcome.code());
        Attempt { claim, visit, attempt, wake, outcome, worker: 7, step: "run".into(), ..Attempt::default() }
    }

    /// Start, a recovery, two steps, an end.
    fn good() -> (Finished, Vec<Attempt>) {
        let mut history = vec![
            attempt(1, 0, 0, Wake::Start, AttemptOutcome::Next),
            attempt(2, 1, 0, Wake::Next, AttemptOutcome::Recovered),
            attempt(4, 1, 1, Wake::Recovered, AttemptOutcome::Await),
            attempt(6, 2, 0, Wake::Timeout, AttemptOutcome::Fault),
            attempt(8, 2, 1, Wake::Retry, AttemptOutcome::Done),
        ];
        history[0].to_step = Some("other".into());
        history[1].step = "other".into();
        (history[2].step, history[2].to_step) = ("other".into(), Some("run".into()));
        history[2..].iter_mut().for_each(|attempt| attempt.worker = 8);
        let row = Finished { status: Status::Done.code(), visit: 2, attempt: 1, claim: 9, ..Finished::default() };
        (row, history)
    }

    #[test]
    fn one_chain_from_the_start_to_the_end_is_in_order() {
        let (row, history) = good();
        assert_eq!(check(&row, &history), Vec::<String>::new());
    }

    #[test]
    fn whatever_breaks_the_chain_is_told() {
        type Break = fn(&mut Finished, &mut Vec<Attempt>);
        let breaks: [(&str, Break); 12] = [
            ("a visit is missing", |_, history| drop(history.remove(0))),
            ("a visit is committed twice", |_, history| history.insert(1, history[0].clone())),
            ("a claim does not rise", |_, history| history[2].claim = 2),
            ("an attempt is skipped", |_, history| history[2].attempt = 2),
            ("another step", |_, history| history[1].step = "run".into()),
            ("woken by nothing", |_, history| history[3].wake = Wake::Next.code()),
            ("a dead worker commits", |_, history| history[2].worker = 7),
            ("it ends twice", |_, history| history.push(Attempt { claim: 9, ..history[4].clone() })),
            ("no end", |_, history| drop(history.pop())),
            ("another end", |row, _| row.status = Status::Failed.code()),
            ("a later claim", |row, _| row.claim = 11),
            ("another visit", |row, _| row.visit = 3),
        ];
        for (what, break_it) in breaks {
            let (mut row, mut history) = good();
            break_it(&mut row, &mut history);
            assert!(!check(&row, &history).is_empty(), "{what} is not seen");
        }
    }
}
