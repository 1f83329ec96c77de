//! The facade: everything that a host does, for whoever embeds it and for the HTTP API.

mod adopt;
mod builder;
mod control;
mod error;
mod family;
mod limits;
mod names;
mod read;
mod routes;
mod signal;
mod start;

use std::sync::Arc;
use std::time::Duration;

use gd_core::{Limits, TenantId};

use crate::engine::Engine;
use crate::registry::{Deployed, Registry};
use crate::store::{HistoryLevel, Store};

pub use adopt::{Adopted, Because, Stay};
pub use builder::HostBuilder;
pub use control::{Controlled, Why};
pub use error::Error;
pub use family::CancelledFamily;
pub use limits::check_limit;
pub use read::{Until, Waited};
pub use signal::{Accepted, Signal, Target};
pub use start::{Start, StartedInstance};

/// A running host. Cheap to clone.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    store: Store,
    registry: Registry,
    engine: Engine,
    routes: routes::KnownRoutes,
    limits: Limits,
    tenant: TenantId,
    drain: Duration,
}

impl Host {
    /// The tenant of callers that name none.
    pub fn default_tenant(&self) -> TenantId {
        self.0.tenant
    }

    /// Deploys a component; see [`Registry::deploy`].
    ///
    /// # Errors
    /// Says which rule the component breaks; nothing was stored then.
    pub async fn deploy(&self, tenant: TenantId, component: Vec<u8>) -> Result<Deployed, Error> {
        Ok(self.0.registry.deploy(tenant, component).await?)
    }

    /// Has an FSM keep this much of its instances' attempts from now on.
    ///
    /// # Errors
    /// [`Error::UnknownFsm`].
    pub async fn set_history(&self, tenant: TenantId, fsm: &str, level: HistoryLevel) -> Result<(), Error> {
        names::check("FSM's name", fsm)?;
        match self.0.registry.set_history(tenant, fsm, level).await? {
            true => Ok(()),
            false => Err(Error::UnknownFsm(fsm.to_owned())),
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ready(&self) -> Result<(), Error> {
        Ok(self.0.store.ping().await?)
    }

    /// Returns when the engine broke off, which is a bug: stop the host then, others take over.
    pub async fn failed(&self) {
        self.0.engine.failed().await;
    }

    /// Stops: running steps get the drain time to commit, then they are interrupted and given back.
    pub async fn shut_down(&self) {
        self.0.engine.stop(self.0.drain).await;
        self.0.store.close().await;
    }
}
