//! Setting a host up.

use std::sync::Arc;
use std::time::Duration;

use gd_core::Limits;

use super::routes::KnownRoutes;
use super::{Error, Host, Inner};
use crate::engine::{Engine, EngineConfig};
use crate::registry::Registry;
use crate::sandbox::{Compiler, EgressPolicy, Sandbox};
use crate::store::{DEFAULT_TENANT, EVERY_TENANT, Limit, Store};

/// Connections for callers. Chosen: enough for the API beside the engine's own, and far below a server's default of 100.
const CONNECTIONS_MAX: u32 = 16;

/// What a host is made of. Everything but the database's address has a default.
#[derive(Clone, Debug)]
pub struct HostBuilder {
    database_url: String,
    engine: EngineConfig,
    limits: Limits,
    egress: EgressPolicy,
    compiler: Compiler,
    drain: Duration,
    default_limits: Vec<(String, Limit)>,
}

impl HostBuilder {
    /// A host on this database, which was migrated before.
    pub fn new(database_url: impl Into<String>) -> Self {
        Self {
            database_url: database_url.into(),
            engine: EngineConfig::default(),
            limits: Limits::default(),
            egress: EgressPolicy::default(),
            compiler: Compiler::default(),
            drain: Duration::from_secs(5),
            default_limits: Vec::new(),
        }
    }

    /// How the engine works.
    pub fn engine(mut self, engine: EngineConfig) -> Self {
        self.engine = engine;
        self
    }

    /// What instances may cost.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What guests may reach. Default: nothing.
    pub fn egress(mut self, egress: EgressPolicy) -> Self {
        self.egress = egress;
        self
    }

    /// Where components are compiled. Default: in this process; whoever takes components from strangers gives a child.
    pub fn compiler(mut self, compiler: Compiler) -> Self {
        self.compiler = compiler;
        self
    }

    /// How long running steps may take to end when the host stops. Default 5 s.
    pub fn drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// A rate limit or a concurrency limit of every tenant that has none of its own by that name. It is written when the host starts: of
    /// two hosts with different ones, the later counts. Default: none.
    pub fn default_limit(mut self, name: impl Into<String>, limit: Limit) -> Self {
        self.default_limits.push((name.into(), limit));
        self
    }

    /// Connects, checks the database, and starts the engine.
    ///
    /// # Errors
    /// Says what is wrong with the database or the machine, and what to do.
    pub async fn start(self) -> Result<Host, Error> {
        let store = Store::connect(&self.database_url, CONNECTIONS_MAX).await?;
        store.make_partitions(1).await?;
        let tenant = store.find_tenant(DEFAULT_TENANT).await?.ok_or(Error::NoDefaultTenant)?;
        for (name, limit) in &self.default_limits {
            super::check_limit(name, limit)?;
            store.set_limit(EVERY_TENANT, name, *limit).await?;
        }
        let sandbox = Sandbox::new(self.engine.steps_max(), self.egress, self.limits.clone(), self.compiler)
            .map_err(|error| Error::Sandbox(Arc::new(error)))?;
        let registry = Registry::new(store.clone(), sandbox.clone());
        let engine = Engine::start(store.clone(), registry.clone(), sandbox, self.engine, self.limits.clone()).await?;
        Ok(Host(Arc::new(Inner {
            store,
            registry,
            engine,
            routes: KnownRoutes::default(),
            limits: self.limits,
            tenant,
            drain: self.drain,
        })))
    }
}
