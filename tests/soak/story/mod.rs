//! What is asked of the hosts: a plan for an instance, what its client does meanwhile, and how it must end.

mod kinds;
pub(crate) mod limits;
mod relations;
mod spawn;

use gd_core::Status;
use serde_json::{Value, json};

use gd_tests::Random;

pub(crate) use relations::OF_A_STEP;
pub(crate) use spawn::{Made, Spawn};

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
    /// Runs under it, from its first step on.
    pub(crate) concurrency_key: Option<&'static str>,
    /// Its first step draws from a bucket.
    pub(crate) draw: Option<Draw>,
    pub(crate) priority: i64,
    /// What its steps start.
    pub(crate) spawns: Vec<Spawn>,
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

/// Tokens that one attempt draws.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    pub(crate) limit: &'static str,
    pub(crate) partition: &'static str,
    pub(crate) weight: u64,
}

/// Whose state this is: a story's own instance, or what a step of it has started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) story: usize,
    /// Its place among what the story starts.
    pub(crate) spawn: Option<usize>,
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
        let label = Name { story: number, spawn: None }.label();
        let (fsm, state) = match draft.plan {
            kinds::Plan::Probe { acts, on_fault } => {
                let plan = spawn::numbered(acts.into(), number);
                ("probe", json!({ "plan": plan, "on_fault": on_fault, "pad": label }))
            }
            kinds::Plan::Chore(mut args) => {
                args["label"] = json!(label);
                ("chore", args)
            }
        };
        Self {
            number,
            kind: draft.kind,
            fsm,
            state,
            key,
            concurrency_key: draft.concurrency_key,
            draw: draft.draw,
            priority: draft.priority,
            spawns: draft.spawns.into_iter().map(|spawn| spawn.numbered(number)).collect(),
            end: draft.end,
            visits: draft.visits,
            script: draft.script,
        }
    }

    /// How often it makes children and waits for them.
    pub(crate) fn rounds(&self) -> i64 {
        self.spawns.iter().filter_map(|spawn| spawn.made.round()).max().unwrap_or_default()
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
        if let Some(key) = self.concurrency_key {
            request["concurrency_key"] = json!(key);
        }
        if let Some(Draw { limit, partition, weight }) = self.draw {
            request["rate_limit"] = json!({ "name": limit, "partition": partition });
            request["weight"] = json!(weight);
        }
        if self.priority != 0 {
            request["priority"] = json!(self.priority);
        }
        request
    }
}

impl End {
    pub(crate) fn status(self) -> Status {
        match self {
            Self::Done => Status::Done,
            Self::Failed => Status::Failed,
        }
    }
}

impl Name {
    /// What stands for it in a state.
    pub(crate) fn label(self) -> String {
        match self.spawn {
            None => format!("story-{}", self.story),
            Some(spawn) => format!("story-{}/{spawn}", self.story),
        }
    }

    /// Nothing for a state that no story has given.
    pub(crate) fn of(state: &Value) -> Option<Self> {
        let label = label_in(state)?.strip_prefix("story-")?;
        let (story, spawn) = label.split_once('/').map_or((label, None), |(story, spawn)| (story, Some(spawn)));
        Some(Self { story: story.parse().ok()?, spawn: spawn.map(str::parse).transpose().ok()? })
    }
}

/// The label in a state.
pub(crate) fn label_in(state: &Value) -> Option<&str> {
    state["pad"].as_str().or(state["label"].as_str())
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
            assert_eq!(Name::of(&tell().state), Some(Name { story: number, spawn: None }));
            for (place, spawn) in tell().spawns.iter().enumerate() {
                let label = Name { story: number, spawn: Some(place) }.label();
                assert_eq!(Name::of(&json!({ "pad": label })).and_then(|name| name.spawn), Some(place));
                assert_eq!(tell().state["plan"].to_string().matches(&format!("{label:?}")).count(), 1, "{spawn:?}");
            }
            assert_eq!(tell().request(), tell().request());
            kinds.insert(tell().kind);
        }
        assert!(kinds.len() > 16, "{kinds:?}");
        assert_eq!([json!({ "pad": "" }), json!({ "pad": "story-1/x" })].map(|state| Name::of(&state)), [None, None]);
    }
}
