//! Instances that are put in line without the host: rows as a start writes them.

use gd_core::InstanceId;

use super::Error;
use super::psql::Session;

/// Rows of the machine that was deployed last. What is one of a later call comes later in its lane.
const SEED: &str = "
with seeded as (
    insert into gd.instance (eligible_at, tenant_id, fsm_id, queue_id, version, step, state)
    select at, :tenant, :fsm, :queue, :version, :'step', convert_to(:'state', 'UTF8')
    from (select clock_timestamp() as at) now cross join generate_series(1, :rows)
    returning id
)
select min(id), max(id) from seeded";

/// Inserts so many rows, 1 at least, in the transaction that is open, or in one of their own; the first and the last.
pub(super) async fn seed(session: &mut Session, rows: u32) -> Result<[InstanceId; 2], Error> {
    session.set("rows", &rows.to_string()).await?;
    let seeded: [f64; 2] = session.numbers(SEED).await?;
    Ok(seeded.map(|id| InstanceId(id as i64)))
}
