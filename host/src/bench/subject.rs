//! What is measured: a host at its defaults with one machine, and a session that looks at its database.

use std::time::{Duration, Instant};

use gd_core::{InstanceId, TenantId};

use super::psql::Session;
use super::server::Server;
use super::{Error, proc, state};
use crate::cli::BenchArgs;
use crate::host::{Host, HostBuilder, Start, Until};
use crate::sandbox::Compiler;

/// The machine that every host of this contract must run for ever: built once of `examples/order`, never built again.
const COMPONENT: &[u8] = include_bytes!("../../../wit/golden/fsm-0.1.0.wasm");
/// Its name.
const FSM: &str = "order";
/// Longest wait for the instances of a round.
const THROUGH_MAX: Duration = Duration::from_secs(600);
/// Time between looks at whether all are through: an error of this much, in a round of seconds.
const LOOK: Duration = Duration::from_millis(5);
/// Whether nothing runs and nothing waits; goes by the two small partial indexes.
const IDLE: &str = "select not exists (select from gd.instance where status = 1) \
                    and not exists (select from gd.instance where status = 0 and not held)";

/// A host under measurement.
pub(super) struct Subject {
    /// The host.
    pub(super) host: Host,
    /// A session on its database.
    pub(super) session: Session,
    /// The postmaster, if the server runs on this machine.
    pub(super) postmaster: Option<u32>,
    /// The machine.
    pub(super) component: Vec<u8>,
    /// The instances' state.
    pub(super) state: String,
    tenant: TenantId,
    may_checkpoint: bool,
}

impl Subject {
    /// A host on this database, whose schema is there.
    pub(super) async fn start(args: &BenchArgs, server: &Server, database: &str) -> Result<Self, Error> {
        let component = match &args.component {
            Some(file) => std::fs::read(file).map_err(Error::system(format!("read {}", file.display())))?,
            None => COMPONENT.to_vec(),
        };
        let mut session = Session::open(server, database).await?;
        // Looking is no reason to read a whole table beside the host.
        session.ask("set enable_seqscan = off").await?;
        let postmaster = postmaster(&mut session).await?;
        let may_checkpoint = session.ask("show is_superuser").await? == "on";
        let host = HostBuilder::new(server.url(database)).compiler(Compiler::this_binary()).start().await?;
        let tenant = host.default_tenant();
        let state = state::order(args.state_bytes as usize);
        Ok(Self { host, session, postmaster, component, state, tenant, may_checkpoint })
    }

    /// Deploys the machine and runs one instance to its end, of which others will be copies.
    pub(super) async fn deploy(&mut self) -> Result<(), Error> {
        let deployed = self.host.deploy(self.tenant, self.component.clone()).await?;
        if deployed.fsm != FSM {
            return Err(Error::OtherMachine(deployed.fsm));
        }
        let model = self.begin(None).await?;
        self.through(model).await?;
        self.session.set("model", &model.to_string()).await?;
        self.session.set("state", &self.state).await
    }

    /// Starts an instance at its first step, or at another.
    pub(super) async fn begin(&self, step: Option<&str>) -> Result<InstanceId, Error> {
        let state = Some(self.state.clone().into_bytes());
        let start = Start { fsm: FSM.into(), step: step.map(str::to_owned), state, ..Start::default() };
        Ok(self.host.start(self.tenant, start).await?.id)
    }

    /// Waits for the result of one instance.
    pub(super) async fn result(&self, id: InstanceId) -> Result<(), Error> {
        let waited = self.host.wait(self.tenant, id, Until::Terminal, THROUGH_MAX).await?;
        if waited.reached { Ok(()) } else { Err(Error::Stuck(THROUGH_MAX)) }
    }

    /// Waits until everything is through, this instance, which is one of the last, to begin with.
    pub(super) async fn through(&mut self, last: InstanceId) -> Result<(), Error> {
        let deadline = Instant::now() + THROUGH_MAX;
        self.result(last).await?;
        while self.session.ask(IDLE).await? != "t" {
            if Instant::now() > deadline {
                return Err(Error::Stuck(THROUGH_MAX));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Writes every dirty page out, where that is allowed, so that no round pays for the one before.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        if self.may_checkpoint {
            self.session.ask("checkpoint").await?;
        }
        Ok(())
    }
}

/// A postmaster is looked for where the session says that it has come to this machine.
async fn postmaster(session: &mut Session) -> Result<Option<u32>, Error> {
    let local = "select coalesce(inet_server_addr() <<= '127.0.0.0/8' or inet_server_addr() = '::1', true)";
    if session.ask(local).await? != "t" {
        return Ok(None);
    }
    let pid = session.ask("select pid from pg_stat_activity where backend_type = 'checkpointer'").await?;
    Ok(pid.parse().ok().and_then(proc::postmaster_of))
}
