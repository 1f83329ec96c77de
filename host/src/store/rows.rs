//! Reading numbers of the database back into words, with an error that names the row.

use gd_core::{AttemptOutcome, Lane, Status, Wake};

use super::Error;

pub(super) fn status(table: &'static str, id: i64, code: i16) -> Result<Status, Error> {
    // What stands aside for a slot or tokens is runnable to everybody else.
    let code = if matches!(code, Status::WANTS_SLOT | Status::WANTS_TOKENS) { Status::Runnable.code() } else { code };
    Status::from_code(code).ok_or_else(|| corrupt(table, "status", id, code))
}

pub(super) fn wake(table: &'static str, id: i64, code: i16) -> Result<Wake, Error> {
    Wake::from_code(code).ok_or_else(|| corrupt(table, "wake", id, code))
}

pub(super) fn outcome(id: i64, code: i16) -> Result<AttemptOutcome, Error> {
    AttemptOutcome::from_code(code).ok_or_else(|| corrupt("attempt", "outcome", id, code))
}

/// Counters that the schema keeps from going below zero.
pub(super) fn count(value: i32) -> u32 {
    value.unsigned_abs()
}

/// What fits the column: no counter gets anywhere near its end.
pub(super) fn column(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

pub(super) fn millis(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn lane(tenant: i32, queue: i32, priority: i16) -> Lane {
    Lane { tenant, queue, priority }
}

pub(super) fn corrupt(table: &'static str, column: &'static str, id: i64, code: i16) -> Error {
    Error::Corrupt { table, column, id, value: code.to_string() }
}
