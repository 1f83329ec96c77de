//! What a caller is told when something is refused or fails: a sentence, a stable code, and what to do next.

use std::sync::Arc;

use gd_core::{InstanceId, InvalidName, Status};

use crate::store::LimitKind;
use crate::{registry, sandbox, store};

/// A refused or failed call.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// A name or key breaks the rule for names.
    #[error("the {what} is not a valid name: {reason}")]
    InvalidName {
        /// What was named.
        what: &'static str,
        /// The rule.
        reason: InvalidName,
    },
    /// An argument makes no sense.
    #[error("{0}")]
    InvalidArgument(String),
    /// A correlation scope that cannot be kept.
    #[error("{0}")]
    InvalidScope(String),
    /// A payload over its limit.
    #[error("the {what} is {bytes} bytes, the limit is {max}")]
    TooLarge {
        /// Which payload.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// Nothing of this name was deployed.
    #[error("there is no FSM {0:?}")]
    UnknownFsm(String),
    /// The FSM is there, the version is not.
    #[error("FSM {fsm:?} has no version {version}")]
    UnknownVersion {
        /// The FSM.
        fsm: String,
        /// The version that was asked for.
        version: i32,
    },
    /// The version declares no such step.
    #[error("FSM {fsm:?} version {version} has no step {step:?}")]
    UnknownStep {
        /// The FSM.
        fsm: String,
        /// Its version.
        version: i32,
        /// The step that was asked for.
        step: String,
    },
    /// No instance of this id.
    #[error("there is no instance {0}")]
    NotFound(String),
    /// The input of that attempt was not kept.
    #[error("no input is kept of an attempt of instance {id} under claim {claim}")]
    NoInput {
        /// The instance.
        id: InstanceId,
        /// The claim, as the history shows it.
        claim: i64,
    },
    /// The instance has ended, so that nothing can be done to it.
    #[error("instance {id} has ended: {}", status.word())]
    Ended {
        /// The instance.
        id: InstanceId,
        /// How it ended.
        status: Status,
    },
    /// Nobody to deliver a signal to.
    #[error("there is no live instance {0}")]
    NoTarget(String),
    /// The correlation key is taken.
    #[error("the correlation key {key:?} is held by instance {holder}")]
    Duplicate {
        /// The key.
        key: String,
        /// Who holds it.
        holder: InstanceId,
    },
    /// The inbox has no room.
    #[error("the inbox of instance {0} is full")]
    InboxFull(InstanceId),
    /// The tenant has no such limit of its own.
    #[error("there is no {} limit {name:?}{}", kind.word(), if *default { " of this tenant: it is a default of the hosts' configuration" } else { "" })]
    UnknownLimit {
        /// The name.
        name: String,
        /// Which of its limits.
        kind: LimitKind,
        /// Whether there is one for every tenant.
        default: bool,
    },
    /// A component was not taken, or a version cannot be loaded.
    #[error("{0}")]
    Registry(registry::Error),
    /// The database failed.
    #[error("{0}")]
    Store(Arc<store::Error>),
    /// The sandbox cannot be set up.
    #[error("{0}")]
    Sandbox(Arc<sandbox::Error>),
    /// A database that was not made by the migrations.
    #[error("the database has no tenant named \"default\"")]
    NoDefaultTenant,
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<registry::Error> for Error {
    fn from(error: registry::Error) -> Self {
        Self::Registry(error)
    }
}

impl Error {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidName { .. } => "invalid-name",
            Self::InvalidArgument(_) => "invalid-argument",
            Self::InvalidScope(_) => "invalid-scope",
            Self::TooLarge { .. } => "payload-too-large",
            Self::UnknownFsm(_) => "unknown-fsm",
            Self::UnknownVersion { .. } => "unknown-version",
            Self::UnknownStep { .. } => "unknown-step",
            Self::NotFound(_) => "not_found",
            Self::NoInput { .. } => "no-input",
            Self::Ended { .. } => "ended",
            Self::NoTarget(_) => "no_target",
            Self::Duplicate { .. } => "duplicate",
            Self::InboxFull(_) => "inbox-full",
            Self::UnknownLimit { .. } => "unknown-limit",
            Self::Registry(registry::Error::Component(error)) => error.code(),
            Self::Sandbox(error) => error.code(),
            Self::Store(error) | Self::Registry(registry::Error::Store(error)) => match error.is_connection() {
                true => "database-unavailable",
                false => "internal",
            },
            Self::Registry(_) | Self::NoDefaultTenant => "internal",
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownFsm(_) => {
                Some("deploy it with `gd-host deploy FILE.wasm`; `gd-host versions` lists what is there".into())
            }
            Self::UnknownVersion { fsm, .. } | Self::UnknownStep { fsm, .. } => {
                Some(format!("`gd-host versions {fsm}` lists what is there"))
            }
            Self::NoInput { id, .. } => Some(format!(
                "`gd-host history {id}` lists the claims; inputs are kept from `gd-host deploy FILE.wasm --history full` on"
            )),
            Self::Ended { id, .. } => Some(format!("`gd-host history {id}` shows how it came to that")),
            Self::NoTarget(_) => Some("it has ended, or never was; `gd-host get ID` tells".into()),
            Self::Duplicate { holder, .. } => Some(format!("see it with `gd-host get {holder}`")),
            Self::InboxFull(id) => Some(format!(
                "it takes more once its steps have consumed some; `gd-host get {id}` shows where it stands"
            )),
            Self::UnknownLimit { name, default: true, .. } => {
                Some(format!("`gd-host limit set {name}` overrides it for this tenant"))
            }
            Self::UnknownLimit { default: false, .. } => Some("`gd-host limit list` shows what is there".into()),
            Self::Registry(registry::Error::Component(error)) => error.hint().map(str::to_owned),
            Self::Store(error) | Self::Registry(registry::Error::Store(error)) if error.is_connection() => {
                Some("the host goes on trying; check that the database runs".into())
            }
            Self::InvalidName { .. }
            | Self::InvalidArgument(_)
            | Self::InvalidScope(_)
            | Self::TooLarge { .. }
            | Self::NotFound(_)
            | Self::Registry(_)
            | Self::Store(_)
            | Self::Sandbox(_)
            | Self::NoDefaultTenant => None,
        }
    }
}
