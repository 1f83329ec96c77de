//! Who holds which key in the end: those that keep it, and nobody who is gone.

use std::collections::HashMap;

use sqlx::PgPool;

use crate::ledger::Case;

/// Holders that are gone and did not keep their key: `keeps` has a bit for each of done, failed and cancelled.
const GONE: &str = "
    select k.key from gd.identity k
    where not exists (select from gd.instance i where i.id = k.holder and i.correlation_key = k.key)
      and not exists (
        select from gd.finished f
        where f.id = k.holder and f.correlation_key = k.key and k.keeps & (case f.status when 10 then 1 when 11 then 2 else 4 end) <> 0
      )";

pub(super) async fn check(pool: &PgPool, cases: &[Case], ids: &[Vec<i64>]) -> anyhow::Result<Vec<String>> {
    let gone: Vec<String> = sqlx::query_scalar(GONE).fetch_all(pool).await?;
    let mut broken: Vec<String> =
        gone.into_iter().map(|key| format!("the key {key} is held by an instance that is gone")).collect();
    let held: Vec<(String, i64)> = sqlx::query_as("select key, holder from gd.identity").fetch_all(pool).await?;
    let held: HashMap<String, i64> = held.into_iter().collect();
    for (case, ids) in cases.iter().zip(ids) {
        let Some(key) = case.story.key.as_ref().filter(|key| key.kept) else { continue };
        if ids.iter().any(|id| held.get(&key.name) != Some(id)) {
            broken.push(format!("{ids:?} should have kept the key {}, held by {:?}", key.name, held.get(&key.name)));
        }
    }
    Ok(broken)
}
