//! What children left for their parents.

use std::collections::HashMap;

use gd_core::{Child, ChildStatus, ErrorInfo, InstanceId, Status, TenantId};
use sqlx::PgConnection;

use super::rows::{self, corrupt, count};
use super::{Error, Store};

/// Bytes of what the children of one parent left that are handed to it at once; the rest it reads one by one. Source: the limits
/// table of the trust model.
const HANDED_BYTES_MAX: i64 = 4 << 20;

/// What one child left.
#[derive(Clone, Debug)]
pub struct ChildPayloads {
    /// Its last committed state.
    pub state: Vec<u8>,
    /// Its result, if it is done.
    pub output: Option<Vec<u8>>,
}

/// A child as its parent's callers see it.
#[derive(Clone, Debug)]
pub struct ChildRow {
    /// The child, or the holder of its key.
    pub id: InstanceId,
    /// The parent's round that made it, from 1.
    pub round: u32,
    /// Its place in that round, from 0.
    pub index: u32,
    /// What it is.
    pub fsm: String,
    /// Where it stands; `None` for one that was not made because its key was taken.
    pub status: Option<Status>,
    /// Its step; `None` for one that was not made.
    pub step: Option<String>,
    /// Rounds of children that it has made itself.
    pub rounds: u32,
    /// Why it ended without a result.
    pub error: Option<ErrorInfo>,
}

/// A child, when a whole family is ended.
#[derive(Clone, Copy, Debug)]
pub struct Descendant {
    /// The child.
    pub id: InstanceId,
    /// Whether it has not ended.
    pub live: bool,
    /// Whether it has made children itself.
    pub is_parent: bool,
}

impl Store {
    /// Children of an instance of this tenant, in the order in which they were asked for, behind `after`: a round and an index.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn list_children(
        &self,
        tenant: TenantId,
        parent: InstanceId,
        after: (i32, i32),
        rows_max: i64,
    ) -> Result<Vec<ChildRow>, Error> {
        let rows = sqlx::query_file!("src/store/sql/list_children.sql", tenant.0, parent.0, after.0, after.1, rows_max)
            .fetch_all(&self.pool)
            .await?;
        let child = |status| (status != ChildStatus::Duplicate.code()).then_some(status);
        rows.into_iter()
            .map(|row| {
                let status = child(row.status).map(|code| rows::status("instance", row.id, code)).transpose()?;
                Ok(ChildRow {
                    id: InstanceId(row.id),
                    round: count(row.round),
                    index: count(row.index),
                    fsm: row.fsm,
                    status,
                    step: row.step,
                    rounds: count(row.rounds),
                    error: row.error_kind.map(|kind| ErrorInfo {
                        kind,
                        message: row.error_message.unwrap_or_default(),
                        code: row.error_code,
                    }),
                })
            })
            .collect()
    }

    /// Children of these instances of this tenant that live, or that have children themselves.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn family(&self, tenant: TenantId, parents: &[InstanceId]) -> Result<Vec<Descendant>, Error> {
        let parents: Vec<i64> = parents.iter().map(|id| id.0).collect();
        let rows = sqlx::query_file!("src/store/sql/family.sql", tenant.0, &parents).fetch_all(&self.pool).await?;
        let descendant = |(id, live, rounds)| Descendant { id: InstanceId(id), live, is_parent: rounds > 0 };
        Ok(rows.into_iter().map(|row| descendant((row.id, row.live, row.rounds))).collect())
    }

    /// What one child left; `None` when there is no such child.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn read_child(&self, parent: InstanceId, round: u32, index: u32) -> Result<Option<ChildPayloads>, Error> {
        let (round, index) = (i32::try_from(round).unwrap_or(-1), i32::try_from(index).unwrap_or(-1));
        let row = sqlx::query_file!("src/store/sql/read_child.sql", parent.0, round, index)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|row| ChildPayloads { state: row.state, output: row.result }))
    }
}

/// The children of these parents, in the order in which they were asked for; payloads beyond [`HANDED_BYTES_MAX`] per parent are left out.
pub(super) async fn read(connection: &mut PgConnection, parents: &[i64]) -> Result<HashMap<i64, Vec<Child>>, Error> {
    let mut children: HashMap<i64, Vec<Child>> = HashMap::new();
    if parents.is_empty() {
        return Ok(children);
    }
    let rows =
        sqlx::query_file!("src/store/sql/read_children.sql", parents, HANDED_BYTES_MAX).fetch_all(connection).await?;
    for row in rows {
        let status = ChildStatus::from_code(row.status)
            .ok_or_else(|| corrupt("child_outcome", "status", row.parent, row.status))?;
        let error = row.error_kind.map(|kind| ErrorInfo {
            kind,
            message: row.error_message.unwrap_or_default(),
            code: row.error_code,
        });
        children.entry(row.parent).or_default().push(Child {
            id: InstanceId(row.child),
            index: count(row.index),
            round: count(row.round),
            fsm: row.fsm,
            status,
            state: row.state,
            output: row.result,
            error,
        });
    }
    Ok(children)
}
