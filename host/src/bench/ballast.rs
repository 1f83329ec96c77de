//! Rows that are in the database while others run: live ones that do not run now, and ended ones with their history.

use super::Error;
use super::psql::Session;

/// Half of them are parked, each until a signal or a deadline some days away; half are runnable in a day, in the lane of those that run.
const LIVE: &str = "
insert into gd.instance (tenant_id, fsm_id, queue_id, version, step, state, status, awaits, await_deadline)
    select :tenant, :fsm, :queue, :version, :'step', convert_to(:'state', 'UTF8'), 2, array['go'],
           now() + interval '1 day' + n * interval '1 second'
    from generate_series(1, :rows / 2) n;
insert into gd.instance (tenant_id, fsm_id, queue_id, version, step, state, eligible_at)
    select :tenant, :fsm, :queue, :version, :'step', convert_to(:'state', 'UTF8'), now() + interval '1 day' + n * interval '1 second'
    from generate_series(1, :rows - :rows / 2) n";

/// Each with the history of five steps.
const FINISHED: &str = "
with ended as (
    insert into gd.finished (id, created_at, tenant_id, fsm_id, queue_id, version, status, priority, attempt, faults, visit, claim, step,
                             state, result)
    select nextval(pg_get_serial_sequence('gd.instance', 'id')), now(), :tenant, :fsm, :queue, :version, 10, 0, 0, 0, 5, 5, :'step',
           convert_to(:'state', 'UTF8'), 'null'
    from generate_series(1, :rows)
    returning id
)
insert into gd.attempt (instance_id, claim, worker, visit, attempt, version, wake, outcome, duration_us, cpu_us, step, to_step)
select id, n, 0, n, 0, :version, 0, 0, 20, 20, :'step', :'step' from ended cross join generate_series(1, 5) n";

/// Adds so many live rows.
pub(super) async fn add_live(session: &mut Session, rows: u32) -> Result<(), Error> {
    add(session, LIVE, rows).await
}

/// Adds so many ended instances.
pub(super) async fn add_finished(session: &mut Session, rows: u32) -> Result<(), Error> {
    add(session, FINISHED, rows).await?;
    session.ask("vacuum (analyze) gd.finished, gd.attempt").await.map(drop)
}

/// Removes every ended instance and the whole history.
pub(super) async fn forget_finished(session: &mut Session) -> Result<(), Error> {
    session.ask("truncate gd.finished, gd.attempt").await.map(drop)
}

async fn add(session: &mut Session, sql: &str, rows: u32) -> Result<(), Error> {
    if rows == 0 {
        return Ok(());
    }
    session.set("rows", &rows.to_string()).await?;
    session.ask(sql).await.map(drop)
}
