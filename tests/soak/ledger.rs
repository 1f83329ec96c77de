//! What the clients know: what they asked for, and what they were told.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::story::Story;

/// Everything that was asked for, in the order of the stories' numbers.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Vec<Case>>);

/// One story, as its client saw it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) story: Story,
    pub(crate) starts: Vec<Started>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) cancel: Option<Cancel>,
    pub(crate) pauses: Vec<Pause>,
    /// Answers that nobody should have got.
    pub(crate) refused: Vec<String>,
}

/// The answer to one start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Started {
    New(i64),
    /// The key is held by this instance.
    Duplicate(i64),
    /// No answer, or one that says nothing: it may have happened.
    Unknown,
}

/// One signal, however often it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// Its payload.
    pub(crate) token: String,
    /// Whether it was sent under a deduplication key; then that is its token.
    pub(crate) dedup: bool,
    /// Times by this machine's clock.
    pub(crate) answers: Vec<(i64, Delivery)>,
}

/// The answer to one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Accepted,
    Duplicate,
    NoTarget,
    Unknown,
}

/// What a client that cancels was told in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancel {
    Cancelled,
    /// It has ended already, maybe by an earlier try of this client.
    Ended,
    Unknown,
}

/// A pause from when it was acknowledged until its end was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) from_ms: i64,
    pub(crate) until_ms: Option<i64>,
}

impl Case {
    pub(crate) fn new(story: Story) -> Self {
        Self { story, starts: vec![], sent: vec![], cancel: None, pauses: vec![], refused: vec![] }
    }

    /// The instance, if the client was told.
    pub(crate) fn id(&self) -> Option<i64> {
        let own_key = self.story.key.as_ref().is_some_and(|key| key.kept);
        self.starts.iter().find_map(|start| match start {
            Started::New(id) => Some(*id),
            // Nobody else wants its key: the answer to an earlier try was lost, and this one names what that one made.
            Started::Duplicate(id) if own_key => Some(*id),
            Started::Duplicate(_) | Started::Unknown => None,
        })
    }
}

impl Sent {
    /// When the first answer came that makes the host responsible for it.
    pub(crate) fn acknowledged_ms(&self) -> Option<i64> {
        let acknowledged = |answer: &Delivery| matches!(answer, Delivery::Accepted | Delivery::Duplicate);
        self.answers.iter().filter(|(_, answer)| acknowledged(answer)).map(|(at, _)| *at).min()
    }

    /// Whether it can be anywhere at all: something else came back than that there is nobody to get it.
    pub(crate) fn may_exist(&self) -> bool {
        self.answers.is_empty() || self.answers.iter().any(|(_, answer)| *answer != Delivery::NoTarget)
    }
}

impl Ledger {
    fn cases(&self) -> MutexGuard<'_, Vec<Case>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a story; stories come in the order of their numbers.
    pub(crate) fn enter(&self, story: Story) {
        self.cases().push(Case::new(story));
    }

    pub(crate) fn note<R>(&self, number: usize, note: impl FnOnce(&mut Case) -> R) -> R {
        note(&mut self.cases()[number])
    }

    pub(crate) fn len(&self) -> usize {
        self.cases().len()
    }

    /// All of it, once nothing is asked for any more.
    pub(crate) fn close(&self) -> Vec<Case> {
        std::mem::take(&mut *self.cases())
    }
}
