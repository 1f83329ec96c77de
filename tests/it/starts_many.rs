//! Many starts at once: one statement, every entry for itself.

use gd_core::{InstanceId, Scope, TenantId, Version};
use gd_host::store::{NewInstance, Started, Store};
use gd_tests::TestDatabase;

const TENANT: TenantId = TenantId(1);

async fn store() -> (TestDatabase, Store) {
    let database = TestDatabase::migrated().await;
    let store = Store::connect(database.url(), 4).await.unwrap();
    (database, store)
}

fn entry(key: Option<&str>) -> NewInstance {
    NewInstance {
        fsm: 1,
        version: Version(1),
        step: "run".into(),
        state: b"{}".to_vec(),
        queue: 1,
        priority: 0,
        delay_ms: 0,
        due_ms: None,
        correlation_key: key.map(str::to_owned),
        scope: Scope::default(),
        shared_key: false,
        concurrency_key: None,
        rate_limit: None,
        weight: 1,
        parent: None,
    }
}

fn new(started: &Started) -> InstanceId {
    match started {
        Started::New(id) => *id,
        Started::Duplicate(holder) => panic!("a duplicate of {holder}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_07_09_a_batch_without_keys_gives_an_id_for_each_entry_and_none_for_none() {
    let (database, store) = store().await;
    let started = store.start_many(TENANT, &[entry(None), entry(None), entry(None)]).await.unwrap();
    let mut ids: Vec<InstanceId> = started.iter().map(new).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert_eq!(store.start_many(TENANT, &[] as &[NewInstance]).await.unwrap(), []);
    assert_eq!(database.count("select count(*) from gd.instance").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_08_six_thousand_rows_go_in_with_one_call_and_keep_their_scopes() {
    let (database, store) = store().await;
    let entries: Vec<NewInstance> = (0..6_000)
        .map(|at| NewInstance {
            scope: Scope { on_done: at % 2 == 0, on_failed: at % 3 == 0, on_cancelled: false },
            ..entry(Some(&format!("k{at}")))
        })
        .collect();
    let started = store.start_many(TENANT, &entries).await.unwrap();
    assert_eq!(started.iter().map(new).count(), 6_000);
    let wrong = "select count(*) from gd.identity where (substr(key, 2)::int % 2 = 0) <> (keeps & 1 = 1) \
                 or (substr(key, 2)::int % 3 = 0) <> (keeps & 2 = 2)";
    assert_eq!(database.count(wrong).await, 0);
    assert_eq!(database.count("select count(*) from gd.identity i join gd.instance on id = holder").await, 6_000);
    // A second time, nothing is started, and each is told its holder.
    let again = store.start_many(TENANT, &entries).await.unwrap();
    let holders: Vec<Started> = started.iter().map(|started| Started::Duplicate(new(started))).collect();
    assert_eq!(again, holders);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_10_keys_may_come_in_any_order() {
    let (database, store) = store().await;
    let started = store.start_many(TENANT, &[entry(Some("z")), entry(Some("a"))]).await.unwrap();
    assert_eq!(started.iter().map(new).count(), 2);
    assert_eq!(database.count("select count(*) from gd.instance where correlation_key in ('a', 'z')").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn idn_06_of_a_taken_key_and_a_key_twice_one_is_started() {
    let (database, store) = store().await;
    let first = store.start(TENANT, &entry(Some("k7"))).await.unwrap();
    let entries = [entry(Some("k7")), entry(Some("k8")), entry(Some("k8"))];
    let started = store.start_many(TENANT, &entries).await.unwrap();
    let (k7, k8) = (new(&first), new(&started[1]));
    assert_eq!(started, [Started::Duplicate(k7), Started::New(k8), Started::Duplicate(k8)]);
    assert_eq!(database.count("select count(*) from gd.instance").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_batches_of_the_same_keys_in_opposite_orders_share_them_out() {
    let (database, store) = store().await;
    let keys: Vec<String> = (0..500).map(|at| format!("k{at}")).collect();
    let up: Vec<NewInstance> = keys.iter().map(|key| entry(Some(key))).collect();
    let down: Vec<NewInstance> = up.iter().rev().cloned().collect();
    let (up, down) = tokio::join!(store.start_many(TENANT, &up), store.start_many(TENANT, &down));
    let (up, mut down) = (up.unwrap(), down.unwrap());
    down.reverse();
    for (up, down) in up.iter().zip(&down) {
        match (up, down) {
            (Started::New(id), Started::Duplicate(holder)) | (Started::Duplicate(holder), Started::New(id)) => {
                assert_eq!(id, holder);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(database.count("select count(*) from gd.instance").await, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wants_tokens_or_a_slot_waits_for_them_and_the_rest_for_its_turn() {
    let (database, store) = store().await;
    let limited = NewInstance { rate_limit: Some("mail:7".into()), weight: 3, ..entry(None) };
    let slotted = NewInstance { concurrency_key: Some("tree".into()), ..entry(None) };
    let both = NewInstance { concurrency_key: Some("tree".into()), ..limited.clone() };
    let later = NewInstance { delay_ms: 3_600_000, ..slotted.clone() };
    store.start_many(TENANT, &[entry(None), limited, slotted, both, later]).await.unwrap();
    let statuses: Vec<i16> =
        sqlx::query_scalar("select status from gd.instance order by id").fetch_all(database.pool()).await.unwrap();
    assert_eq!(statuses, [0, 5, 4, 5, 0]);
    assert_eq!(database.count("select count(*) from gd.instance where weight = 3 and rate_limit = 'mail:7'").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_key_is_in_nobodys_way() {
    let (database, store) = store().await;
    let unique = new(&store.start(TENANT, &entry(Some("k"))).await.unwrap());
    let shared = NewInstance { shared_key: true, ..entry(Some("k")) };
    let started = store.start_many(TENANT, &[shared.clone(), shared]).await.unwrap();
    assert_eq!(started.iter().map(new).count(), 2);
    assert_eq!(store.start(TENANT, &entry(Some("k"))).await.unwrap(), Started::Duplicate(unique));
    assert_eq!(database.count("select count(*) from gd.identity").await, 1);
}
