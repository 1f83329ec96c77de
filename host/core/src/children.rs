//! What a parent reads of its children, and a step of what became of its effects.

use crate::{ErrorInfo, InstanceId};

/// One child that has ended, or that was not started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// The child, or the holder of its key.
    pub id: InstanceId,
    /// Its place in its round, from 0.
    pub index: u32,
    /// The parent's round that made it, from 1.
    pub round: u32,
    /// What it is.
    pub fsm: String,
    /// How it ended.
    pub status: ChildStatus,
    /// Its last committed state; empty where it is read one by one.
    pub state: Vec<u8>,
    /// Its result; empty where it is read one by one.
    pub output: Option<Vec<u8>>,
    /// Why it ended without one.
    pub error: Option<ErrorInfo>,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildStatus {
    /// With a result.
    Done,
    /// Without one.
    Failed,
    /// By an operator.
    Cancelled,
    /// It was not started: its key is taken.
    Duplicate,
}

impl ChildStatus {
    /// The number that stands in the database: that of the ended instance's status, and one of its own.
    pub fn code(self) -> i16 {
        match self {
            Self::Done => 10,
            Self::Failed => 11,
            Self::Cancelled => 12,
            Self::Duplicate => 20,
        }
    }

    /// The case of a number read from the database.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::Done, Self::Failed, Self::Cancelled, Self::Duplicate].into_iter().find(|status| status.code() == code)
    }
}

/// What became of one effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectResult {
    /// Its place in the outcome, from 0.
    pub index: u32,
    /// What became of it.
    pub outcome: EffectOutcome,
}

/// What becomes of an effect. None of these fails the step that asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectOutcome {
    /// The instance is there.
    Started(InstanceId),
    /// Its key is held by this one.
    Duplicate(InstanceId),
    /// The signal is in the inbox, or was there before.
    Delivered,
    /// Nobody lives who could get it.
    NoTarget,
    /// A limit or rule keeps it from happening.
    Refused(ErrorInfo),
}
