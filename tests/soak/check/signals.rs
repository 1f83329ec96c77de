//! No acknowledged signal is lost, none is consumed twice, and none comes out of nowhere.

use std::collections::HashSet;

use gd_core::AttemptOutcome;

use super::rows::Instance;
use crate::drain::LAST;
use crate::ledger::{Case, Delivery, Sent};
use crate::notes::Note;

/// Tolerance between this machine's clock and a rounded one.
const ROUNDING_MS: i64 = 2;

/// Follows the signals of an instance through its notes; also says how many it consumed.
pub(super) fn check(all: &[Sent], instance: &Instance, notes: &[(Note, AttemptOutcome)]) -> (Vec<String>, u64) {
    let mut inbox = Inbox { sent: all, seen: HashSet::new(), consumed: HashSet::new(), broken: vec![] };
    for (note, outcome) in notes.iter().filter(|(note, _)| !note.of_handler) {
        inbox.step(note, *outcome);
    }
    inbox.end(instance);
    for sent in all {
        inbox.broken.extend(deduplicated(sent, &instance.remembered));
    }
    (inbox.broken, inbox.consumed.len() as u64)
}

/// Signals that were accepted for an instance that there never was.
pub(super) fn without_instance(case: &Case, ids: &[i64]) -> Vec<String> {
    let accepted = case.sent.iter().filter(|sent| ids.is_empty() && sent.acknowledged_ms().is_some());
    accepted.map(|sent| format!("signal {} was accepted, and there is no instance", sent.token)).collect()
}

/// The inbox as it must have been from step to step.
struct Inbox<'a> {
    sent: &'a [Sent],
    /// Once a step has seen a signal, every later one does, until it is consumed.
    seen: HashSet<String>,
    consumed: HashSet<String>,
    broken: Vec<String>,
}

impl Inbox<'_> {
    /// One committed step, whose snapshot of the inbox is as old as its note.
    fn step(&mut self, note: &Note, outcome: AttemptOutcome) {
        let at = format!("visit {} attempt {}", note.visit, note.attempt);
        let mut visible = HashSet::new();
        for token in note.awaited.iter().chain(&note.others) {
            if !visible.insert(token.clone()) {
                self.broken.push(format!("{at} was handed signal {token} twice"));
            }
            if self.consumed.contains(token) {
                self.broken.push(format!("{at} was handed signal {token}, which was consumed before"));
            }
            if !self.known(token) {
                self.broken.push(format!("{at} was handed signal {token}, which nobody sent, or which was refused"));
            }
        }
        let gone = |token: &&String| !visible.contains(*token) && !self.consumed.contains(*token);
        let lost: Vec<String> = self.seen.iter().filter(gone).cloned().collect();
        self.broken.extend(
            lost.into_iter().map(|token| format!("{at} does not see signal {token} any more, and none consumed it")),
        );
        let due = |sent: &&Sent| sent.acknowledged_ms().is_some_and(|ms| ms + ROUNDING_MS < note.now_ms);
        let due = self.sent.iter().filter(due).map(|sent| &sent.token);
        let lost: Vec<String> = due.filter(|token| gone(token) && !self.seen.contains(*token)).cloned().collect();
        self.broken.extend(
            lost.into_iter().map(|token| format!("{at} does not see signal {token}, accepted before it began")),
        );
        self.seen.extend(visible);
        if outcome == AttemptOutcome::Next {
            self.consumed.extend(note.awaited.iter().cloned());
        }
    }

    /// What the end leaves in the inbox: nothing if the instance ended by its own will, else all that was not consumed.
    fn end(&mut self, instance: &Instance) {
        let last = instance.history.last().and_then(|attempt| attempt.outcome());
        let cleared = matches!(last, Some(AttemptOutcome::Done | AttemptOutcome::Stop));
        let left: HashSet<String> = instance.inbox.iter().cloned().collect();
        if left.len() != instance.inbox.len() {
            self.broken.push(format!("a signal is in the inbox twice: {:?}", instance.inbox));
        }
        if cleared && !left.is_empty() {
            self.broken.push(format!("it ended by its own will, and its inbox is still there: {left:?}"));
        }
        let strange = left.iter().filter(|token| self.consumed.contains(*token) || !self.known(token));
        let strange: Vec<String> =
            strange.map(|token| format!("signal {token} is in the inbox, and was consumed, or never sent")).collect();
        self.broken.extend(strange);
        if cleared {
            return;
        }
        let accepted = self.sent.iter().filter(|sent| sent.acknowledged_ms().is_some()).map(|sent| &sent.token);
        let kept: HashSet<&String> =
            accepted.chain(&self.seen).filter(|token| !self.consumed.contains(*token)).collect();
        for token in kept.into_iter().filter(|token| !left.contains(*token)) {
            self.broken.push(format!("signal {token} is neither consumed nor in the inbox, which was kept"));
        }
    }

    fn known(&self, token: &str) -> bool {
        token.starts_with(LAST) || self.sent.iter().any(|sent| sent.token == token && sent.may_exist())
    }
}

