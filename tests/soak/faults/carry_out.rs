//! How each kind of fault is made, and undone.

use std::time::Duration;

use gd_tests::wire::CutAt;
use rustix::process::Signal;
use sqlx::PgPool;
use tokio::time::Instant;

use super::{Chaos, Kind};

/// So many steps of a host must be under way for a freeze, so that some of them come back late.
const IN_FLIGHT_MIN: i64 = 8;
/// How long that is waited for, and how long others may take to notice a frozen host.
const MOMENT: Duration = Duration::from_secs(15);
/// How long a flush is waited for that is to be cut off.
const CUT_WAIT: Duration = Duration::from_secs(20);
/// What each request of a thawed host takes for a moment: its guests hand in what they have before it hears that its lease is lost.
const THAW_DELAY: Duration = Duration::from_millis(120);

impl Chaos<'_> {
    /// Whether it came about.
    pub(super) async fn carry_out(&mut self, kind: Kind) -> anyhow::Result<bool> {
        match kind {
            Kind::Kill => self.kill().await,
            Kind::Freeze => self.freeze().await,
            Kind::Terminate => self.terminate().await,
            Kind::Crash => self.crash().await,
            Kind::EndBackends => self.end_backends().await,
            Kind::CutBeforeCommit => self.cut_a_flush(CutAt::BeforeCommit).await,
            Kind::CutAfterCommit => self.cut_a_flush(CutAt::AfterCommit).await,
            Kind::CutAnswer => {
                let of = *self.random.pick(&["start", "store_signal"]);
                self.cut(CutAt::AfterCommit, of).await
            }
            Kind::Sever => self.sever().await,
        }
    }

    /// A flush of either kind.
    async fn cut_a_flush(&mut self, at: CutAt) -> anyhow::Result<bool> {
        let of = *self.random.pick(&["lock_claimed", "commit_plain"]);
        self.cut(at, of).await
    }

    fn one_host(&mut self) -> usize {
        self.random.place(2)
    }

    async fn rest(&mut self, shortest_ms: u64, longest_ms: u64) {
        tokio::time::sleep(Duration::from_millis(self.random.between(shortest_ms..=longest_ms))).await;
    }

    /// One host, or both at the same time.
    async fn kill(&mut self) -> anyhow::Result<bool> {
        let first = self.one_host();
        let victims = if self.random.one_in(4) { vec![first, 1 - first] } else { vec![first] };
        for victim in &victims {
            self.stage.hosts[*victim].kill().await?;
        }
        self.rest(100, 2_500).await;
        for victim in &victims {
            self.stage.hosts[*victim].start().await?;
        }
        Ok(true)
    }

    /// Frozen with steps under way, until the other host has taken what it held; then it comes back and commits what it has.
    async fn freeze(&mut self) -> anyhow::Result<bool> {
        let frozen = self.one_host();
        let pool = self.stage.postgres.pool.clone();
        let Some(worker) = self.busy_worker(frozen, &pool).await? else { return Ok(false) };
        let host = &self.stage.hosts[frozen];
        host.signal(Signal::STOP)?;
        let taken = wait(MOMENT, async || holds(&pool, worker).await == Some(0)).await;
        host.wire.delay(THAW_DELAY);
        host.signal(Signal::CONT)?;
        tokio::time::sleep(THAW_DELAY * 8).await;
        host.wire.delay(Duration::ZERO);
        Ok(taken)
    }

    /// Its worker once it has enough to do.
    async fn busy_worker(&self, host: usize, pool: &PgPool) -> anyhow::Result<Option<i64>> {
        let host = &self.stage.hosts[host];
        let mut found = None;
        wait(MOMENT, async || {
            found = host.worker(pool).await.ok().flatten();
            match found {
                Some(worker) => holds(pool, worker).await.is_some_and(|held| held >= IN_FLIGHT_MIN),
                None => false,
            }
        })
        .await;
        Ok(found)
    }

    async fn terminate(&mut self) -> anyhow::Result<bool> {
        let victim = self.one_host();
        let name = self.stage.hosts[victim].name;
        let status = self.stage.hosts[victim].terminate().await?;
        if status.and_then(|status| status.code()) != Some(0) {
            let told = status.map_or("it did not end in time".to_owned(), |status| status.to_string());
            self.happened.surprises().push(format!("host {name} did not stop well after SIGTERM: {told}"));
        }
        self.rest(100, 1_000).await;
        self.stage.hosts[victim].start().await?;
        Ok(true)
    }

    async fn crash(&mut self) -> anyhow::Result<bool> {
        self.stage.postgres.crash().await?;
        self.rest(0, 1_500).await;
        self.stage.postgres.revive().await?;
        Ok(true)
    }

    async fn end_backends(&mut self) -> anyhow::Result<bool> {
        let random = &mut self.random;
        let choose = |pids: &mut Vec<i32>| {
            random.shuffle(pids);
            let half = (pids.len() / 2).max(1) as u64;
            pids.truncate(usize::try_from(random.between(1..=half)).unwrap_or(1));
        };
        Ok(self.stage.postgres.end_backends(choose).await? > 0)
    }

    /// Cuts a connection at the commit of a transaction that contains this statement.
    async fn cut(&mut self, at: CutAt, of: &'static str) -> anyhow::Result<bool> {
        let pass = u32::try_from(self.random.between(0..=8)).unwrap_or_default();
        let host = self.one_host();
        let cut = self.stage.hosts[host].wire.cut(at, Some(of), pass);
        Ok(wait(CUT_WAIT, async || cut.is_done()).await)
    }

    /// Both hosts lose their database, often for longer than their leases.
    async fn sever(&mut self) -> anyhow::Result<bool> {
        self.stage.hosts.iter().for_each(|host| host.wire.sever());
        self.rest(1_500, 5_500).await;
        self.stage.hosts.iter().for_each(|host| host.wire.heal());
        Ok(true)
    }
}

/// How many instances a worker holds, if the database tells.
async fn holds(pool: &PgPool, worker: i64) -> Option<i64> {
    let sql = "select count(*) from gd.instance where owner = $1 and status = 1";
    sqlx::query_scalar(sql).bind(worker).fetch_one(pool).await.ok()
}

/// Looks until it is so; false when that takes too long.
async fn wait(longest: Duration, mut look: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + longest;
    loop {
        if look().await {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
