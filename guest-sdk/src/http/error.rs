//! Why a call gave no response.

use std::time::Duration;

/// Why a call gave no response. A response of any status is none of these.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request is not one that can be sent.
    #[error("cannot send a request to `{url}`: {reason}")]
    Invalid {
        /// Where it was to go.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The host does not let this workflow call that address.
    #[error("the host refused a request to `{url}`; allow its address for this tenant")]
    Denied {
        /// Where it was to go.
        url: String,
    },
    /// No complete response in time. The other side may have acted on the request all the same.
    #[error("no response from `{url}` within {after:?}")]
    Timeout {
        /// Where it went.
        url: String,
        /// The request's timeout.
        after: Duration,
    },
    /// The connection could not be made or broke. The other side may have acted on the request all the same.
    #[error("the connection to `{url}` failed: {reason}")]
    Transport {
        /// Where it went.
        url: String,
        /// The host's word for it.
        reason: String,
    },
    /// The response has more bytes than the request's `max_body`, or than the host lets through.
    #[error("the response of `{url}` is too large; raise `max_body`, or ask for less")]
    TooLarge {
        /// Where it came from.
        url: String,
    },
    /// The body of a response, or of a request, is not the JSON that it should be.
    #[error("{what} is not the expected JSON: {reason}")]
    Json {
        /// Which body.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A native build has no network.
    #[error("no network to send a request to `{url}`: this is a native build, calls work in a component alone")]
    NoNetwork {
        /// Where it was to go.
        url: String,
    },
}

impl Error {
    /// Whether the same call may work later: the connection failed or took too long.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Transport { .. } => true,
            Self::Invalid { .. }
            | Self::Denied { .. }
            | Self::TooLarge { .. }
            | Self::Json { .. }
            | Self::NoNetwork { .. } => false,
        }
    }
}
