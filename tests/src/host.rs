//! A host inside the test, quick to notice everything.

use std::sync::Arc;
use std::time::Duration;

use gd_core::{InstanceId, Limits, Status, TenantId};
use gd_host::api::{ApiToken, router};
use gd_host::engine::EngineConfig;
use gd_host::host::{Accepted, Error, Host, HostBuilder, Signal, Start, Target, Until};
use gd_host::registry::Deployed;
use gd_host::store::HistoryRow;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::wire::Wire;
use crate::{Api, DEADLINE, Instance, TestDatabase, eventually, guest};

/// A host on a database of its own, or on one that it shares.
#[derive(Clone)]
pub struct TestHost {
    /// The host.
    pub host: Host,
    /// Its database.
    pub database: Arc<TestDatabase>,
    /// The tenant of everything that goes through this value.
    pub tenant: TenantId,
}

impl TestHost {
    /// A host with the machine `probe` deployed.
    pub async fn with_probe() -> Self {
        Self::with_probe_and(|_, _| ()).await
    }

    /// The same, with other numbers.
    pub async fn with_probe_and(configure: impl FnOnce(&mut EngineConfig, &mut Limits)) -> Self {
        let host = Self::on(Arc::new(TestDatabase::migrated().await), configure).await;
        host.deploy(guest("probe")).await;
        host
    }

    /// A host with nothing deployed.
    pub async fn bare() -> Self {
        Self::on(Arc::new(TestDatabase::migrated().await), |_, _| ()).await
    }

    /// A host on this database.
    pub async fn on(database: Arc<TestDatabase>, configure: impl FnOnce(&mut EngineConfig, &mut Limits)) -> Self {
        let url = database.url().to_owned();
        Self::at(&url, database, configure).await
    }

    /// A host that reaches this database over a wire.
    pub async fn through(
        wire: &Wire,
        database: Arc<TestDatabase>,
        configure: impl FnOnce(&mut EngineConfig, &mut Limits),
    ) -> Self {
        Self::at(wire.url(), database, configure).await
    }

    async fn at(
        url: &str,
        database: Arc<TestDatabase>,
        configure: impl FnOnce(&mut EngineConfig, &mut Limits),
    ) -> Self {
        let (mut engine, mut limits) = (quick(), Limits::default());
        configure(&mut engine, &mut limits);
        let builder = HostBuilder::new(url).engine(engine).limits(limits).drain(Duration::from_secs(1));
        let host = builder.start().await.unwrap_or_else(|error| panic!("the host does not start: {error}"));
        let tenant = host.default_tenant();
        Self { host, database, tenant }
    }

    /// Deploys a component that is accepted.
    pub async fn deploy(&self, component: Vec<u8>) -> Deployed {
        let deployed = self.host.deploy(self.tenant, component).await;
        deployed.unwrap_or_else(|error| panic!("the component is refused: {error}"))
    }

    /// Starts an instance.
    ///
    /// # Errors
    /// The host's refusal.
    pub async fn try_start(&self, start: Start) -> Result<InstanceId, Error> {
        self.host.start(self.tenant, start).await.map(|started| started.id)
    }

    /// Starts an instance that is accepted.
    pub async fn start(&self, start: Start) -> InstanceId {
        self.try_start(start).await.unwrap_or_else(|error| panic!("the start is refused: {error}"))
    }

    /// Starts a probe that follows this plan.
    pub async fn plan(&self, acts: Value) -> InstanceId {
        self.start(Self::probe(json!({ "plan": acts }))).await
    }

    /// The start of a probe with this state.
    pub fn probe(state: Value) -> Start {
        Start { fsm: "probe".into(), state: Some(state.to_string().into_bytes()), ..Start::default() }
    }

    /// Starts a probe that follows this plan, and waits for its end.
    pub async fn run(&self, acts: Value) -> Instance {
        let id = self.plan(acts).await;
        self.ended(id).await
    }

