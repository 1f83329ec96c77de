//! Why an instance does not run, or what it does instead: from facts to words.

mod aside;

use crate::{LONE_STARTS_MAX, LOSSES_MAX, Status};

pub use aside::{Aside, Joining, WantsSlot, WantsTokens};

/// What is known of a live instance, all of one moment, by the database's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the instance's columns; what is more is said")]
pub struct Facts {
    pub status: Status,
    pub held: bool,
    pub fsm: String,
    pub version: i32,
    pub step: String,
    pub queue: String,
    pub attempt: u32,
    pub losses: u32,
    pub lone_starts: u32,
    pub awaits: Vec<String>,
    /// Milliseconds until it is due; negative once it is.
    pub due_in_ms: i64,
    /// Milliseconds until its await is over.
    pub deadline_in_ms: Option<i64>,
    /// Milliseconds since anything was written to it.
    pub unchanged_ms: i64,
    /// The worker that holds it.
    pub owner: Option<Owner>,
    /// Workers that are alive.
    pub workers: i64,
    /// Instances that come before it in its queue, counted up to 1,000.
    pub ahead: i64,
    /// What it stands aside for, if it is runnable.
    pub aside: Option<Aside>,
    /// The concurrency key of which a slot is reserved for it.
    pub reserved: Option<String>,
    /// The children that it has made and waits for.
    pub joining: Joining,
    /// Kind and message of the attempt before, if that failed.
    pub last_error: Option<(String, String)>,
    /// Why the host that was asked cannot load its version.
    pub not_loaded: Option<String>,
}

/// The worker that holds an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the worker's columns; what is more is said")]
pub struct Owner {
    pub host: String,
    /// Not declared dead.
    pub alive: bool,
    /// Milliseconds since its last beat.
    pub silent_ms: i64,
    /// Milliseconds until its lease is over; negative once it is.
    pub lease_left_ms: i64,
}

/// One thing that keeps an instance from running, or that explains what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Stable, for programs.
    pub word: &'static str,
    /// For people.
    pub sentence: String,
    /// What to do next, where anything is to be done.
    pub hint: Option<String>,
}

