//! A line every ten seconds, for whoever watches.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::faults::{Happened, Kind};

const INTERVAL: Duration = Duration::from_secs(10);

/// Tells how it goes until it is told that it is enough.
pub(crate) async fn run(pool: PgPool, live: Arc<AtomicUsize>, happened: Happened, enough: CancellationToken) {
    let (began, mut before, mut since) = (Instant::now(), 0, Instant::now());
    loop {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = enough.cancelled() => return,
        }
        let counting =
            sqlx::query_scalar("select count(*) from gd.attempt where outcome not in (6, 7)").fetch_one(&pool);
        let steps: Option<i64> = tokio::time::timeout(Duration::from_secs(5), counting).await.ok().and_then(Result::ok);
        let rate = match steps {
            Some(steps) => {
                let rate = format!(
                    "{} steps/s",
                    (steps - before) * 1_000 / i64::try_from(since.elapsed().as_millis()).unwrap_or(1).max(1)
                );
                (before, since) = (steps, Instant::now());
                rate
            }
            None => "database away".to_owned(),
        };
        let faults: Vec<String> = Kind::ALL.iter().map(|kind| happened.count(*kind).to_string()).collect();
        eprintln!(
            "{:>5} s  {rate:>13}  {:>4} live  {} faults ({})",
            began.elapsed().as_secs(),
            live.load(Ordering::Relaxed),
            happened.faults().len(),
            faults.join(" ")
        );
    }
}
