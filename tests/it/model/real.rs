//! The operations on the real engine, and waiting until it has nothing left to do by itself.

use gd_core::InstanceId;
use gd_host::host::{Error, Signal, Start, Target};
use gd_tests::{TestHost, eventually};

/// Time that passes at once is what a run of the model passes over: waits shorter than this are never waited for.
pub(super) const SHORT_MS: u64 = 60_000;

/// Instances of one program on the host that all share.
pub(super) struct Real<'a> {
    pub(super) host: &'a TestHost,
    pub(super) ids: Vec<InstanceId>,
}

impl Real<'_> {
    /// Starts an instance: its id, or the holder's of a taken key.
    pub(super) async fn start(&mut self, start: Start) -> Result<InstanceId, InstanceId> {
        match self.host.try_start(start).await {
            Ok(id) => {
                self.ids.push(id);
                Ok(id)
            }
            Err(Error::Duplicate { holder, .. }) => Err(holder),
            Err(other) => panic!("a start is refused: {other}"),
        }
    }

    /// Sends a signal: whether it was known before; none when it is for nobody.
    pub(super) async fn signal(&self, target: Target, signal: Signal) -> Option<bool> {
        match self.host.host.signal(self.host.tenant, target, signal).await {
            Ok(accepted) => Some(accepted.duplicate),
            Err(Error::NoTarget(_)) => None,
            Err(other) => panic!("a signal is refused: {other}"),
        }
    }

    /// Lets every wait that is under way be over.
    pub(super) async fn elapse(&self, ms: u64) {
        let sql = "update gd.instance set eligible_at = eligible_at - $2 * interval '1 ms', \
                   await_deadline = await_deadline - $2 * interval '1 ms' where id = any ($1)";
        let elapsing = sqlx::query(sql).bind(self.numbers()).bind(i64::try_from(ms).unwrap_or(i64::MAX));
        elapsing.execute(self.host.database.pool()).await.expect("rows can be changed");
    }

    /// Waits until every instance has ended, is parked, is held, or waits for longer than [`SHORT_MS`].
    pub(super) async fn settle(&self) {
        let hurry = "update gd.instance set eligible_at = now() where id = any ($1) and status = 0 and not held \
                     and eligible_at > now() and eligible_at < now() + interval '1 minute'";
        let busy = "select count(*) from gd.instance where id = any ($1) and (status = 1 \
                    or status = 0 and not held and eligible_at < now() + interval '1 minute' \
                    or status = 2 and await_deadline <= now())";
        eventually("the program settles", async || {
            sqlx::query(hurry)
                .bind(self.numbers())
                .execute(self.host.database.pool())
                .await
                .expect("rows can be changed");
            let left = sqlx::query_scalar(busy).bind(self.numbers()).fetch_one(self.host.database.pool()).await;
            let left: i64 = left.expect("rows can be counted");
            (left == 0).then_some(())
        })
        .await;
    }

    /// Who holds a correlation key.
    pub(super) async fn holder(&self, key: &str) -> Option<InstanceId> {
        let holder = sqlx::query_scalar("select holder from gd.identity where key = $1").bind(key);
        holder.fetch_optional(self.host.database.pool()).await.expect("keys can be read").map(InstanceId)
    }

    fn numbers(&self) -> Vec<i64> {
        self.ids.iter().map(|id| id.0).collect()
    }
}
