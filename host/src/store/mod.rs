//! Every statement that is sent to the database: one function each, its text in `sql/<function>.sql`.

mod claims;
mod connect;
mod control;
mod error;
mod flush;
mod instances;
mod notices;
mod recovery;
mod rows;
mod signals;
mod start;
mod versions;
mod why;
mod workers;

pub use claims::Claimed;
pub use connect::{DEFAULT_TENANT, Store, migrate};
pub use control::{Cancelled, Held};
pub use error::Error;
pub use flush::{Commit, Record, Verdict, committed_claims, flush};
pub use instances::{Filter, HistoryRow, InstanceRow, InstanceSummary, LogRow};
pub use notices::News;
pub use signals::{Delivered, NewSignal};
pub use start::{NewInstance, Started};
pub use versions::{FsmRow, Route, StoredVersion, VersionRow};
pub use workers::WorkerRow;