    /// Waits until the instance has ended.
    pub async fn ended(&self, id: InstanceId) -> Instance {
        self.waited(id, Until::Terminal).await
    }

    /// Waits until the instance has ended, and has it skip every wait before its next attempt.
    pub async fn ended_in_a_hurry(&self, id: InstanceId) -> Instance {
        let sql = "update gd.instance set eligible_at = now() where id = $1 and status = 0 and eligible_at > now()";
        eventually("the instance ends", async || {
            sqlx::query(sql).bind(id.0).execute(self.database.pool()).await.expect("a row can be changed");
            let instance = self.get(id).await;
            instance.status.is_terminal().then_some(instance)
        })
        .await
    }

    /// Waits until a worker runs a step of the instance in this visit.
    pub async fn executing(&self, id: InstanceId, visit: i64) {
        eventually("the step runs", async || {
            let instance = self.get(id).await;
            (instance.status == Status::Executing && instance.visit == visit).then_some(())
        })
        .await;
    }

    /// Waits until the instance is parked for a signal, or has ended.
    pub async fn settled(&self, id: InstanceId) -> Instance {
        self.waited(id, Until::Settled).await
    }

    async fn waited(&self, id: InstanceId, until: Until) -> Instance {
        let waited = self.host.wait(self.tenant, id, until, DEADLINE).await.expect("the instance exists");
        assert!(waited.reached, "instance {id} is still busy: {:?}", waited.instance.summary);
        Instance(waited.instance)
    }

    /// The instance as it is now.
    pub async fn get(&self, id: InstanceId) -> Instance {
        Instance(self.host.get(self.tenant, id).await.expect("the instance exists"))
    }

    /// Every attempt of the instance, oldest first.
    pub async fn history(&self, id: InstanceId) -> Vec<HistoryRow> {
        self.host.history(self.tenant, id, -1, 1_000).await.expect("the instance exists")
    }

    /// Outcomes of every attempt, oldest first.
    pub async fn outcomes(&self, id: InstanceId) -> Vec<&'static str> {
        self.history(id).await.iter().map(|attempt| attempt.outcome.word()).collect()
    }

    /// Sends a signal without a deduplication key.
    ///
    /// # Errors
    /// The host's refusal.
    pub async fn try_signal(&self, target: Target, name: &str, payload: Value) -> Result<Accepted, Error> {
        let signal = Signal { name: name.into(), payload: payload.to_string().into_bytes(), dedup_key: None };
        self.host.signal(self.tenant, target, signal).await
    }

    /// Sends a signal that is accepted.
    pub async fn signal(&self, id: InstanceId, name: &str, payload: Value) {
        let sent = self.try_signal(Target::Id(id), name, payload).await;
        sent.map(drop).unwrap_or_else(|error| panic!("the signal is refused: {error}"));
    }

    /// Signals in the instance's inbox.
    pub async fn inbox(&self, id: InstanceId) -> Vec<String> {
        sqlx::query_scalar("select name from gd.signal where target = $1 order by id")
            .bind(id.0)
            .fetch_all(self.database.pool())
            .await
            .expect("the inbox can be read")
    }

    /// Serves the HTTP API of this host.
    pub async fn serve(&self, token: Option<&str>) -> Api {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it was bound");
        let router = router(self.host.clone(), token.map(ApiToken::new));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Api::new(format!("http://{address}"))
    }
}

/// Numbers with which nothing takes long, and a busy machine still keeps its lease.
fn quick() -> EngineConfig {
    EngineConfig {
        host: "test".into(),
        concurrency: 16,
        lease: Duration::from_secs(20),
        beat: Duration::from_millis(200),
        silence: Duration::from_millis(600),
        recovery_interval: Duration::from_millis(100),
        timeout_interval: Duration::from_millis(100),
        poll: (Duration::from_millis(100), Duration::from_millis(200)),
        ..EngineConfig::default()
    }
}