/// The answers to deliveries under one key make sense together, and the key is remembered.
fn deduplicated(sent: &Sent, remembered: &[String]) -> Vec<String> {
    let count = |delivery| sent.answers.iter().filter(|(_, answer)| *answer == delivery).count();
    let (accepted, duplicates, unknown) =
        (count(Delivery::Accepted), count(Delivery::Duplicate), count(Delivery::Unknown));
    let token = &sent.token;
    let mut broken = Vec::new();
    if accepted > 1 {
        broken.push(format!("signal {token} was accepted {accepted} times under one key"));
    }
    if duplicates > 0 && accepted + unknown == 0 {
        broken.push(format!("signal {token} was called a duplicate, and was never sent before"));
    }
    if sent.dedup && sent.acknowledged_ms().is_some() && !remembered.contains(token) {
        broken.push(format!("signal {token} was accepted, and its key is not remembered"));
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::super::rows::Attempt;
    use super::*;

    fn note(now_ms: i64, awaited: &[&str], others: &[&str]) -> Note {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let (awaited, others) = (texts(awaited), texts(others));
        Note {
            visit: 0,
            attempt: 0,
            wake: String::new(),
            key: String::new(),
            now_ms,
            awaited,
            others,
            children: vec![],
            effects: vec![],
            of_handler: false,
        }
    }

    fn sent(token: &str, answers: &[(i64, Delivery)]) -> Sent {
        Sent { token: token.into(), dedup: false, answers: answers.to_vec() }
    }

    /// What is found when these signals were sent, these notes written, and this was left at this end.
    fn found(sent: Vec<Sent>, notes: &[(Note, AttemptOutcome)], end: AttemptOutcome, left: &[&str]) -> Vec<String> {
        let history = vec![Attempt { outcome: end.code(), ..Attempt::default() }];
        let inbox = left.iter().map(|&token| token.to_owned()).collect();
        check(&sent, &Instance { history, inbox, ..Instance::default() }, notes).0
    }

    #[test]
    fn a_signal_is_seen_until_it_is_consumed_and_then_never_again() {
        use AttemptOutcome::{Await, Cancelled, Done, Next};
        let accepted = || vec![sent("0/0", &[(100, Delivery::Accepted)])];
        let unknown = || vec![sent("0/0", &[(100, Delivery::Unknown)])];
        let see = |ms| note(ms, &["0/0"], &[]);
        let blind = |ms| note(ms, &[], &[]);
        for (sent, notes, end, left, right) in [
            (accepted(), vec![(see(200), Next), (blind(300), Done)], Done, vec![], true),
            (accepted(), vec![(blind(50), Await), (see(200), Await), (see(250), Next)], Cancelled, vec![], true),
            (accepted(), vec![(blind(50), Done)], Done, vec![], true),
            (accepted(), vec![(see(200), Await)], Cancelled, vec!["0/0"], true),
            (unknown(), vec![(blind(200), Done)], Done, vec![], true),
            (vec![], vec![(note(9, &["last/1"], &[]), Next)], Done, vec![], true),
            // Lost before it was ever seen, or after.
            (accepted(), vec![(blind(200), Done)], Done, vec![], false),
            (accepted(), vec![(see(200), Await), (blind(250), Done)], Done, vec![], false),
            (accepted(), vec![(blind(50), Await)], Cancelled, vec![], false),
            // Consumed, and still there.
            (accepted(), vec![(see(200), Next), (see(300), Done)], Done, vec![], false),
            (accepted(), vec![(see(200), Next)], Cancelled, vec!["0/0"], false),
            // Twice.
            (accepted(), vec![(note(200, &["0/0"], &["0/0"]), Next)], Done, vec![], false),
            (accepted(), vec![(blind(50), Await)], Cancelled, vec!["0/0", "0/0"], false),
            // Out of nowhere.
            (vec![], vec![(see(200), Next)], Done, vec![], false),
            (vec![sent("0/0", &[(9, Delivery::NoTarget)])], vec![(see(200), Next)], Done, vec![], false),
            // The end should have taken it along.
            (accepted(), vec![(blind(50), Done)], Done, vec!["0/0"], false),
        ] {
            let told = format!("{sent:?} {notes:?} {end:?} {left:?}");
            assert_eq!(found(sent, &notes, end, &left).is_empty(), right, "{told}");
        }
    }

    #[test]
    fn answers_under_one_key_make_sense_together() {
        use Delivery::{Accepted, Duplicate, NoTarget, Unknown};
        for (answers, right) in [
            (vec![Accepted, Duplicate], true),
            (vec![Unknown, Duplicate], true),
            (vec![Unknown, Accepted, NoTarget], true),
            (vec![Accepted, Accepted], false),
            (vec![Duplicate], false),
        ] {
            let signal = Sent { dedup: true, ..sent("0/0", &answers.iter().map(|a| (1, *a)).collect::<Vec<_>>()) };
            assert_eq!(deduplicated(&signal, &["0/0".to_owned()]).is_empty(), right, "{answers:?}");
            assert!(!deduplicated(&signal, &[]).is_empty(), "its key must be remembered");
        }
    }
}
