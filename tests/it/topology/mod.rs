//! What a host runs, how much of it at once, and how others come to know of work.

mod drain;
mod news;
mod picking;
mod roles;

use gd_core::InstanceId;
use gd_host::host::Start;
use gd_tests::{TestHost, eventually};
use serde_json::{Value, json};

/// A probe in this queue that follows this plan.
async fn in_queue(host: &TestHost, queue: &str, plan: Value) -> InstanceId {
    host.start(Start { queue: Some(queue.into()), ..TestHost::probe(json!({ "plan": plan })) }).await
}

/// Waits until this worker has beaten often enough for anything that was about to happen to have happened: five times 200 ms.
pub(crate) async fn five_beats(host: &TestHost) {
    let began = host.database.count("select (extract(epoch from now()) * 1000)::bigint").await;
    let beaten = "select (extract(epoch from max(beat_at)) * 1000)::bigint from gd.worker where not dead";
    eventually("five beats", async || (host.database.count(beaten).await >= began + 1_000).then_some(())).await;
}
