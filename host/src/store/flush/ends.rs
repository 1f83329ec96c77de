//! The outcomes that end their instance, and what they leave for its parent.

use gd_core::{Claim, InstanceId, Lane, Scope, Then, WorkerId};
use sqlx::PgConnection;

use super::{Commit, Flushed, Verdict, Verdicts};
use crate::store::Error;
use crate::store::places::Place;

/// Writes them; what was written has a verdict afterwards.
pub(super) async fn commit(
    connection: &mut PgConnection,
    worker: WorkerId,
    commits: &[&Commit],
    verdicts: &mut Verdicts,
    flushed: &mut Flushed,
) -> Result<(), Error> {
    let ends = Ends::of(commits);
    let ended = sqlx::query_file!(
        "src/store/sql/commit_ends.sql",
        worker.0,
        &ends.id,
        &ends.claim,
        &ends.status,
        &ends.keep_bit,
        &ends.clears_inbox,
        ends.result.as_slice() as _,
        ends.error_kind.as_slice() as _,
        ends.error_message.as_slice() as _,
        ends.error_code.as_slice() as _,
    )
    .fetch_all(connection)
    .await?;
    for row in ended {
        if let (Some(id), Some(claim)) = (row.id, row.claim) {
            verdicts.insert((InstanceId(id), Claim(claim)), Verdict::Ended);
        }
        if let (Some(tenant), Some(queue), Some(priority)) = (row.tenant_id, row.queue_id, row.priority) {
            flushed.woken.push((Place::Lane(Lane { tenant, queue, priority }), 0));
        }
    }
    Ok(())
}

/// The arrays of `commit_ends.sql`.
#[derive(Default)]
struct Ends<'a> {
    id: Vec<i64>,
    claim: Vec<i64>,
    status: Vec<i16>,
    keep_bit: Vec<i16>,
    clears_inbox: Vec<bool>,
    result: Vec<Option<&'a [u8]>>,
    error_kind: Vec<Option<&'a str>>,
    error_message: Vec<Option<&'a str>>,
    error_code: Vec<Option<&'a str>>,
}

impl<'a> Ends<'a> {
    fn of(commits: &[&'a Commit]) -> Self {
        let mut ends = Self::default();
        for commit in commits {
            let Then::End { status, result, error, clears_inbox } = &commit.decision.change.then else { continue };
            ends.id.push(commit.id.0);
            ends.claim.push(commit.claim.0);
            ends.status.push(status.code());
            ends.keep_bit.push(Scope::bit_of(*status));
            ends.clears_inbox.push(*clears_inbox);
            ends.result.push(result.as_deref());
            ends.error_kind.push(error.as_ref().map(|error| error.kind.as_str()));
            ends.error_message.push(error.as_ref().map(|error| error.message.as_str()));
            ends.error_code.push(error.as_ref().and_then(|error| error.code.as_deref()));
        }
        ends
    }
}
