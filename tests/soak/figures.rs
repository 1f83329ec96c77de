//! Numbers of the run that stand in the database.

use sqlx::PgPool;

use crate::faults::Fault;

/// Outcomes of recovery, and of an operator: not a step's own.
const NOT_OWN: &str = "outcome not in (6, 7)";

/// What the history shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) done: i64,
    pub(crate) failed: i64,
    pub(crate) cancelled: i64,
    pub(crate) steps: i64,
    pub(crate) recoveries: i64,
    /// Longest time under load without any commit.
    pub(crate) silence_ms_max: i64,
    /// Longest time from the end of a fault to the next commit.
    pub(crate) progress_ms_max: i64,
}

impl Figures {
    /// `from` and `to` are the borders of the load.
    pub(crate) async fn read(pool: &PgPool, from_ms: i64, to_ms: i64, faults: &[Fault]) -> anyhow::Result<Self> {
        let count = async |sql: String| -> anyhow::Result<i64> {
            Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(pool).await?)
        };
        let ended = |status: i16| format!("select count(*) from gd.finished where status = {status}");
        let commits = commits(pool, from_ms).await?;
        let under_load = commits.iter().copied().filter(|at| *at < to_ms);
        let marks: Vec<i64> = [from_ms].into_iter().chain(under_load).chain([to_ms]).collect();
        let healed: Vec<i64> = faults.iter().map(|fault| fault.healed_ms).collect();
        Ok(Self {
            done: count(ended(10)).await?,
            failed: count(ended(11)).await?,
            cancelled: count(ended(12)).await?,
            steps: count(format!("select count(*) from gd.attempt where {NOT_OWN}")).await?,
            recoveries: count("select count(*) from gd.attempt where outcome = 6".to_owned()).await?,
            silence_ms_max: longest_gap(&marks),
            progress_ms_max: healed.iter().map(|healed| until_next(*healed, &commits)).max().unwrap_or_default(),
        })
    }
}

/// When something was committed, to the millisecond, in order.
async fn commits(pool: &PgPool, from_ms: i64) -> anyhow::Result<Vec<i64>> {
    let sql = format!(
        "select distinct (extract(epoch from at) * 1000)::bigint as at_ms from gd.attempt
         where {NOT_OWN} and at >= to_timestamp($1::float8 / 1000) order by at_ms"
    );
    Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(from_ms).fetch_all(pool).await?)
}

fn longest_gap(marks: &[i64]) -> i64 {
    marks.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}

/// How long after this moment the next commit came. After the last of all there is nothing to wait for.
fn until_next(moment: i64, commits: &[i64]) -> i64 {
    commits.get(commits.partition_point(|at| *at < moment)).map_or(0, |next| next - moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_waits_are_measured_from_commit_to_commit() {
        assert_eq!(longest_gap(&[0, 5, 30, 31]), 25);
        assert_eq!((until_next(6, &[0, 5, 30]), until_next(5, &[0, 5, 30]), until_next(31, &[0, 5, 30])), (24, 0, 0));
    }
}
