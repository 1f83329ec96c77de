//! What children left for their parents.

use std::collections::HashMap;

use gd_core::{Child, ChildStatus, ErrorInfo, InstanceId};
use sqlx::PgConnection;

use super::rows::{corrupt, count};
use super::{Error, Store};

/// What one child left.
#[derive(Clone, Debug)]
pub struct ChildPayloads {
    /// Its last committed state.
    pub state: Vec<u8>,
    /// Its result, if it is done.
    pub output: Option<Vec<u8>>,
}

impl Store {
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

/// The children of these parents, in the order in which they were asked for; payloads beyond `bytes_max` per parent are left out.
pub(super) async fn read(
    connection: &mut PgConnection,
    parents: &[i64],
    bytes_max: usize,
) -> Result<HashMap<i64, Vec<Child>>, Error> {
    let mut children: HashMap<i64, Vec<Child>> = HashMap::new();
    if parents.is_empty() {
        return Ok(children);
    }
    let bytes_max = i64::try_from(bytes_max).unwrap_or(i64::MAX);
    let rows = sqlx::query_file!("src/store/sql/read_children.sql", parents, bytes_max).fetch_all(connection).await?;
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
