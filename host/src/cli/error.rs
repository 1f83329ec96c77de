//! Why a verb did not end well, and the exit code that tells a script.

use std::io;
use std::process::ExitCode;

use super::problem::Problem;

/// How the process ends; scripts rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Ok = 0,
    /// Tried, and it failed; also an instance that ended failed or cancelled, or is still busy.
    Failed = 1,
    /// The arguments are wrong; nothing was sent.
    Usage = 2,
    /// What was named does not exist.
    NotFound = 3,
    /// Refused: no right, a conflict, or over a quota.
    Refused = 4,
    /// No gd-host answered.
    Unreachable = 5,
}

impl Exit {
    /// The exit code for an answer with the error status `status`.
    pub(crate) fn from_status(status: u16) -> Self {
        match status {
            404 => Self::NotFound,
            401 | 403 | 409 | 429 => Self::Refused,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a verb did not end well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// An argument is wrong in a way that only became clear after parsing.
    #[error("{detail}")]
    Usage { code: &'static str, detail: String, hint: Option<&'static str> },
    /// The component is larger than any gd-host accepts.
    #[error("{file} is {size} bytes, the limit is {limit}")]
    TooLarge { file: String, size: u64, limit: u64 },
    /// The API said no.
    #[error("{}", .0.detail)]
    Api(Problem),
    /// An answer that is not one of the API.
    #[error("{url} answered with status {status} and {what}")]
    Unexpected { url: String, status: u16, what: String },
    /// No connection, or it broke before the answer was complete.
    #[error("cannot reach gd-host at {url}: {reason}")]
    Unreachable { url: String, reason: String },
    /// Connected, but no complete answer in time.
    #[error("gd-host at {url} gave no answer within {within}")]
    Timeout { url: String, within: String },
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client: {0}")]
    Client(String),
    /// Standard output cannot be written.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// The answer cannot be written as YAML.
    #[error("cannot write the answer as yaml: {0}")]
    Yaml(String),
}

impl Error {
    /// An argument that is wrong, with the code `invalid-argument`.
    pub(crate) fn argument(detail: impl Into<String>) -> Self {
        Self::Usage { code: "invalid-argument", detail: detail.into(), hint: None }
    }

    /// The exit code of this error.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } => Exit::Usage,
            Self::Api(problem) => Exit::from_status(problem.status),
            Self::Unexpected { status, .. } => Exit::from_status(*status),
            Self::Unreachable { .. } | Self::Timeout { .. } => Exit::Unreachable,
            Self::TooLarge { .. } | Self::Client(_) | Self::Output(_) | Self::Yaml(_) => Exit::Failed,
        }
    }

    /// The stable code of this error; that of the API where the API answered.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Usage { code, .. } => code,
            Self::TooLarge { .. } => "component-too-large",
            Self::Api(problem) => &problem.code,
            Self::Unexpected { .. } => "unexpected-answer",
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Client(_) => "http-client",
            Self::Output(_) | Self::Yaml(_) => "output",
        }
    }

    /// What to do next, where there is something to say.
    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            Self::Usage { hint, .. } => *hint,
            Self::TooLarge { .. } => Some("build it with --release and strip it"),
            Self::Api(problem) => problem.hint.as_deref(),
            Self::Unexpected { .. } => Some("check that --url (GD_URL) is the address of a gd-host"),
            Self::Unreachable { .. } => {
                Some("start one with `gd-host dev`, or pass the address of a running one with --url or GD_URL")
            }
            Self::Timeout { .. } => Some("look at the log of that gd-host, and at its /readyz"),
            Self::Client(_) | Self::Output(_) | Self::Yaml(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(status: u16) -> Error {
        Error::Api(Problem { status, code: "c".to_owned(), detail: "d".to_owned(), hint: None })
    }

    #[test]
    fn a_status_decides_the_exit_code() {
        let check = |status, exit| assert_eq!(api(status).exit(), exit, "{status}");
        check(404, Exit::NotFound);
        for status in [401, 403, 409, 429] {
            check(status, Exit::Refused);
        }
        for status in [400, 413, 415, 422, 500, 503] {
            check(status, Exit::Failed);
        }
    }

    #[test]
    fn errors_of_this_side_have_their_own_exit_codes() {
        let url = || "http://127.0.0.1:7070/".to_owned();
        assert_eq!(Error::argument("x").exit(), Exit::Usage);
        assert_eq!(Error::Unreachable { url: url(), reason: String::new() }.exit(), Exit::Unreachable);
        assert_eq!(Error::Timeout { url: url(), within: "30s".to_owned() }.exit(), Exit::Unreachable);
        assert_eq!(Error::Unexpected { url: url(), status: 200, what: String::new() }.exit(), Exit::Failed);
        assert_eq!(Error::Output(io::ErrorKind::StorageFull.into()).exit(), Exit::Failed);
    }
}
