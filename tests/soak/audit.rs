//! What must hold at every moment, looked at while the run goes on: nobody sleeps through a signal.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::notes::tokens;

/// Time between looks.
const LOOK: Duration = Duration::from_secs(2);
/// A parked instance with a signal whose name it awaits, in one snapshot. A delivery wakes its target in its own commit, and a park
/// looks at the inbox in its own: there is no moment at which such a signal may be one that the parking step was not handed.
const PARKED: &str = "
    select i.id, i.state, array_agg(s.payload order by s.id) as payloads
    from gd.instance i join gd.signal s on s.target = i.id and s.name = any(i.awaits)
    where i.status = 2
    group by i.id";

/// What the looks have shown. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Audit(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    looks: u64,
    slept_through: HashSet<String>,
}

#[derive(sqlx::FromRow)]
struct Parked {
    id: i64,
    state: Vec<u8>,
    payloads: Vec<Vec<u8>>,
}

impl Audit {
    /// Looks until it is told that it is enough. While the database is away there is nothing to see.
    pub(crate) async fn run(self, pool: PgPool, enough: CancellationToken) {
        while !enough.is_cancelled() {
            drop(self.look(&pool).await);
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = enough.cancelled() => {}
            }
        }
    }

    pub(crate) async fn look(&self, pool: &PgPool) -> anyhow::Result<()> {
        let parked: Vec<Parked> = sqlx::query_as(PARKED).fetch_all(pool).await?;
        let slept: Vec<String> = parked.iter().flat_map(slept_through).collect();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.looks += 1;
        seen.slept_through.extend(slept);
        Ok(())
    }

    pub(crate) fn looks(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).looks
    }

    /// Every wake-up that was found lost.
    pub(crate) fn slept_through(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).slept_through.iter().cloned().collect()
    }
}

/// Signals of awaited names that the step which parked the instance was not handed: its last note says what it was.
fn slept_through(parked: &Parked) -> Vec<String> {
    let state: Value = serde_json::from_slice(&parked.state).unwrap_or_default();
    let handed = state["notes"].as_array().and_then(|notes| notes.last()).map(|note| tokens(note, "awaited"));
    let handed: HashSet<String> = handed.unwrap_or_default().into_iter().collect();
    let inbox = parked.payloads.iter().filter_map(|payload| serde_json::from_slice::<String>(payload).ok());
    let unseen = inbox.filter(|token| !handed.contains(token));
    unseen
        .map(|token| {
            format!("instance {} is parked beside signal {token}, which it awaits and has not seen", parked.id)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_parking_step_was_handed_may_lie_beside_it() {
        let check = |handed: &str, inbox: &[&str], lost: usize| {
            let state = format!(r#"{{"notes":[{{"awaited":[]}},{{"awaited":[["a","{handed}"]]}}]}}"#);
            let payloads = inbox.iter().map(|token| format!("{token:?}").into_bytes()).collect();
            assert_eq!(slept_through(&Parked { id: 1, state: state.into_bytes(), payloads }).len(), lost);
        };
        check("1/0", &["1/0"], 0);
        check("1/0", &["1/0", "1/1"], 1);
        check("1/0", &["1/2", "1/1"], 2);
    }
}
