//! Answers that are lost: what was committed is found again, what was not is done again.

use gd_core::InstanceId;
use gd_host::host::{Error, Signal, Start, Target};
use gd_tests::wire::CutAt;
use gd_tests::{Random, TestHost, eventually};
use serde_json::json;

use super::{ends_once, nothing_half_applied, rounds, wired};

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_was_lost_is_found_in_the_history_and_one_that_was_not_sent_is_sent_again() {
    let (wire, host) = wired().await;
    // Attempts run under one claim after the other, as long as the worker goes on with the instance. Who does not know what became of its commit
    // lets go of it: the release and the next claim are the two that are missing.
    for (at, claims) in [(CutAt::BeforeCommit, [1, 2, 3, 4]), (CutAt::AfterCommit, [1, 2, 5, 6])] {
        let asked = wire.sent("committed_claims");
        let cut = wire.cut(at, Some("commit_plain"), 1);
        let id = host.plan(json!([{ "do": "next" }, { "do": "next" }, { "do": "next" }])).await;
        ends_once(&host, id, 3).await;
        assert!(cut.is_done());
        let history: Vec<i64> = host.history(id).await.iter().map(|attempt| attempt.claim).collect();
        assert_eq!(history, claims, "{at:?}");
        assert_eq!(wire.sent("committed_claims") - asked, 1, "the history was asked: {at:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_are_cut_off_under_load_are_neither_lost_nor_done_twice() {
    let (wire, host) = wired().await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(host.plan(rounds(4)).await);
    }
    let mut cuts = Vec::new();
    for pass in [0, 3, 7, 12, 16, 20] {
        cuts.push(wire.cut(CutAt::AfterCommit, Some("lock_claimed"), pass));
        cuts.push(wire.cut(CutAt::BeforeCommit, Some("commit_plain"), pass + 1));
        cuts.push(wire.cut(CutAt::AfterCommit, Some("claim"), pass));
    }
    for id in ids {
        ends_once(&host, id, 12).await;
    }
    nothing_half_applied(&host.database).await;
    assert!(cuts.iter().filter(|cut| cut.is_done()).count() >= 12, "most of the cuts met a commit: {cuts:?}");
    assert!(wire.sent("committed_claims") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_whose_answer_was_lost_is_found_by_its_key() {
    let (wire, host) = wired().await;
    let start = || Start { correlation_key: Some("k".into()), ..TestHost::probe(json!({ "plan": [] })) };
    for (at, is_there) in [(CutAt::BeforeCommit, false), (CutAt::AfterCommit, true)] {
        let cut = wire.cut(at, Some("start"), 0);
        let unknown = host.try_start(start()).await.unwrap_err();
        assert!(cut.is_done());
        assert_eq!(unknown.code(), "database-unavailable", "{unknown}");
        assert_eq!(host.database.count("select count(*) from gd.identity").await > 0, is_there, "{at:?}");
    }
    // It may have ended meanwhile, and its key be free again: one instance was started either way.
    let again = host.try_start(Start { delay_ms: 60_000, ..start() }).await;
    match again {
        Err(Error::Duplicate { holder, .. }) => drop(host.ended(holder).await),
        Ok(_) => assert_eq!(host.database.count("select count(*) from gd.finished").await, 1),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_whose_answer_was_lost_is_the_same_when_it_is_sent_again() {
    let (wire, host) = wired().await;
    let id = host.plan(json!([{ "do": "gather", "names": ["go"], "count": 2 }])).await;
    host.settled(id).await;
    for (key, at, duplicate) in [("a", CutAt::BeforeCommit, false), ("b", CutAt::AfterCommit, true)] {
        let signal = || Signal { name: "go".into(), payload: b"1".to_vec(), dedup_key: Some(key.into()) };
        let cut = wire.cut(at, Some("store_signal"), 0);
        let unknown = host.host.signal(host.tenant, Target::Id(id), signal()).await.unwrap_err();
        assert!(cut.is_done());
        assert_eq!(unknown.code(), "database-unavailable", "{unknown}");
        if duplicate {
            // The second of two: it is over as soon as both are there.
            let over = host.ended(id).await;
            assert_eq!(over.notes().last().unwrap()["awaited"], json!([["go", 1], ["go", 1]]));
            let late = host.host.signal(host.tenant, Target::Id(id), signal()).await.unwrap_err();
            assert_eq!(late.code(), "no_target");
        } else {
            assert!(!host.host.signal(host.tenant, Target::Id(id), signal()).await.unwrap().duplicate);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_ended_at_random_under_load_cost_time_and_nothing_else() {
    let host = TestHost::with_probe().await;
    let mut random = Random::seeded();
    let mut plan = rounds(3);
    let acts = plan.as_array_mut().unwrap();
    acts.insert(4, json!({ "do": "gather", "names": ["go"], "count": 1 }));
    let mut ids = Vec::new();
    for _ in 0..25 {
        ids.push(host.plan(plan.clone()).await);
    }
    let signals = ids.iter().map(|id| signal_until_accepted(&host, *id));
    let terminations = async {
        let mut ended = 0;
        for _ in 0..60 {
            tokio::time::sleep(std::time::Duration::from_millis(10 + random.below(40))).await;
            let sql = "select count(pg_terminate_backend(pid)) from (select pid from pg_stat_activity \
                       where datname = current_database() and application_name = 'gd-host' order by pid offset $1 limit 1) as one";
            let offset = i64::try_from(random.below(8)).unwrap();
            let one: i64 = sqlx::query_scalar(sql).bind(offset).fetch_one(host.database.pool()).await.unwrap();
            ended += one;
        }
        ended
    };
    let (ended, _) = futures::future::join(terminations, futures::future::join_all(signals)).await;
    assert!(ended >= 20, "{ended} sessions were ended");
    for id in ids {
        ends_once(&host, id, 10).await;
        let awaited: Vec<_> =
            host.get(id).await.notes().iter().map(|note| note["awaited"].as_array().unwrap().len()).collect();
        assert_eq!(awaited.iter().sum::<usize>(), 1, "its signal was handed over once: {awaited:?}");
    }
    nothing_half_applied(&host.database).await;
}

/// Sends one signal as a careful client does: again, with the same key, until it knows.
async fn signal_until_accepted(host: &TestHost, id: InstanceId) {
    eventually("the signal is accepted", async || {
        let signal = Signal { name: "go".into(), payload: b"1".to_vec(), dedup_key: Some("once".into()) };
        host.host.signal(host.tenant, Target::Id(id), signal).await.ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_hangs_up_takes_nobody_elses_start_along() {
    let (wire, host) = wired().await;
    // Every request takes a moment, so that callers can leave in the middle of any.
    wire.delay(std::time::Duration::from_millis(20));
    let nobody = || host.try_signal(Target::Id(InstanceId(i64::MAX)), "go", json!(1));
    let mut ids = Vec::new();
    for round in 0..60_u64 {
        let leaves = std::time::Duration::from_millis(round % 30);
        let left = tokio::time::timeout(leaves, nobody()).await;
        assert!(left.is_err() || left.is_ok_and(|answer| answer.is_err()), "there is nobody");
        ids.push(host.plan(json!([])).await);
        // Rolls its own transaction back, and whatever else were open on its connection.
        assert!(nobody().await.is_err());
    }
    for id in ids {
        let there = host.host.get(host.tenant, id).await;
        assert!(there.is_ok(), "instance {id} was acknowledged: {there:?}");
    }
}
