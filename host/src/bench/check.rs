//! Whether a round was what it should be: a figure of work that went wrong means nothing.

use gd_core::InstanceId;

use super::Error;
use super::psql::Session;

/// That from `first` on so many instances are done, and that all took so many steps, once each. The steps.
pub(super) async fn all_done(
    session: &mut Session,
    first: InstanceId,
    instances: u64,
    steps_each: u32,
) -> Result<f64, Error> {
    let done: u64 =
        session.number(&format!("select count(*) from gd.finished where id >= {first} and status = 10")).await?;
    let steps: u64 = session.number(&format!("select count(*) from gd.attempt where instance_id >= {first}")).await?;
    equal("instances that are done", done, instances)?;
    equal("steps that were run", steps, instances * u64::from(steps_each))?;
    Ok(steps as f64)
}

/// That what was counted is what was expected.
pub(super) fn equal(what: &'static str, found: u64, expected: u64) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Wrong { what, found, expected }) }
}
