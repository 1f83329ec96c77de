//! What may not be there once everything has ended.

use sqlx::PgPool;

/// Each names rows that there should be none of.
const NONE_OF: [(&str, &str); 8] = [
    (
        "executing instances without a living owner",
        "select i.id from gd.instance i where i.status = 1
            and not exists (select from gd.worker w where w.id = i.owner and not w.dead and w.expires_at > now())",
    ),
    (
        "instances that live and have ended",
        "select i.id from gd.instance i where exists (select from gd.finished f where f.id = i.id)",
    ),
    (
        "signals of instances that do not exist, or ended by their own will",
        "select s.target from gd.signal s
            where not exists (select from gd.instance i where i.id = s.target)
              and not exists (select from gd.finished f where f.id = s.target and f.status in (11, 12))",
    ),
    (
        "deduplication keys of instances that do not exist",
        "select d.target from gd.signal_dedup d
            where not exists (select from gd.instance i where i.id = d.target)
              and not exists (select from gd.finished f where f.id = d.target)",
    ),
    (
        "attempts of instances that do not exist",
        "select a.instance_id from gd.attempt a
            where not exists (select from gd.instance i where i.id = a.instance_id)
              and not exists (select from gd.finished f where f.id = a.instance_id)",
    ),
    (
        "parents that are gone, and for whom outcomes of children are still kept",
        "select c.parent from gd.child_outcome c where not exists (select from gd.instance i where i.id = c.parent)",
    ),
    ("instances that have ended twice", "select id from gd.finished group by id having count(*) > 1"),
    (
        "attempts that were recorded twice under one claim",
        "select instance_id from gd.attempt group by instance_id, claim having count(*) > 1",
    ),
];
/// So many ids are told.
const TOLD_MAX: usize = 20;

pub(super) async fn check(pool: &PgPool) -> anyhow::Result<Vec<String>> {
    let mut broken = Vec::new();
    for (what, sql) in NONE_OF {
        let ids: Vec<i64> = sqlx::query_scalar(sql).fetch_all(pool).await?;
        if !ids.is_empty() {
            broken.push(format!("{} {what}: {:?}", ids.len(), &ids[..ids.len().min(TOLD_MAX)]));
        }
    }
    Ok(broken)
}
