//! What is asked of the hosts: a plan for an instance, what its client does meanwhile, and how it must end.

mod kinds;

use serde_json::{Value, json};

use gd_tests::Random;

/// Keys that several stories want at the same time.
const CONTESTED_KEYS: u64 = 6;

/// One instance to be.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) number: usize,
    /// For people.
    pub(crate) kind: &'static str,
    pub(crate) fsm: &'static str,
    pub(crate) state: Value,
    pub(crate) key: Option<Key>,
    /// How it ends unless it is cancelled.
    pub(crate) end: End,
    /// The visit that it ends in, where its plan alone decides.
    pub(crate) visits: Option<i64>,
    /// What its client does once it is started.
    pub(crate) script: Vec<Deed>,
}

/// A correlation key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    /// Kept beyond every end: then a start is tried again until it is answered, and comes about once.
    pub(crate) kept: bool,
}

/// How an instance ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Failed,
}

/// What a client does.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Wait {
        ms: u64,
    },
    Signal {
        name: String,
        /// By correlation key instead of id.
        by_key: bool,
        dedup: bool,
        /// Sent again after it was accepted.
        twice: bool,
        /// Until it is accepted, or there is nobody to get it.
        insist: bool,
    },
    Cancel,
    Pause,
    Resume,
    StartAgain,
}

impl Story {
    /// The story of this number.
    pub(crate) fn tell(number: usize, random: &mut Random) -> Self {
        let draft = kinds::draft(random);
        let key = draft.key.map(|key| match key {
            kinds::DraftKey::Own => Key { name: format!("own-{number}"), kept: true },
            kinds::DraftKey::Contested => {
                Key { name: format!("contested-{}", random.between(1..=CONTESTED_KEYS)), kept: false }
            }
        });
        let label = label(number);
        let (fsm, state) = match draft.plan {
            kinds::Plan::Probe { acts, on_fault } => {
                ("probe", json!({ "plan": acts, "on_fault": on_fault, "pad": label }))
            }
            kinds::Plan::Chore(mut args) => {
                args["label"] = json!(label);
                ("chore", args)
            }
        };
        Self { number, kind: draft.kind, fsm, state, key, end: draft.end, visits: draft.visits, script: draft.script }
    }

    /// The request that starts it.
    pub(crate) fn request(&self) -> Value {
        let mut request = json!({ "fsm": self.fsm, "state": self.state });
        if let Some(key) = &self.key {
            request["correlation_key"] = json!(key.name);
            if key.kept {
                request["correlation_scope"] = json!(["live", "done", "failed", "cancelled"]);
            }
        }
        request
    }
}

fn label(number: usize) -> String {
    format!("story-{number}")
}

/// The number of the story that this state belongs to; nothing for a state that no story has given.
pub(crate) fn number_of(state: &Value) -> Option<usize> {
    let label = state["pad"].as_str().or(state["label"].as_str())?;
    label.strip_prefix("story-")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_is_known_by_its_state_and_told_the_same_way_again() {
        let random = Random::new(5);
        let mut kinds = std::collections::HashSet::new();
        for number in 0..500 {
            let tell = || Story::tell(number, &mut random.stream(number as u64));
            assert_eq!(number_of(&tell().state), Some(number));
            assert_eq!(tell().request(), tell().request());
            kinds.insert(tell().kind);
        }
        assert!(kinds.len() > 12, "{kinds:?}");
        assert_eq!(number_of(&json!({ "pad": "" })), None);
    }
}
