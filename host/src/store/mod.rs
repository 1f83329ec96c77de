//! Every statement that is sent to the database: one function each, its text in `sql/<function>.sql`.

mod adopt;
mod claims;
mod connect;
mod control;
mod doctor;
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

pub use adopt::Adopt;
pub use claims::Claimed;
pub use connect::{DEFAULT_TENANT, SERVER_VERSION_MIN, Store, migrate};
pub use control::{Cancelled, Held};
pub use doctor::{Examined, ServerFacts, WorkerFacts};
pub use error::Error;
pub use flush::{Commit, Record, Verdict, committed_claims, flush};
pub use instances::{Filter, HistoryRow, InstanceRow, InstanceSummary, LogRow};
pub use notices::News;
pub use signals::{Delivered, NewSignal};
pub use start::{NewInstance, Parent, Started};
pub use versions::{FsmRow, Route, StoredVersion, VersionRow};
pub use workers::WorkerRow;
