//! A private Postgres cluster for `gd-host dev`, the tests and `cargo xtask`: found or installed, made, started, stopped.
//!
//! The cluster belongs to a folder, not to a process: it survives the death of whoever started it, and the next
//! [`Cluster::start`] of the same folder adopts it. It listens on a unix socket in a folder that only its owner may
//! enter, which is why it asks for no password.

mod account;
mod binaries;
mod cluster;
mod error;
mod home;
mod install;
mod postmaster;
mod psql;

pub use binaries::{Binaries, VERSION_MIN};
pub use cluster::{Cluster, Options, Status, StopMode};
pub use error::Error;
