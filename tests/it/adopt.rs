//! Running instances go on with code that is being written, as `gd-host dev` has them do.

use gd_core::{InstanceId, Status, Version};
use gd_host::host::{Adopted, Because, Start, Stay};
use gd_tests::{TestHost, eventually, guest, release};
use serde_json::json;

/// Deploys release `number` of the probe and moves what it can.
async fn adopt(host: &TestHost, number: u32) -> Adopted {
    let version = host.deploy(release(number)).await.version;
    host.host.adopt(host.tenant, "probe", version).await.unwrap()
}

async fn version(host: &TestHost, id: InstanceId) -> i32 {
    host.get(id).await.version
}

fn moved(moved: u64) -> Adopted {
    Adopted { moved, ..Adopted::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_instance_goes_on_with_the_new_version() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }, { "do": "next" }])).await;
    host.settled(id).await;
    assert_eq!(adopt(&host, 2).await, moved(1));
    assert_eq!(host.get(id).await.status, Status::AwaitingSignal, "it still waits");
    host.signal(id, "go", json!(1)).await;
    assert_eq!(host.ended(id).await.status, Status::Done);
    let versions: Vec<i32> = host.history(id).await.iter().map(|attempt| attempt.version).collect();
    assert_eq!(versions, [1, 2, 2]);
    assert_eq!(adopt(&host, 2).await, moved(0), "who has ended stays as it ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_retry_is_due_at_once_and_its_faults_are_forgotten() {
    let host = TestHost::with_probe().await;
    let panics = json!({ "do": "misdeed", "what": { "panic": "a bug" }, "until": 2 });
    let id = host.plan(json!([panics])).await;
    // The second fault puts it off for two seconds.
    eventually("it has failed twice", async || (host.get(id).await.faults == 2).then_some(())).await;
    let version = host.deploy(release(2)).await.version;
    assert_eq!(host.host.adopt(host.tenant, "probe", version).await.unwrap(), moved(1));
    let due = host.database.count("select count(*) from gd.instance where faults > 0 or eligible_at > now()").await;
    assert_eq!(due, 0);
    assert_eq!(host.ended(id).await.status, Status::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_executes_is_moved_once_it_comes_back() {
    let host = TestHost::with_probe().await;
    // Deployed before, since compiling takes longer than the step may on a busy machine.
    let second = host.deploy(release(2)).await.version;
    let adopt = async || host.host.adopt(host.tenant, "probe", second).await.unwrap();
    let plan = json!({ "plan": [{ "do": "sleep", "ms": 3_000 }, { "do": "await", "names": ["go"] }] });
    let id = host.start(Start { version: Some(1), ..TestHost::probe(plan) }).await;
    host.executing(id, 0).await;
    assert_eq!(adopt().await, Adopted { busy: 1, ..moved(0) });
    assert_eq!(version(&host, id).await, 1, "what runs ends on the code that it was loaded with");
    host.settled(id).await;
    assert_eq!(adopt().await, moved(1));
    assert_eq!(version(&host, id).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_new_version_cannot_read_or_does_not_know_stays_with_its_reason() {
    let host = TestHost::with_probe().await;
    let waits = json!([{ "do": "await", "names": ["go"] }]);
    let old = host.plan(waits.clone()).await;
    host.settled(old).await;
    host.deploy(release(2)).await;
    let lost = host.plan(waits).await;
    host.settled(lost).await;
    host.database.execute("update gd.instance set step = 'gone' where version = 2").await;
    host.database
        .execute("update gd.version set descriptor = jsonb_set(descriptor, '{state_version}', '7') where version = 1")
        .await;
    let adopted = adopt(&host, 3).await;
    let stay = |version, because| Stay { version: Version(version), instances: 1, because };
    assert_eq!(adopted.stay, [stay(1, Because::StateVersion(7, 1)), stay(2, Because::Step("gone".into()))]);
    assert_eq!((adopted.moved, adopted.busy), (0, 0));
    assert_eq!((version(&host, old).await, version(&host, lost).await), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_fsm_is_left_alone_and_who_is_held_stays_held() {
    let host = TestHost::with_probe().await;
    host.deploy(guest("chore")).await;
    let later = Start { fsm: "chore".into(), delay_ms: 3_600_000, ..Start::default() };
    let chore = host.try_start(later).await.unwrap();
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    host.settled(id).await;
    host.host.pause(host.tenant, id).await.unwrap();
    assert_eq!(adopt(&host, 2).await, moved(1));
    let held = host.get(id).await;
    assert!(held.held, "{held:?}");
    assert_eq!((held.version, version(&host, chore).await), (2, 1));
}
