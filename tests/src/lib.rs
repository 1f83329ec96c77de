//! Fixtures: a Postgres for the whole run, a database per test, hosts inside the test and as processes of their own.
//!
//! Everything here panics when it does not work: it is called by tests alone.

mod api;
mod cluster;
mod database;
mod eventually;
mod guests;
mod host;
mod instance;
pub mod orders;
mod own_cluster;
mod paths;
mod process;
mod provider;
mod random;
pub mod wire;

pub use api::{Api, Reply};
pub use database::TestDatabase;
pub use eventually::{DEADLINE, eventually};
pub use guests::{guest, patched, release};
pub use host::TestHost;
pub use instance::{Instance, column};
pub use own_cluster::OwnCluster;
pub use paths::{program_folder, repository, scratch, target};
pub use process::{HostProcess, Ran, gd_host};
pub use provider::PaymentProvider;
pub use random::Random;
