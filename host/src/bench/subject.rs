//! What is measured: a host at its defaults with one machine, and a session that looks at its database.

use std::time::{Duration, Instant};

use gd_core::{InstanceId, TenantId};

use super::machine::Machine;
use super::psql::Session;
use super::server::Server;
use super::statements::Statements;
use super::{Error, proc};
use crate::host::{Host, HostBuilder, Start, Until};
use crate::sandbox::Compiler;
use crate::store::InstanceRow;

/// Longest wait for the instances of a round.
pub(super) const THROUGH_MAX: Duration = Duration::from_secs(600);
/// Time between looks at whether all are through: an error of this much, in a round of seconds.
const LOOK: Duration = Duration::from_millis(5);
/// The same where nobody tells that the end is near.
const LONG_LOOK: Duration = Duration::from_millis(20);
/// Whether nothing runs and nothing that is due waits in the lane of the machine; goes by the two small partial indexes.
const IDLE: &str = "select not exists (select from gd.instance where status = 1) \
                    and not exists (select from gd.instance where tenant_id = :tenant and queue_id = :queue and priority = 0 \
                                    and status = 0 and not held and losses < 3 and eligible_at <= now())";

/// One host or several under measurement.
pub(super) struct Subject {
    /// The host that callers talk to.
    pub(super) host: Host,
    /// Others on the same database, in this process too.
    pub(super) others: Vec<Host>,
    /// A session on the database.
    pub(super) session: Session,
    /// The postmaster, if the server runs on this machine.
    pub(super) postmaster: Option<u32>,
    /// What the server's own count of statements came to, where that was asked for.
    pub(super) statements: Option<Statements>,
    /// The tenant of everything.
    pub(super) tenant: TenantId,
    /// Where the database is.
    pub(super) url: String,
    may_checkpoint: bool,
}

impl Subject {
    /// A host on this database, whose schema is there.
    pub(super) async fn start(server: &Server, database: &str, statements: bool) -> Result<Self, Error> {
        let mut session = Session::open(server, database).await?;
        // Looking is no reason to read a whole table beside the host.
        session.ask("set enable_seqscan = off").await?;
        let postmaster = postmaster(&mut session).await?;
        let may_checkpoint = session.ask("show is_superuser").await? == "on";
        let statements = if statements { Some(Statements::open(server, &mut session, database).await?) } else { None };
        let url = server.url(database);
        let host = host(&url).await?;
        let tenant = host.default_tenant();
        Ok(Self { host, others: Vec::new(), session, postmaster, statements, tenant, url, may_checkpoint })
    }

    /// Has so many hosts run, this one included.
    pub(super) async fn with_hosts(&mut self, hosts: u32) -> Result<(), Error> {
        while self.others.len() + 1 > hosts as usize {
            if let Some(host) = self.others.pop() {
                host.shut_down().await;
            }
        }
        while self.others.len() + 1 < hosts as usize {
            self.others.push(host(&self.url).await?);
        }
        Ok(())
    }

    /// Puts another host in the place of the one that callers talk to, which is stopped first: never do two run at once.
    pub(super) async fn move_to(&mut self, url: &str) -> Result<(), Error> {
        self.host.shut_down().await;
        self.host = host(url).await?;
        Ok(())
    }

    /// Stops every host.
    pub(super) async fn shut_down(&mut self) {
        for host in self.others.drain(..).chain([self.host.clone()]) {
            host.shut_down().await;
        }
    }

    /// Deploys a machine and runs one instance to its end. Rows that are seeded from now on are instances of it.
    pub(super) async fn deploy(&mut self, machine: &Machine) -> Result<(), Error> {
        let deployed = self.host.deploy(self.tenant, machine.component.clone()).await?;
        if deployed.fsm != machine.fsm {
            return Err(Error::OtherMachine { found: deployed.fsm, expected: machine.fsm });
        }
        let model = self.begin(machine).await?;
        self.result(model).await?;
        let place = format!("select tenant_id, fsm_id, queue_id, version from gd.finished where id = {model}");
        let place: [f64; 4] = self.session.numbers(&place).await?;
        for (name, value) in ["tenant", "fsm", "queue", "version"].into_iter().zip(place) {
            self.session.set(name, &value.to_string()).await?;
        }
        self.session.set("step", machine.step).await?;
        self.session.set("state", &machine.state).await
    }

