//! Why a host does not start.

/// A start that failed, with a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something in flags, environment or file is wrong.
    #[error("{0}")]
    Config(String),
    /// The host itself.
    #[error("{0}")]
    Host(#[from] crate::host::Error),
    /// The database.
    #[error("{0}")]
    Store(#[from] crate::store::Error),
    /// The address of the API.
    #[error("the API cannot listen on {address}: {source}; choose another with --listen")]
    Listen {
        /// Where it was to listen.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A bug: a loop of the engine ended by itself.
    #[error("the engine broke off, see the log before this; other hosts take over what ran here")]
    BrokeOff,
    /// The private Postgres.
    #[error("{0}")]
    Postgres(#[from] gd_dev_postgres::Error),
}
