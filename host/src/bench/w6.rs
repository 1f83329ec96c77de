//! W6: what a crowd costs that waits for tokens and for slots, and whether it holds up who is free to run.

use std::time::Duration;

use super::cost::{Before, Cost};
use super::machine::Machine;
use super::run::Run;
use super::samples::Samples;
use super::subject::Subject;
use super::{Error, Yardstick, check, w2};
use crate::store::Limit;

/// Buckets that the throttled half waits for, and keys that the gated half waits for: so many of each.
const GROUPS: u32 = 1_000;
/// Free instances of a round, started one at a time.
const FREE: u32 = 300;
/// How long the host may take to look at everything that has come or gone, before it counts as idle. Chosen: as long as its longest
/// poll, and a second.
const CALM: Duration = Duration::from_secs(6);
/// The limit of the throttled half.
const LIMIT: &str = "bench";
/// A token a year, and a bucket that holds no more.
const TOKEN_A_YEAR: Limit = Limit::Rate { allowed: 1, period_ms: 365 * 24 * 60 * 60 * 1_000, burst: 1 };

/// A worker elsewhere, which is no process: its beats lie in the future.
const ELSEWHERE: &str = "insert into gd.worker (id, host, beat_at, expires_at) \
                         values (-1, 'elsewhere', now() + interval '1 year', now() + interval '1 year')";
/// The crowd, and what is in its way: empty buckets, and instances that run elsewhere for ever, each with the one slot of a key.
const CROWD: &str = "
begin;
insert into gd.bucket (tenant_id, key, level, refilled_at)
    select :tenant, 'bench:' || n, 0, now() from generate_series(1, :groups) n;
insert into gd.instance (tenant_id, fsm_id, queue_id, version, step, state, concurrency_key, status, owner, slot)
    select :tenant, :fsm, :queue, :version, :'step', convert_to(:'state', 'UTF8'), 'bench:' || n, 1, -1, 0
    from generate_series(1, :groups) n;
insert into gd.instance (tenant_id, fsm_id, queue_id, version, step, state, status, rate_limit)
    select :tenant, :fsm, :queue, :version, :'step', convert_to(:'state', 'UTF8'), 5, 'bench:' || 1 + n % :groups
    from generate_series(1, :rows / 2) n;
insert into gd.instance (tenant_id, fsm_id, queue_id, version, step, state, status, concurrency_key)
    select :tenant, :fsm, :queue, :version, :'step', convert_to(:'state', 'UTF8'), 4, 'bench:' || 1 + n % :groups
    from generate_series(1, :rows / 2) n;
commit";

/// Everything of it.
const DISPERSED: &str = "
delete from gd.instance where status in (4, 5) or owner = -1;
delete from gd.bucket where key like 'bench:%'";

/// What of it is there still.
const WAITING: &str = "select count(*) from gd.instance where status in (4, 5)";

/// Every round.
pub(super) async fn measure(run: &Run<'_>, subject: &mut Subject) -> Result<Samples, Error> {
    let machine = Machine::idle(run.args);
    subject.deploy(&machine).await?;
    subject.host.set_limit(subject.tenant, LIMIT, TOKEN_A_YEAR).await?;
    subject.session.ask(ELSEWHERE).await?;
    let (crowd, idle) = (run.instances(), Duration::from_secs(run.args.idle_seconds.into()));
    subject.session.set("rows", &crowd.to_string()).await?;
    subject.session.set("groups", &GROUPS.min(crowd / 2).to_string()).await?;
    run.rounds(subject, "", async |subject, yardstick| round(subject, &machine, crowd, idle, yardstick).await).await
}

/// One round: the host alone, then beside the crowd.
async fn round(
    subject: &mut Subject,
    machine: &Machine,
    crowd: u32,
    idle: Duration,
    yardstick: Option<Yardstick>,
) -> Result<Samples, Error> {
    let free = FREE.min(crowd);
    let alone = Part::measure(subject, machine, idle, free).await?;
    subject.session.ask(CROWD).await?;
    let beside = Part::measure(subject, machine, idle, free).await;
    // Nobody of the crowd may have run, or it was no crowd.
    let left: u64 = subject.session.number(WAITING).await?;
    subject.session.ask(DISPERSED).await?;
    subject.tidy().await?;
    check::equal("instances of the crowd that still wait", left, u64::from(crowd / 2 * 2))?;
    let mut samples = Samples::default();
    let commit = yardstick.map(|yardstick| yardstick.commit);
    beside?.add("crowd", "beside the crowd", commit, &mut samples);
    alone.add("empty", "on an empty database", commit, &mut samples);
    Ok(samples)
}

/// An idle host, and then one with a single instance at a time.
struct Part {
    idle: Cost,
    free: Vec<Duration>,
}

impl Part {
    async fn measure(subject: &mut Subject, machine: &Machine, idle: Duration, free: u32) -> Result<Self, Error> {
        subject.tidy().await?;
        tokio::time::sleep(CALM.min(idle)).await;
        let before = Before::now(subject.postmaster);
        tokio::time::sleep(idle).await;
        let idle = before.cost();
        Ok(Self { idle, free: w2::in_process(subject, free, machine).await? })
    }

    fn add(&self, key: &str, label: &str, commit: Option<Duration>, samples: &mut Samples) {
        let mut own = Samples::default();
        let [host, postgres] = self.idle.percent_of_a_core();
        own.add_known("idle_host_cpu_percent", "CPU of the host, idle", "% of a core", host);
        own.add_known("idle_pg_cpu_percent", "CPU of Postgres, idle", "% of a core", postgres);
        own.add_times("free", "a free instance from start to result", &self.free, commit);
        samples.append(own.of(key, label));
    }
}
