//! What an instance carries with it from step to step agrees with its history: the chain of states is the chain of attempts.

use gd_core::{AttemptOutcome, Wake};

use super::rows::{Attempt, Instance};
use crate::notes::Note;

/// What is wrong, and each note with the outcome of its attempt.
pub(super) fn check(fsm: &str, instance: &Instance, cluster: &str) -> (Vec<String>, Vec<(Note, AttemptOutcome)>) {
    if fsm == "chore" {
        return (chore(instance, cluster), vec![]);
    }
    let notes = Note::all(&instance.payload());
    let noted: Vec<(&Attempt, AttemptOutcome)> = instance
        .history
        .iter()
        .filter_map(|attempt| Some((attempt, attempt.outcome()?)))
        .filter(leaves_a_note)
        .collect();
    let mut broken = Vec::new();
    if notes.len() != noted.len() {
        broken.push(format!("{} of its attempts wrote its state, and it holds {} notes", noted.len(), notes.len()));
    }
    let id = instance.row.id;
    for (note, (attempt, _)) in notes.iter().zip(&noted) {
        let of_handler = attempt.error_kind.is_some();
        let key = format!("gd-{cluster}-{id}-{}", attempt.visit);
        let agree = (note.visit, note.attempt, note.of_handler) == (attempt.visit, attempt.attempt, of_handler)
            && note.key == key
            && Some(note.wake.as_str()) == attempt.wake().map(Wake::word);
        if !agree {
            broken.push(format!("the attempt with claim {} and its note disagree: {note:?}", attempt.claim));
        }
    }
    (broken, notes.into_iter().zip(noted.into_iter().map(|(_, outcome)| outcome)).collect())
}

/// Whether the attempt wrote the state, with its note in it. A stop keeps the state from before it.
fn leaves_a_note((_, outcome): &(&Attempt, AttemptOutcome)) -> bool {
    match outcome {
        AttemptOutcome::Next
        | AttemptOutcome::Retry
        | AttemptOutcome::Await
        | AttemptOutcome::ScheduleChildren
        | AttemptOutcome::Done => true,
        AttemptOutcome::Stop | AttemptOutcome::Fault | AttemptOutcome::Recovered | AttemptOutcome::Cancelled => false,
    }
}

/// A job that is done says which attempt it was, and under which key.
fn chore(instance: &Instance, cluster: &str) -> Vec<String> {
    let Some(last) = instance.history.last().filter(|last| last.outcome() == Some(AttemptOutcome::Done)) else {
        return vec![];
    };
    let (id, result) = (instance.row.id, instance.payload());
    let agree = result["attempt"] == last.attempt && result["key"] == format!("gd-{cluster}-{id}-0");
    if agree { vec![] } else { vec![format!("its result is not of its last attempt: {result}")] }
}
