//! Children as callers see them: listed, drawn as a tree, and ended with their parent.

use gd_core::{InstanceId, Status};
use gd_host::host::Error;
use gd_tests::{TestHost, column, eventually};
use serde_json::{Value, json};

/// Parked until the signal `go`.
fn parked() -> Value {
    json!({ "plan": [{ "do": "await", "names": ["go"] }] })
}

fn parent_of(children: &[Value]) -> Value {
    json!([{ "do": "children", "of": children }])
}

/// Waits until this many instances are parked for a signal.
async fn parked_are(host: &TestHost, count: i64) {
    let parked = "select count(*) from gd.instance where status = 2";
    eventually("they are parked", async || (host.database.count(parked).await == count).then_some(())).await;
}

async fn children(host: &TestHost, id: InstanceId) -> Vec<Value> {
    let listed = host.serve(None).await.get(&format!("/v1/instances/{id}/children")).await.json();
    listed["items"].as_array().unwrap_or_else(|| panic!("{listed}")).clone()
}

fn id(child: &Value) -> InstanceId {
    child["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn children_are_listed_in_their_order_whether_they_live_ended_or_were_never_made() {
    let host = TestHost::with_probe().await;
    let mut keyed = TestHost::probe(json!({ "plan": [{ "do": "await", "names": ["go"] }] }));
    keyed.correlation_key = Some("taken".into());
    let holder = host.start(keyed).await;
    let fails = json!({ "plan": [{ "do": "stop", "reason": "no stock", "code": "E1" }] });
    let parent = host.plan(parent_of(&[parked(), fails, json!({ "plan": [] }), json!({ "key": "taken" })])).await;
    parked_are(&host, 2).await;
    let items = eventually("two have ended", async || {
        let items = children(&host, parent).await;
        (column(&items, "status") == json!(["awaiting_signal", "failed", "done", "duplicate"])).then_some(items)
    })
    .await;
    assert_eq!((column(&items, "round"), column(&items, "index")), (json!([1, 1, 1, 1]), json!([0, 1, 2, 3])));
    assert_eq!((id(&items[3]), &items[3]["step"]), (holder, &json!(null)));
    assert_eq!(items[1]["error"], json!({ "kind": "stop", "message": "no stock", "code": "E1" }));
    let api = host.serve(None).await;
    let path = format!("/v1/instances/{parent}/children");
    let first = api.get(&format!("{path}?limit=3")).await.json();
    let rest = api.get(&format!("{path}?limit=3&cursor={}", first["next"].as_str().unwrap())).await.json();
    assert_eq!((first["items"].as_array().unwrap().as_slice(), &rest["next"]), (&items[..3], &json!(null)));
    assert_eq!(rest["items"].as_array().unwrap().as_slice(), &items[3..]);
    host.signal(id(&items[0]), "go", json!(1)).await;
    assert_eq!(host.ended(parent).await.status, Status::Done);
    assert_eq!(column(&children(&host, parent).await, "status"), json!(["done", "failed", "done"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_parent_leaves_its_children_unless_they_are_cancelled_with_it() {
    let host = TestHost::with_probe().await;
    let left = host.plan(parent_of(&[parked()])).await;
    parked_are(&host, 1).await;
    host.host.cancel(host.tenant, left, None).await.unwrap();
    assert_eq!(column(&children(&host, left).await, "status"), json!(["awaiting_signal"]));
    let again = host.host.cancel_family(host.tenant, left, None).await.unwrap();
    assert_eq!((again.status, again.cancelled), (Status::Cancelled, 1), "what it left behind");
    let nothing = host.host.cancel_family(host.tenant, left, None).await;
    assert!(matches!(nothing, Err(Error::Ended { status: Status::Cancelled, .. })), "{nothing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_family_ends_once_each_and_no_parent_joins() {
    let host = TestHost::with_probe().await;
    let grandparent = parent_of(&[
        json!({ "plan": parent_of(&[parked(), parked(), json!({ "plan": [] })]) }),
        json!({ "plan": parent_of(&[parked()]) }),
        json!({ "plan": [{ "do": "sleep", "ms": 25_000 }] }),
        json!({ "plan": [] }),
    ]);
    let top = host.plan(grandparent).await;
    parked_are(&host, 3).await;
    eventually("one runs", async || {
        (host.database.count("select count(*) from gd.instance where status = 1").await == 1).then_some(())
    })
    .await;
    let api = host.serve(None).await;
    let cancel = format!("/v1/instances/{top}/cancel");
    let answer = api.post(&cancel, r#"{"reason":"not wanted","children":true}"#).await;
    let expected = json!({ "id": top.to_string(), "status": "cancelled", "held": false, "cancelled": 7 });
    assert_eq!((answer.status, answer.json()), (200, expected));
    assert_eq!(host.database.count("select count(*) from gd.instance").await, 0);
    assert_eq!(host.database.count("select count(*) from gd.finished where status = 12").await, 7);
    assert_eq!(host.database.count("select count(*) from gd.attempt where outcome = 7").await, 7, "once each");
    assert_eq!(host.database.count("select count(*) from gd.attempt where wake = 5 and outcome <> 7").await, 0);
    assert_eq!(host.database.count("select count(*) from gd.child_outcome").await, 0);
    assert_eq!(api.post(&cancel, r#"{"children":true}"#).await.problem(), (409, "ended".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn children_that_cannot_be_listed_are_refused_with_a_code() {
    let host = TestHost::with_probe().await;
    let id = host.run(json!([])).await.id;
    let api = host.serve(None).await;
    assert_eq!(api.get(&format!("/v1/instances/{id}/children")).await.json(), json!({ "items": [], "next": null }));
    for query in ["?cursor=1", "?cursor=a.b", "?colour=red", "?limit=x"] {
        let reply = api.get(&format!("/v1/instances/{id}/children{query}")).await;
        assert_eq!(reply.problem(), (400, "invalid-argument".into()), "{query}: {}", reply.text);
    }
    for unknown in ["77", "abc"] {
        assert_eq!(api.get(&format!("/v1/instances/{unknown}/children")).await.problem(), (404, "not_found".into()));
        let cancel = api.post(&format!("/v1/instances/{unknown}/cancel"), r#"{"children":true}"#).await;
        assert_eq!(cancel.problem(), (404, "not_found".into()));
    }
    let wrong = api.post(&format!("/v1/instances/{id}/cancel"), r#"{"children":"all"}"#).await;
    assert_eq!(wrong.problem(), (400, "invalid-json".into()));
}