impl Reason {
    fn new(word: &'static str, sentence: impl Into<String>) -> Self {
        Self { word, sentence: sentence.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Silence of a worker that makes one doubt: three beats.
const SILENT_MS: i64 = 3_000;

/// Every reason, the one to look at first in front. `id` is how callers name the instance, for the hints. Never empty.
pub fn why(id: &str, facts: &Facts) -> Vec<Reason> {
    let mut reasons = Vec::new();
    match facts.status {
        Status::Executing => reasons.push(executing(facts)),
        Status::AwaitingSignal => {
            reasons.extend(facts.held.then(|| held(id)));
            reasons.push(awaiting(id, facts));
        }
        Status::AwaitingChildren => {
            reasons.extend(facts.held.then(|| held(id)));
            reasons.push(facts.joining.reason(id));
        }
        Status::Runnable => runnable(id, facts, &mut reasons),
        Status::Done | Status::Failed | Status::Cancelled => {
            reasons.push(Reason::new("ended", format!("it has ended: {}", facts.status.word())));
        }
    }
    if facts.status == Status::Executing && facts.held {
        reasons.push(
            Reason::new("held", "it is paused: once this step has committed, it stops")
                .hint(format!("gd-host resume {id}")),
        );
    }
    reasons
}

fn executing(facts: &Facts) -> Reason {
    let attempt = format!("attempt {} of step {:?}", facts.attempt, facts.step);
    let Some(owner) = &facts.owner else {
        return Reason::new(
            "worker-lost",
            format!(
                "{attempt} was given to a worker that is not known any more; recovery takes it back within seconds"
            ),
        );
    };
    if owner.alive && owner.silent_ms <= SILENT_MS && owner.lease_left_ms > 0 {
        let since = time(facts.unchanged_ms);
        return Reason::new("running", format!("{attempt} runs on {}; its last commit was {since} ago", owner.host));
    }
    let silent = time(owner.silent_ms);
    Reason::new("worker-lost", format!("{attempt} was given to {}, which has been silent for {silent}; once its session is gone or its lease is over (30 s), another worker goes on from the state before", owner.host))
        .hint("gd-host nodes")
}

fn held(id: &str) -> Reason {
    Reason::new("held", "it is paused by an operator and not claimed until it is resumed")
        .hint(format!("gd-host resume {id}"))
}

fn awaiting(id: &str, facts: &Facts) -> Reason {
    let names = facts.awaits.join(" or ");
    let until = match facts.deadline_in_ms {
        Some(ms) if ms > 0 => format!("; without one it goes on in {}", time(ms)),
        Some(_) => "; its time is over, and it goes on within a second".into(),
        None => ", for as long as it takes".into(),
    };
    let name = facts.awaits.first().map_or("NAME", String::as_str);
    Reason::new("awaiting-signal", format!("it waits at step {:?} for the signal {names}{until}", facts.step))
        .hint(format!("gd-host signal {id} {name} JSON"))
}

/// In the order in which one would put things right.
fn runnable(id: &str, facts: &Facts, reasons: &mut Vec<Reason>) {
    reasons.extend(facts.held.then(|| held(id)));
    if facts.workers == 0 {
        reasons.push(Reason::new("no-host", "no host with a live lease works on this database").hint("gd-host serve"));
    }
    if let Some(reason) = &facts.not_loaded {
        let sentence = format!(
            "this host cannot load version {} of {}: {reason}; it is tried again every few seconds",
            facts.version, facts.fsm
        );
        reasons.push(Reason::new("version-not-loaded", sentence).hint(format!("gd-host versions {}", facts.fsm)));
    }
    if facts.due_in_ms > 0 {
        reasons.push(not_due(id, facts));
    }
    if facts.losses >= LOSSES_MAX {
        reasons.push(suspect(facts));
    }
    if let Some(aside) = &facts.aside {
        reasons.push(aside.reason());
    }
    if reasons.is_empty() {
        reasons.push(facts.reserved.as_deref().map_or_else(|| ready(facts), aside::reserved));
    }
}

fn ready(facts: &Facts) -> Reason {
    let (since, ahead) = (time(-facts.due_in_ms), aside::before(facts.ahead, "is"));
    let sentence = format!("it has been due for {since} in queue {:?} and waits for a free slot; {ahead}", facts.queue);
    Reason::new("ready", sentence)
}

fn not_due(id: &str, facts: &Facts) -> Reason {
    let due = time(facts.due_in_ms);
    match &facts.last_error {
        Some((kind, message)) if facts.attempt > 0 => {
            let sentence = format!(
                "attempt {} of step {:?} failed ({kind}: {message}); attempt {} comes in {due}",
                facts.attempt - 1,
                facts.step,
                facts.attempt
            );
            Reason::new("retrying", sentence).hint(format!("gd-host logs {id}"))
        }
        Some(_) | None if facts.attempt > 0 => Reason::new(
            "retrying",
            format!("step {:?} asked for another try; attempt {} comes in {due}", facts.step, facts.attempt),
        ),
        Some(_) | None => Reason::new("not-due", format!("step {:?} is due in {due}", facts.step)),
    }
}

fn suspect(facts: &Facts) -> Reason {
    let sentence = format!(
        "its worker died under it {} times in a row: it runs only while nothing else does on its host, and fails after {LONE_STARTS_MAX} such starts without an outcome ({} so far)",
        facts.losses, facts.lone_starts
    );
    Reason::new("suspect", sentence).hint("look at the host's memory and at its log around these times")
}

/// A length of time in the one or two units that matter.
fn time(ms: i64) -> String {
    let seconds = ms / 1_000;
    match ms {
        ..1_000 => format!("{} ms", ms.max(0)),
        1_000..10_000 => format!("{}.{} s", seconds, ms % 1_000 / 100),
        10_000..120_000 => format!("{seconds} s"),
        120_000..7_200_000 => format!("{} min", seconds / 60),
        7_200_000..172_800_000 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(status: Status) -> Facts {
        Facts {
            status,
            held: false,
            fsm: "billing".into(),
            version: 2,
            step: "charge".into(),
            queue: "billing".into(),
            attempt: 0,
            losses: 0,
            lone_starts: 0,
            awaits: vec![],
            due_in_ms: -1_500,
            deadline_in_ms: None,
            unchanged_ms: 40,
            owner: None,
            workers: 1,
            ahead: 0,
            aside: None,
            reserved: None,
            joining: Joining::default(),
            last_error: None,
            not_loaded: None,
        }
    }

    fn check(facts: &Facts, expected: &[&str], part: &str) {
        let reasons = why("42", facts);
        assert_eq!(reasons.iter().map(|reason| reason.word).collect::<Vec<_>>(), expected, "{facts:?}");
        assert!(reasons[0].sentence.contains(part), "{:?}", reasons[0].sentence);
    }

    #[test]
    fn whatever_keeps_an_instance_from_running_has_its_word() {
        let runnable = || facts(Status::Runnable);
        check(&runnable(), &["ready"], "due for 1.5 s");
        check(&Facts { held: true, ..runnable() }, &["held"], "paused");
        check(&Facts { workers: 0, ..runnable() }, &["no-host"], "no host");
        check(&Facts { due_in_ms: 90_000, ..runnable() }, &["not-due"], "due in 90 s");
        check(&Facts { due_in_ms: 2_000, attempt: 1, ..runnable() }, &["retrying"], "asked for another try");
        let last_error = Some(("trap".to_owned(), "division by zero".to_owned()));
        let retrying = Facts { due_in_ms: 2_000, attempt: 3, last_error, ..runnable() };
        check(
            &retrying,
            &["retrying"],
            "attempt 2 of step \"charge\" failed (trap: division by zero); attempt 3 comes in 2.0 s",
        );
        check(&Facts { losses: 3, lone_starts: 7, ..runnable() }, &["suspect"], "(7 so far)");
        check(
            &Facts { not_loaded: Some("no memory".into()), ..runnable() },
            &["version-not-loaded"],
            "version 2 of billing",
        );
        check(&Facts { held: true, workers: 0, ..runnable() }, &["held", "no-host"], "paused");
        check(&Facts { reserved: Some("shop:7".into()), ..runnable() }, &["slot-reserved"], "\"shop:7\" is reserved");
        let slot = WantsSlot { key: "shop:7".into(), slots: 1, holders: vec![], ahead: 0 };
        let aside = Facts { aside: Some(Aside::Slot(slot)), ..runnable() };
        check(&aside, &["waiting-for-slot"], "shop:7");
        check(&Facts { held: true, ..aside }, &["held", "waiting-for-slot"], "paused");
    }

    #[test]
    fn a_parked_instance_says_what_it_waits_for_and_how_long() {
        let parked = Facts { awaits: vec!["paid".into(), "void".into()], ..facts(Status::AwaitingSignal) };
        check(&parked, &["awaiting-signal"], "for the signal paid or void, for as long as it takes");
        check(
            &Facts { deadline_in_ms: Some(7_500_000), ..parked.clone() },
            &["awaiting-signal"],
            "goes on in 2 h 5 min",
        );
        check(&Facts { held: true, ..parked }, &["held", "awaiting-signal"], "paused");
    }

    #[test]
    fn a_step_that_runs_is_told_from_one_whose_worker_is_gone() {
        let owner =
            |alive, silent_ms, lease_left_ms| Some(Owner { host: "a/1".into(), alive, silent_ms, lease_left_ms });
        let executing = |owner| Facts { owner, ..facts(Status::Executing) };
        check(&executing(owner(true, 200, 29_000)), &["running"], "runs on a/1");
        check(&executing(owner(true, 9_000, 21_000)), &["worker-lost"], "silent for 9.0 s");
        check(&executing(owner(false, 200, 29_000)), &["worker-lost"], "a/1");
        check(&executing(None), &["worker-lost"], "not known");
        check(&Facts { held: true, ..executing(owner(true, 1, 29_000)) }, &["running", "held"], "runs");
    }
}
