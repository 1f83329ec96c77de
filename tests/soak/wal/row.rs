//! A live instance, as far as its slot and its tokens go.

use gd_core::Status;

use super::decode::Change;

/// What counts of a row of gd.instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) status: i16,
    pub(super) claim: i64,
    pub(super) key: Option<String>,
    pub(super) slot: Option<i64>,
    pub(super) bucket: Option<String>,
    pub(super) weight: i64,
    pub(super) pending: i64,
}

impl Row {
    /// # Errors
    /// When a column is not there, or not what it was.
    pub(super) fn of(change: &Change) -> anyhow::Result<Self> {
        Ok(Self {
            status: i16::try_from(change.number("status")?)?,
            claim: change.number("claim")?,
            key: change.get("concurrency_key").map(str::to_owned),
            slot: change.get("slot").map(str::parse).transpose()?,
            bucket: change.get("rate_limit").map(str::to_owned),
            weight: change.number("weight")?,
            pending: change.number("pending")?,
        })
    }

    /// The key that it holds a slot of.
    pub(super) fn held(&self) -> Option<&String> {
        self.key.as_ref().filter(|_| self.slot.is_some() || self.status == Status::Executing.code())
    }

    fn may_run(&self) -> bool {
        [Status::Runnable.code(), Status::Executing.code()].contains(&self.status)
    }

    /// Whether this is the row before with the tokens that it waited for.
    pub(super) fn granted_to(&self, before: &Self) -> bool {
        before.status == Status::WANTS_TOKENS && self.may_run()
    }

    /// Whether it is to draw, may run, and neither waited for tokens before nor has been paid for an attempt that is still to come or under way.
    pub(super) fn unpaid_after(&self, before: Option<&Self>) -> bool {
        let paid = before.is_some_and(|before| {
            let waits = before.status == Status::Runnable.code();
            let runs =
                before.status == Status::Executing.code() && (before.claim, before.status) == (self.claim, self.status);
            before.bucket == self.bucket && (waits || runs)
        });
        self.bucket.is_some() && self.may_run() && !paid
    }
}
