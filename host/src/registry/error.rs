//! Why a version cannot be deployed or loaded.

use gd_core::Version;

use crate::{sandbox, store};

/// A failed deploy or load.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The component is not taken.
    #[error("{0}")]
    Component(std::sync::Arc<sandbox::Error>),
    /// The database failed.
    #[error("{0}")]
    Store(std::sync::Arc<store::Error>),
    /// There is no such version in the database.
    #[error("version {version} of FSM number {fsm} is not in the database")]
    NoVersion {
        /// The FSM's number.
        fsm: i32,
        /// The version.
        version: Version,
    },
    /// A descriptor in the database that this build cannot read.
    #[error("the stored descriptor of {fsm} version {version} cannot be read: {reason}")]
    StoredDescriptor {
        /// The FSM's name.
        fsm: String,
        /// The version.
        version: i32,
        /// What is wrong with it.
        reason: String,
    },
}

impl From<sandbox::Error> for Error {
    fn from(error: sandbox::Error) -> Self {
        Self::Component(error.into())
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(error.into())
    }
}
