//! A server that crashes and comes back.

use gd_host::host::{Signal, Target};
use gd_tests::{OwnCluster, TestHost, eventually, guest};
use serde_json::json;

use super::{ends_once, nothing_half_applied, rounds};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_crashes_of_the_server_under_load() {
    let cluster = OwnCluster::start("crashes").await;
    let host = TestHost::on(cluster.database(), |_, _| ()).await;
    host.deploy(guest("probe")).await;
    let (mut busy, mut signalled) = (Vec::new(), Vec::new());
    for round in 1..=2 {
        for _ in 0..15 {
            busy.push(host.plan(rounds(30)).await);
            signalled.push(host.plan(json!([{ "do": "gather", "names": ["go"], "count": 1 }, { "do": "next" }])).await);
        }
        let progress = async || host.database.count("select count(*) from gd.attempt").await;
        let before = progress().await;
        eventually("it is under way", async || (progress().await > before + 150).then_some(())).await;
        // Accepted as the last thing before the crash.
        for id in &signalled[(round - 1) * 15..] {
            let signal = Signal { name: "go".into(), payload: b"1".to_vec(), dedup_key: None };
            host.host.signal(host.tenant, Target::Id(*id), signal).await.unwrap();
        }
        cluster.crash_and_recover().await;
        eventually("it answers", async || host.host.ready().await.ok()).await;
    }
    for id in busy {
        ends_once(&host, id, 90).await;
    }
    for id in signalled {
        ends_once(&host, id, 2).await;
    }
    nothing_half_applied(&host.database).await;
    host.host.shut_down().await;
}
