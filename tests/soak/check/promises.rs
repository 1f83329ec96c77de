//! What a client was told about starts, ends, cancellations and pauses.

use std::collections::{HashMap, HashSet};

use gd_core::{AttemptOutcome, Status};

use super::rows::Instance;
use crate::ledger::{Cancel, Case, Pause, Started};

/// Tolerance between this machine's clock and a rounded one.
const ROUNDING_MS: i64 = 2;

/// Whether the instance ended as it should.
pub(super) fn of_end(case: &Case, instance: &Instance) -> Vec<String> {
    let (story, row) = (&case.story, &instance.row);
    let mut broken = Vec::new();
    if instance.ends != 1 {
        broken.push(format!("it has ended {} times", instance.ends));
    }
    if row.correlation_key.as_ref() != story.key.as_ref().map(|key| &key.name) {
        broken.push(format!("it has another key: {:?}", row.correlation_key));
    }
    let cancelled = row.status() == Some(Status::Cancelled);
    let expected = story.end.status();
    match case.cancel {
        Some(Cancel::Cancelled) if !cancelled => {
            broken.push(format!("its cancellation was acknowledged, and it is {:?}", row.status()));
        }
        None if cancelled => broken.push("nobody cancelled it".to_owned()),
        Some(_) | None => {}
    }
    if !cancelled && row.status() != Some(expected) {
        broken.push(format!("it is {:?} ({:?}) instead of {expected:?}", row.status(), row.error_kind));
    }
    if let Some(visits) = story.visits.filter(|visits| !cancelled && *visits != row.visit) {
        broken.push(format!("it ended in visit {} instead of {visits}", row.visit));
    }
    broken.extend(case.pauses.iter().filter_map(|pause| of_pause(*pause, instance)));
    broken
}

/// While it is paused, the step under way commits, and no other.
fn of_pause(pause: Pause, instance: &Instance) -> Option<String> {
    let (from, until) = (pause.from_ms + ROUNDING_MS, pause.until_ms? - ROUNDING_MS);
    let commits = instance.history.iter().filter(|attempt| {
        let own = !matches!(attempt.outcome(), Some(AttemptOutcome::Recovered | AttemptOutcome::Cancelled));
        own && (from..until).contains(&attempt.at_ms)
    });
    let count = commits.count();
    (count > 1).then(|| format!("{count} steps were committed while it was paused: {pause:?}"))
}

/// Whether what was started exists, once, and nothing else does. `ids` are the instances of this story.
pub(super) fn of_starts(case: &Case, ids: &[i64], keys: &HashMap<i64, String>) -> Vec<String> {
    let mut broken: Vec<String> = case.refused.clone();
    if ids.len() > 1 {
        broken.push(format!("it exists {} times: {ids:?}", ids.len()));
    }
    let own_key = case.story.key.as_ref().filter(|key| key.kept);
    for start in &case.starts {
        match *start {
            Started::New(id) if !ids.contains(&id) => {
                broken.push(format!("its start as {id} was acknowledged, and there is none"));
            }
            Started::Duplicate(id) if own_key.is_some() && !ids.contains(&id) => {
                broken.push(format!("nobody else wants its key, and {id} was said to hold it"));
            }
            Started::Duplicate(id) if keys.get(&id) != case.story.key.as_ref().map(|key| &key.name) => {
                broken.push(format!("{id} was said to hold its key, and never had it"));
            }
            Started::New(_) | Started::Duplicate(_) | Started::Unknown => {}
        }
    }
    let new: HashSet<i64> =
        case.starts.iter().filter_map(|start| if let Started::New(id) = start { Some(*id) } else { None }).collect();
    if new.len() > 1 {
        broken.push(format!("it was started more than once: {new:?}"));
    }
    let may_exist = case.starts.is_empty() || case.starts.contains(&Started::Unknown) || !new.is_empty();
    if !may_exist && !ids.is_empty() {
        broken.push(format!("every start was a duplicate, and it exists as {ids:?}"));
    }
    broken
}
