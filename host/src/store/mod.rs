//! Every statement that is sent to the database: one function each, its text in `sql/<function>.sql`.

mod claims;
mod connect;
mod error;
mod flush;
mod instances;
mod recovery;
mod rows;
mod signals;
mod start;
mod versions;
mod workers;

pub use claims::Claimed;
pub use connect::{DEFAULT_TENANT, Store, migrate};
pub use error::Error;
pub use flush::{Commit, Record, Verdict};
pub(crate) use flush::{committed_claims, flush};
pub use instances::{Filter, HistoryRow, InstanceRow, InstanceSummary};
pub use signals::{Delivered, NewSignal};
pub use start::{NewInstance, Started};
pub use versions::{FsmRow, Route, StoredVersion, VersionRow};
