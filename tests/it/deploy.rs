//! What is taken in as a version, and what is not.

use gd_host::host::Start;
use gd_tests::{TestHost, column, guest, patched, release};
use serde_json::json;

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

async fn stored(host: &TestHost) -> i64 {
    let sql = "select (select count(*) from gd.version) + (select count(*) from gd.component) + (select count(*) from gd.fsm)";
    host.database.count(sql).await
}

async fn refused(host: &TestHost, component: Vec<u8>, code: &str, part: &str) {
    let error = host.host.deploy(host.tenant, component).await.expect_err(part);
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(part), "{error}");
    assert_eq!(stored(host).await, 0, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_component_of_this_world_is_refused_and_nothing_is_stored() {
    let host = TestHost::bare().await;
    let probe = guest("probe");
    refused(&host, vec![], "invalid-component", "not a WebAssembly component").await;
    refused(&host, b"#!/bin/sh\necho hello\n".to_vec(), "invalid-component", "not a WebAssembly component").await;
    refused(&host, probe[..probe.len() / 2].to_vec(), "invalid-component", "not a WebAssembly component").await;
    refused(&host, CORE_MODULE.to_vec(), "invalid-component", "core WebAssembly module").await;
    refused(&host, COMPONENT.to_vec(), "invalid-component", "another world").await;
    let other_world = patched(&probe, "gd:fsm/step@0.1.0", "gd:fsn/step@0.1.0");
    refused(&host, other_world, "invalid-component", "gd:fsn/step").await;
    let other_version = patched(&probe, "gd:fsm/step@0.1.0", "gd:fsm/step@0.9.0");
    refused(&host, other_version, "invalid-component", "another world").await;
    refused(&host, vec![0; (16 << 20) + 1], "component-too-large", "16777217").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_import_is_refused_by_its_name() {
    let host = TestHost::bare().await;
    let probe = guest("probe");
    for (from, to) in [("gd:fsm/log@0.1.0", "ev:ilm/log@0.1.0"), ("gd:fsm/log@0.1.0", "gd:fsm/log@0.7.0")] {
        refused(&host, patched(&probe, from, to), "foreign-import", to).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_calls_out_is_refused_where_nothing_may_be_reached() {
    refused(&TestHost::bare().await, guest("billing"), "egress-not-granted", "wasi:http").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_descriptor_that_contradicts_itself_is_refused() {
    let host = TestHost::bare().await;
    let liar = guest("liar");
    for (lie, part) in [
        ("a", "nowhere"),
        ("b", "0 steps"),
        ("c", "twice"),
        ("d", "control character"),
        ("e", "256 bytes"),
        ("f", "empty"),
        ("g", "control character"),
        ("h", "control character"),
        ("i", "0 attempts"),
        ("j", "from-the-future"),
        ("k", "1001 steps"),
        ("l", "it will not say"),
        ("m", "CPU"),
        ("n", "control character"),
        ("o", "control character"),
        ("p", ""),
        ("q", "control character"),
    ] {
        let component = patched(&liar, "liar-lie:-", &format!("liar-lie:{lie}"));
        refused(&host, component, "invalid-descriptor", part).await;
    }
    host.deploy(liar).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_again_are_the_same_version() {
    let host = TestHost::with_probe().await;
    let again = host.deploy(guest("probe")).await;
    assert_eq!((again.fsm.as_str(), again.version.0, again.created), ("probe", 1, false));
    let second = host.deploy(release(2)).await;
    assert_eq!((second.version.0, second.created), (2, true));
    let back = host.deploy(guest("probe")).await;
    assert_eq!((back.version.0, back.created), (1, false), "and new instances take it again");
    let probe = host.run(json!([])).await;
    assert_eq!((probe.version, probe.result()["release"].clone()), (1, json!("0001")));
    assert_eq!(host.database.count("select count(*) from gd.version").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn deploys_of_the_same_bytes_at_the_same_time_make_one_version() {
    let host = TestHost::bare().await;
    let deploys = futures::future::join_all((0..4).map(|_| host.deploy(guest("chore")))).await;
    assert_eq!(deploys.iter().filter(|deployed| deployed.created).count(), 1);
    assert!(deploys.iter().all(|deployed| deployed.version.0 == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn new_instances_take_the_new_version_and_running_ones_end_on_theirs() {
    let host = TestHost::with_probe().await;
    let parked = host.plan(json!([{ "do": "await", "names": ["go"] }, { "do": "requeue" }])).await;
    let running = host.plan(json!([{ "do": "sleep", "ms": 1_500 }, { "do": "next" }])).await;
    host.settled(parked).await;
    host.executing(running, 0).await;
    host.deploy(release(2)).await;
    let new = host.run(json!([])).await;
    assert_eq!((new.version, new.result()["release"].clone()), (2, json!("0002")));
    host.signal(parked, "go", json!(1)).await;
    for id in [parked, running] {
        let old = host.ended(id).await;
        assert_eq!((old.version, old.result()["release"].clone()), (1, json!("0001")));
        assert!(column(&old.notes(), "version").as_array().unwrap().iter().all(|version| version == 1));
    }
    let first = host.start(Start { version: Some(1), ..TestHost::probe(json!({})) }).await;
    assert_eq!(host.ended(first).await.result()["release"], "0001", "a start may name a version");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_takes_the_version_that_another_host_has_just_deployed() {
    let first = TestHost::with_probe().await;
    assert_eq!(first.run(json!([])).await.version, 1);
    let second = TestHost::on(first.database.clone(), |_, _| ()).await;
    second.deploy(release(2)).await;
    let moved = first.run(json!([{ "do": "next" }])).await;
    assert_eq!(moved.version, 2, "what a host remembers of routes is compared");
    assert_eq!(first.outcomes(moved.id).await, ["next", "done"], "with the state that it was started with");
    second.deploy(guest("probe")).await;
    assert_eq!(first.run(json!([])).await.version, 1);
    assert_eq!(second.run(json!([])).await.version, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_host_loads_a_version_from_the_database() {
    let first = TestHost::with_probe().await;
    first.host.shut_down().await;
    let second = TestHost::on(first.database.clone(), |_, _| ()).await;
    assert_eq!(second.run(json!([{ "do": "next" }])).await.notes().len(), 2);
}
