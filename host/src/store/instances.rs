//! Reading instances and their history.

use gd_core::{AttemptOutcome, ErrorInfo, InstanceId, Status, TenantId, Wake};

use super::rows::{self, count};
use super::{Error, Store};

/// An instance without its payloads. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns of gd.instance and gd.finished")]
pub struct InstanceSummary {
    pub id: InstanceId,
    pub fsm: String,
    pub version: i32,
    pub status: Status,
    pub held: bool,
    pub step: String,
    pub attempt: u32,
    pub faults: u32,
    pub visit: i64,
    pub claim: i64,
    pub queue: String,
    pub priority: i16,
    pub correlation_key: Option<String>,
    pub concurrency_key: Option<String>,
    pub rate_limit: Option<String>,
    pub weight: u32,
    pub parent: Option<InstanceId>,
    pub awaits: Vec<String>,
    pub error: Option<ErrorInfo>,
    pub eligible_at_ms: Option<i64>,
    pub await_deadline_ms: Option<i64>,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
}

/// An instance with its payloads.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns of gd.instance and gd.finished")]
pub struct InstanceRow {
    pub summary: InstanceSummary,
    pub state: Vec<u8>,
    pub result: Option<Vec<u8>>,
}

/// One attempt in the history.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns of gd.attempt")]
pub struct HistoryRow {
    pub claim: i64,
    pub visit: i64,
    pub attempt: u32,
    pub step: String,
    pub version: i32,
    pub wake: Wake,
    pub outcome: AttemptOutcome,
    pub to_step: Option<String>,
    pub duration_us: Option<i64>,
    pub cpu_us: Option<i64>,
    pub worker: i64,
    pub error: Option<ErrorInfo>,
    pub at_ms: i64,
}

/// What one attempt logged.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns of gd.attempt and gd.attempt_log")]
pub struct LogRow {
    pub claim: i64,
    pub visit: i64,
    pub attempt: u32,
    pub step: String,
    pub version: i32,
    /// A JSON array of `{level, message, fields}`.
    pub lines: Vec<u8>,
    pub at_ms: i64,
}

/// Which instances to list; `None` means any.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each filters by the column of its name")]
pub struct Filter {
    pub fsm: Option<String>,
    pub status: Option<Status>,
    pub step: Option<String>,
    pub queue: Option<String>,
    pub key: Option<String>,
    pub version: Option<i32>,
}

fn error(kind: Option<String>, message: Option<String>, code: Option<String>) -> Option<ErrorInfo> {
    kind.map(|kind| ErrorInfo { kind, message: message.unwrap_or_default(), code })
}

macro_rules! summary {
    ($row:ident) => {
        InstanceSummary {
            id: InstanceId($row.id),
            fsm: $row.fsm,
            version: $row.version,
            status: rows::status("instance", $row.id, $row.status)?,
            held: $row.held,
            step: $row.step,
            attempt: count($row.attempt),
            faults: count($row.faults),
            visit: $row.visit,
            claim: $row.claim,
            queue: $row.queue,
            priority: $row.priority,
            correlation_key: $row.correlation_key,
            concurrency_key: $row.concurrency_key,
            rate_limit: $row.rate_limit,
            weight: count($row.weight),
            parent: $row.parent.map(InstanceId),
            awaits: $row.awaits.unwrap_or_default(),
            error: error($row.error_kind, $row.error_message, $row.error_code),
            eligible_at_ms: $row.eligible_at_ms,
            await_deadline_ms: $row.await_deadline_ms,
            created_at_ms: $row.created_at_ms,
            updated_at_ms: $row.updated_at_ms,
        }
    };
}

impl Store {
    /// One instance of this tenant, live or over.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn get_instance(&self, tenant: TenantId, id: InstanceId) -> Result<Option<InstanceRow>, Error> {
        let row =
            sqlx::query_file!("src/store/sql/get_instance.sql", tenant.0, id.0).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let (state, result) = (row.state, row.result);
        Ok(Some(InstanceRow { summary: summary!(row), state, result }))
    }

    /// Where an instance of this tenant stands.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn read_status(&self, tenant: TenantId, id: InstanceId) -> Result<Option<Status>, Error> {
        let code = sqlx::query_file_scalar!("src/store/sql/read_status.sql", tenant.0, id.0)
            .fetch_optional(&self.pool)
            .await?;
        code.map(|code| rows::status("instance", id.0, code)).transpose()
    }

    /// Instances of this tenant with ids below `before`, newest first.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn list_instances(
        &self,
        tenant: TenantId,
        before: InstanceId,
        rows_max: i64,
        filter: &Filter,
    ) -> Result<Vec<InstanceSummary>, Error> {
        let rows = sqlx::query_file!(
            "src/store/sql/list_instances.sql",
            tenant.0,
            before.0,
            rows_max,
            filter.fsm,
            filter.status.map(Status::code),
            filter.step,
            filter.queue,
            filter.key,
            filter.version,
        )
        .fetch_all(&self.lists)
        .await?;
        rows.into_iter().map(|row| Ok(summary!(row))).collect()
    }

    /// Attempts of an instance with claims above `after`, oldest first. Whose instance it is was asked before.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn history(&self, id: InstanceId, after: i64, rows_max: i64) -> Result<Vec<HistoryRow>, Error> {
        let rows = sqlx::query_file!("src/store/sql/history.sql", id.0, after, rows_max).fetch_all(&self.pool).await?;
        rows.into_iter()
            .map(|row| {
                Ok(HistoryRow {
                    claim: row.claim,
                    visit: row.visit,
                    attempt: count(row.attempt),
                    step: row.step,
                    version: row.version,
                    wake: rows::wake("attempt", id.0, row.wake)?,
                    outcome: rows::outcome(id.0, row.outcome)?,
                    to_step: row.to_step,
                    duration_us: row.duration_us,
                    cpu_us: row.cpu_us,
                    worker: row.worker,
                    error: error(row.error_kind, row.error_message, row.error_code),
                    at_ms: row.at_ms,
                })
            })
            .collect()
    }

    /// What the attempts of an instance with claims above `after` logged, oldest first. Whose instance it is was asked before.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn logs(&self, id: InstanceId, after: i64, rows_max: i64) -> Result<Vec<LogRow>, Error> {
        let rows = sqlx::query_file!("src/store/sql/logs.sql", id.0, after, rows_max).fetch_all(&self.pool).await?;
        let row = rows.into_iter().map(|row| LogRow {
            claim: row.claim,
            visit: row.visit,
            attempt: count(row.attempt),
            step: row.step,
            version: row.version,
            lines: row.lines,
            at_ms: row.at_ms,
        });
        Ok(row.collect())
    }
}