    /// Starts an instance.
    pub(super) async fn begin(&self, machine: &Machine) -> Result<InstanceId, Error> {
        begin(&self.host, self.tenant, machine).await
    }

    /// Puts an instance in line.
    pub(super) async fn queue(&self, machine: &Machine) -> Result<(), Error> {
        queue(&self.host, self.tenant, machine).await
    }

    /// The same on every host, so that each learns at once that there is work.
    pub(super) async fn queue_everywhere(&self, machine: &Machine) -> Result<(), Error> {
        for host in [&self.host].into_iter().chain(&self.others) {
            queue(host, self.tenant, machine).await?;
        }
        Ok(())
    }

    /// Waits for one instance to end.
    pub(super) async fn result(&self, id: InstanceId) -> Result<InstanceRow, Error> {
        let waited = self.host.wait(self.tenant, id, Until::Terminal, THROUGH_MAX).await?;
        if waited.reached { Ok(waited.instance) } else { Err(Error::Stuck(THROUGH_MAX)) }
    }

    /// Waits until everything is through, this instance, which is one of the last, to begin with. Where there are several hosts, this one
    /// may not be the one to run it, and is not told of its end in time.
    pub(super) async fn through(&mut self, last: InstanceId) -> Result<(), Error> {
        let deadline = Instant::now() + THROUGH_MAX;
        let alone = self.others.is_empty();
        if alone {
            self.result(last).await?;
        }
        while self.session.ask(IDLE).await? != "t" {
            if Instant::now() > deadline {
                return Err(Error::Stuck(THROUGH_MAX));
            }
            tokio::time::sleep(if alone { LOOK } else { LONG_LOOK }).await;
        }
        Ok(())
    }

    /// Waits until a statement that answers with a truth value says yes.
    pub(super) async fn until(&mut self, sql: &str) -> Result<(), Error> {
        let deadline = Instant::now() + THROUGH_MAX;
        while self.session.ask(sql).await? != "t" {
            if Instant::now() > deadline {
                return Err(Error::Stuck(THROUGH_MAX));
            }
            tokio::time::sleep(LONG_LOOK).await;
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

    /// The same after many rows have come or gone beside the host: what the server would do about them sooner or later is done now.
    pub(super) async fn tidy(&mut self) -> Result<(), Error> {
        self.session.ask("vacuum (analyze) gd.instance").await?;
        self.settle().await
    }

    /// Bytes of write-ahead log that were ever written.
    pub(super) async fn wal(&mut self) -> Result<f64, Error> {
        self.session.number("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn").await
    }
}

async fn host(url: &str) -> Result<Host, Error> {
    Ok(HostBuilder::new(url).compiler(Compiler::this_binary()).start().await?)
}

async fn begin(host: &Host, tenant: TenantId, machine: &Machine) -> Result<InstanceId, Error> {
    Ok(host.start(tenant, start(machine)).await?.id)
}

/// An idle host claims what is started by itself at once, and learns nothing of what waits. A batch goes by its lane, also one of one.
async fn queue(host: &Host, tenant: TenantId, machine: &Machine) -> Result<(), Error> {
    for started in host.start_many(tenant, vec![start(machine)]).await? {
        started?;
    }
    Ok(())
}

/// A start of an instance of this machine.
pub(super) fn start(machine: &Machine) -> Start {
    let (fsm, step) = (machine.fsm.to_owned(), Some(machine.step.to_owned()));
    Start { fsm, step, state: Some(machine.state.clone().into_bytes()), ..Start::default() }
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
