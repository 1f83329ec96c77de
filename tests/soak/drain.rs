//! Bringing everything that was begun to its end, once the faults are over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::time::Instant;

use crate::client::Client;
use crate::story::OF_A_STEP;
use gd_tests::Random;

/// How long nothing may end before it is given up.
const STUCK: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(500);
/// Payloads of the signals that end what its client left waiting.
pub(crate) const LAST: &str = "last";

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Until nothing lives, or nothing ends any more; how many still live then.
pub(crate) async fn drain(pool: &PgPool, client: &Client, random: &mut Random) -> anyhow::Result<i64> {
    let (mut least, mut since) = (i64::MAX, Instant::now());
    loop {
        let live: i64 = sqlx::query_scalar("select count(*) from gd.instance").fetch_one(pool).await?;
        if live < least {
            (least, since) = (live, Instant::now());
        }
        if live == 0 || since.elapsed() > STUCK {
            return Ok(live);
        }
        resume(pool, client, random).await?;
        signal(pool, client, random).await?;
        tokio::time::sleep(LOOK).await;
    }
}

/// Lets go what a client has left paused.
async fn resume(pool: &PgPool, client: &Client, random: &mut Random) -> anyhow::Result<()> {
    let held: Vec<i64> = sqlx::query_scalar("select id from gd.instance where held").fetch_all(pool).await?;
    for id in held {
        client.post(random, &format!("/v1/instances/{id}/resume"), &Value::Null).await;
    }
    Ok(())
}

/// Sends what is awaited by those whose client was never told that it has an instance, or could not send everything. What a step sends
/// nobody replaces.
async fn signal(pool: &PgPool, client: &Client, random: &mut Random) -> anyhow::Result<()> {
    let sql = "select id, awaits[1] from gd.instance where status = 2 and await_deadline is null and awaits[1] <> $1";
    let parked: Vec<(i64, String)> = sqlx::query_as(sql).bind(OF_A_STEP).fetch_all(pool).await?;
    for (id, name) in parked {
        let token = format!("{LAST}/{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let body = json!({ "name": name, "payload": token });
        client.post(random, &format!("/v1/instances/{id}/signals"), &body).await;
    }
    Ok(())
}
