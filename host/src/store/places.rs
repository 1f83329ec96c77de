//! Where an instance waits that is runnable: in its lane, for a slot of its key, or for tokens of its bucket.

use gd_core::{Lane, Status};

/// A concurrency key of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Whose.
    pub tenant: i32,
    /// The key.
    pub key: String,
}

/// A token bucket of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketKey {
    /// Whose.
    pub tenant: i32,
    /// `name` or `name:partition`.
    pub key: String,
}

/// Where an instance waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// For its turn.
    Lane(Lane),
    /// For a slot.
    Slot(Key),
    /// For tokens.
    Tokens(BucketKey),
}

/// What the change of an instance's row says to others: where it waits now, and the key whose slot it may have let go of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Where it waits.
    pub place: Place,
    /// A key that may have a free slot by it.
    pub freed: Option<Key>,
}

impl Place {
    /// Of a row that is not executing, by its columns.
    pub(super) fn of((status, lane): (i16, Lane), concurrency_key: Option<String>, rate_limit: Option<String>) -> Self {
        match (status, concurrency_key, rate_limit) {
            (Status::WANTS_SLOT, Some(key), _) => Self::Slot(Key { tenant: lane.tenant, key }),
            (Status::WANTS_TOKENS, _, Some(key)) => Self::Tokens(BucketKey { tenant: lane.tenant, key }),
            _ => Self::Lane(lane),
        }
    }
}

/// Of a row of a statement that says where an instance waits now.
macro_rules! moved {
    ($row:ident) => {{
        let lane = $crate::store::rows::lane($row.tenant_id, $row.queue_id, $row.priority);
        let key = $row.concurrency_key;
        $crate::store::places::Moved {
            freed: key.clone().map(|key| $crate::store::places::Key { tenant: lane.tenant, key }),
            place: $crate::store::places::Place::of(($row.status, lane), key, $row.rate_limit),
        }
    }};
}
pub(super) use moved;
