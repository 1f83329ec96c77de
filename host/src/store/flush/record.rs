//! What every commit leaves behind: its attempt in the history, its log, and the signals that it consumed.

use gd_core::WorkerId;
use sqlx::PgConnection;

use super::Commit;
use crate::store::rows::{column, millis};
use crate::store::{Error, HistoryLevel};

/// The history, of those that keep one.
pub(super) async fn history(connection: &mut PgConnection, worker: WorkerId, written: &[&Commit]) -> Result<(), Error> {
    let kept: Vec<&Commit> = written.iter().copied().filter(|commit| commit.history != HistoryLevel::Off).collect();
    if kept.is_empty() {
        return Ok(());
    }
    attempts(connection, worker, &kept).await?;
    logs(connection, &kept).await?;
    inputs(connection, &kept).await
}

/// The attempts.
async fn attempts(connection: &mut PgConnection, worker: WorkerId, commits: &[&Commit]) -> Result<(), Error> {
    let each = |column: fn(&Commit) -> i64| commits.iter().map(|commit| column(commit)).collect::<Vec<i64>>();
    let attempt: Vec<i32> = commits.iter().map(|commit| column(commit.record.attempt)).collect();
    let version: Vec<i32> = commits.iter().map(|commit| commit.record.version.0).collect();
    let wake: Vec<i16> = commits.iter().map(|commit| commit.record.wake.code()).collect();
    let outcome: Vec<i16> = commits.iter().map(|commit| commit.decision.outcome.code()).collect();
    let step: Vec<&str> = commits.iter().map(|commit| commit.record.step.as_str()).collect();
    let to_step: Vec<Option<&str>> = commits.iter().map(|commit| commit.decision.change.step.as_deref()).collect();
    let error = |text: for<'c> fn(&'c gd_core::ErrorInfo) -> Option<&'c str>| {
        commits.iter().map(|commit| commit.decision.error.as_ref().and_then(text)).collect::<Vec<Option<&str>>>()
    };
    let (kind, message) = (error(|error| Some(&error.kind)), error(|error| Some(&error.message)));
    let code = error(|error| error.code.as_deref());
    sqlx::query_file!(
        "src/store/sql/record_attempts.sql",
        worker.0,
        &each(|commit| commit.id.0),
        &each(|commit| commit.claim.0),
        &each(|commit| commit.record.visit.0),
        &attempt,
        &version,
        &wake,
        &outcome,
        &each(|commit| millis(commit.record.duration_us)),
        &each(|commit| millis(commit.record.cpu_us)),
        step.as_slice() as _,
        to_step.as_slice() as _,
        kind.as_slice() as _,
        message.as_slice() as _,
        code.as_slice() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What was logged.
async fn logs(connection: &mut PgConnection, written: &[&Commit]) -> Result<(), Error> {
    let talkative: Vec<&&Commit> = written.iter().filter(|commit| !commit.log.is_empty()).collect();
    if talkative.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = talkative.iter().map(|commit| commit.id.0).collect();
    let claims: Vec<i64> = talkative.iter().map(|commit| commit.claim.0).collect();
    let lines: Vec<&[u8]> = talkative.iter().map(|commit| commit.log.as_slice()).collect();
    sqlx::query_file!("src/store/sql/record_logs.sql", &ids, &claims, lines.as_slice() as _)
        .execute(connection)
        .await?;
    Ok(())
}

/// What attempts were handed.
async fn inputs(connection: &mut PgConnection, written: &[&Commit]) -> Result<(), Error> {
    let full: Vec<&&Commit> = written.iter().filter(|commit| !commit.input.is_empty()).collect();
    if full.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = full.iter().map(|commit| commit.id.0).collect();
    let claims: Vec<i64> = full.iter().map(|commit| commit.claim.0).collect();
    let inputs: Vec<&[u8]> = full.iter().map(|commit| commit.input.as_slice()).collect();
    sqlx::query_file!("src/store/sql/record_inputs.sql", &ids, &claims, inputs.as_slice() as _)
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes what was consumed.
pub(super) async fn signals(connection: &mut PgConnection, written: &[&Commit]) -> Result<(), Error> {
    let consumed =
        written.iter().flat_map(|commit| commit.decision.consumes.iter().map(|signal| (commit.id.0, signal.0)));
    let (targets, signals): (Vec<i64>, Vec<i64>) = consumed.unzip();
    if !signals.is_empty() {
        sqlx::query_file!("src/store/sql/consume_signals.sql", &targets, &signals).execute(connection).await?;
    }
    Ok(())
}
