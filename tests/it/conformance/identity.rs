//! Who holds a correlation key.

use gd_core::TenantId;
use gd_host::host::{Error, Start, Target};
use gd_tests::{TestHost, guest};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn idn_10_a_key_of_one_tenant_is_nothing_to_another() {
    let ours = TestHost::with_probe().await;
    let foreign: i32 = sqlx::query_scalar("insert into gd.tenant (name) values ('other') returning id")
        .fetch_one(ours.database.pool())
        .await
        .unwrap();
    let theirs = TestHost { tenant: TenantId(foreign), ..ours.clone() };
    theirs.deploy(guest("probe")).await;
    let start = || Start {
        correlation_key: Some("order:1".into()),
        ..TestHost::probe(json!({ "plan": [{ "do": "await", "names": ["go"] }] }))
    };
    let (mine, other) = (ours.start(start()).await, theirs.start(start()).await);
    assert_ne!(mine, other);
    for (host, holder) in [(&ours, mine), (&theirs, other)] {
        let again = host.try_start(start()).await;
        assert!(matches!(again, Err(Error::Duplicate { holder: found, .. }) if found == holder), "{again:?}");
    }
    ours.settled(mine).await;
    theirs.settled(other).await;
    theirs.try_signal(Target::Key("order:1".into()), "go", json!(2)).await.unwrap();
    assert_eq!(theirs.ended(other).await.notes()[1]["awaited"], json!([["go", 2]]));
    assert!(ours.inbox(mine).await.is_empty());
}
