//! What a step starts and sends beside its own way: with its commit, and once.

use gd_core::Status;
use gd_tests::{TestHost, column, eventually};
use serde_json::json;

use super::aid::{emitted, in_quotes};

#[tokio::test(flavor = "multi_thread")]
async fn a_late_outcome_starts_nobody_and_sends_nothing() {
    let host = TestHost::with_probe().await;
    let target = host.plan(json!([{ "do": "gather", "names": ["go"], "count": 2 }])).await;
    host.settled(target).await;
    let send = json!([{ "to": target.to_string(), "name": "go" }]);
    let id = host
        .plan(json!([{ "do": "sleep", "ms": 1_500 }, { "do": "emit", "start": [{ "fsm": "probe" }], "send": send }]))
        .await;
    host.executing(id, 0).await;
    let moved = sqlx::query("update gd.instance set claim = claim + 10 where id = $1 and status = 1").bind(id.0);
    moved.execute(host.database.pool()).await.unwrap();
    let notes = host.ended(id).await.notes();
    let started = in_quotes(notes[1]["effects"][0].as_str().unwrap());
    host.ended(started).await;
    assert_eq!(host.database.count("select count(*) from gd.finished").await, 2, "one was started, once");
    let target = eventually("it has gathered one", async || {
        Some(host.get(target).await).filter(|it| it.visit == 2 && it.status == Status::AwaitingSignal)
    })
    .await;
    assert_eq!(host.inbox(target.id).await, ["go"], "sent once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_may_signal_itself_and_what_it_starts() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["id"] }, { "do": "next" }])).await;
    host.settled(id).await;
    let born = json!({ "key": "born", "plan": [{ "do": "gather", "names": ["hello"], "count": 1 }] });
    let plan = json!([
        { "do": "emit", "send": [{ "to": (id.0 + 1).to_string(), "name": "own", "payload": 1 }] },
        { "do": "emit", "start": [born], "send": [{ "to_key": "born", "name": "hello", "payload": 2 }, { "to_key": "nobody", "name": "x" }] },
        { "do": "await", "names": ["own"] },
    ]);
    let own = host.plan(plan).await;
    assert_eq!(own.0, id.0 + 1, "the next id");
    let notes = host.ended(own).await.notes();
    assert_eq!(notes[1]["others"], json!([["own", 1]]), "it is in its inbox at once");
    let results: Vec<&str> =
        notes[2]["effects"].as_array().unwrap().iter().map(|result| result.as_str().unwrap()).collect();
    assert!(results[1].ends_with("Delivered") && results[2].ends_with("NoTarget"), "{results:?}");
    assert_eq!(notes[3]["awaited"], json!([["own", 1]]));
    let born = host.ended(in_quotes(results[0])).await;
    let notes = born.notes();
    assert_eq!(notes.last().unwrap()["awaited"], json!([["hello", 2]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_whose_key_is_taken_names_the_holder_and_harms_no_other() {
    let host = TestHost::with_probe().await;
    let holder = emitted(&host, vec![json!({ "key": "k", "plan": [{ "do": "await", "names": ["go"] }] })]).await[0];
    let probe =
        host.run(json!([{ "do": "emit", "start": [{ "key": "k" }, {}, { "key": "m" }, { "key": "m" }] }])).await;
    let notes = probe.notes();
    let results: Vec<String> =
        notes[1]["effects"].as_array().unwrap().iter().map(|result| result.as_str().unwrap().to_owned()).collect();
    let word = |n: usize| results[n].contains("Duplicate");
    assert_eq!([word(0), word(1), word(2), word(3)], [true, false, false, true], "{results:?}");
    assert_eq!((in_quotes(&results[0]), in_quotes(&results[3])), (holder, in_quotes(&results[2])));
    assert_eq!(column(&notes, "effects")[0], json!(null));
}
