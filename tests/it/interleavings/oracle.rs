//! What must hold of the rows whatever was played.

use sqlx::AssertSqlSafe;

use super::stage::Stage;

/// Each says what it counts; every count is zero.
const NEVER: [(&str, &str); 8] = [
    (
        "two rows of the history under one claim",
        "select count(*) from (select from gd.attempt group by instance_id, claim having count(*) > 1) as twice",
    ),
    (
        "a row of the history under a claim that the instance has not passed",
        "select count(*) from gd.attempt a left join gd.instance i on i.id = a.instance_id \
         left join gd.finished f on f.id = a.instance_id where a.claim >= coalesce(i.claim, f.claim)",
    ),
    (
        "an instance that is both live and over, or over twice",
        "select count(*) from (select id from gd.finished union all select id from gd.instance) as every \
         where (select count(*) from gd.finished f where f.id = every.id) > 1 \
         or exists (select from gd.instance i join gd.finished f on f.id = i.id where i.id = every.id)",
    ),
    (
        "a parked instance whose inbox has what it awaits and was not handed",
        "select count(*) from gd.instance i join gd.signal s on s.target = i.id and s.name = any(i.awaits) \
         where i.status = 2 and s.received_at > 'epoch'",
    ),
    (
        "a signal of an instance that ended and took its inbox along",
        "select count(*) from gd.signal s where not exists (select from gd.instance i where i.id = s.target) \
         and not exists (select from gd.attempt a where a.instance_id = s.target and a.outcome in (5, 7))",
    ),
    (
        "a live instance that does not hold its key",
        "select count(*) from gd.instance i where i.correlation_key is not null and not exists \
         (select from gd.identity k where k.tenant_id = i.tenant_id and k.key = i.correlation_key and k.holder = i.id)",
    ),
    (
        "a key that is held by nobody live, and not kept",
        "select count(*) from gd.identity k where not exists (select from gd.instance i where i.id = k.holder) \
         and not exists (select from gd.finished f where f.id = k.holder and k.keeps & (1 << (f.status - 10)) <> 0)",
    ),
    (
        "a key that was to be kept, and is not",
        "select count(*) from gd.finished f where f.step = 'kept' and f.status = 10 and not exists \
         (select from gd.identity k where k.holder = f.id)",
    ),
];

/// Rows that no living worker owns and some worker is said to be at.
const ORPHANS: &str = "select count(*) from gd.instance i where i.status = 1 \
                       and not exists (select from gd.worker w where w.id = i.owner and not w.dead)";

impl Stage {
    /// Holds all rows to what must hold.
    pub(crate) async fn holds(&self) -> Result<(), String> {
        let counts: Vec<String> = NEVER.iter().map(|(_, sql)| format!("({sql})")).collect();
        let sql = format!("select array[{}]", counts.join(", "));
        let counts: Vec<i64> =
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(self.pool()).await.expect("every count can be taken");
        for ((what, _), count) in NEVER.iter().zip(counts) {
            ensure(count == 0, *what)?;
        }
        Ok(())
    }

    /// Holds all rows to it that no row is executed for a dead worker.
    pub(crate) async fn no_orphans(&self) -> Result<(), String> {
        ensure(self.count(ORPHANS).await == 0, "a row is executed for a worker that was declared dead")
    }
}

/// What a check came to: how many orders it played, or what it saw that must not be.
pub(crate) type Played = Result<usize, String>;

/// An error that says what was seen and should not have been.
pub(crate) fn ensure(holds: bool, otherwise: impl Into<String>) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}
