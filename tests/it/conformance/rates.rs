//! Rate limits: tokens are granted in order, charged once, and never given back.

use std::sync::Arc;

use gd_core::{InstanceId, Status};
use gd_tests::wire::Wire;
use gd_tests::{TestDatabase, TestHost, column, eventually, guest};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::aid::{declare_workers_dead, emitted, metric, row, status};
use crate::topology::five_beats;

async fn limited(host: &TestHost, limits: &[&str], weight: u32) -> Vec<InstanceId> {
    emitted(host, limits.iter().map(|limit| json!({ "limit": limit, "weight": weight })).collect()).await
}

/// Waits until so many of these have ended, and no more do for five beats.
async fn end(host: &TestHost, ids: &[InstanceId], count: usize) -> Vec<InstanceId> {
    let open = async || {
        let mut open = Vec::new();
        for id in ids {
            if !host.get(*id).await.status.is_terminal() {
                open.push(*id);
            }
        }
        open
    };
    eventually("as many end as may", async || (ids.len() - open().await.len() == count).then_some(())).await;
    five_beats(host).await;
    let open = open().await;
    assert_eq!(ids.len() - open.len(), count);
    open
}

async fn level(host: &TestHost) -> i64 {
    host.database.count("select sum(level)::bigint from gd.bucket").await
}

async fn burst(host: &TestHost, burst: i64) {
    let sql = "insert into gd.rate_limit (tenant_id, name, allowed, period_ms, burst) values (1, 'mail', 0, 1000, $1)";
    sqlx::query(sql).bind(burst).execute(host.database.pool()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rat_01_rat_06_a_bucket_gives_what_it_holds_and_no_more() {
    let host = TestHost::with_probe().await;
    burst(&host, 5).await;
    let ids = limited(&host, &["mail"; 10], 1).await;
    let open = end(&host, &ids, 5).await;
    assert_eq!((level(&host).await, status(&host, open[0]).await), (0, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn rat_02_rat_10_a_weight_is_so_many_tokens_and_partitions_have_buckets_of_their_own() {
    let host = TestHost::with_probe().await;
    burst(&host, 5).await;
    let ids =
        limited(&host, &["mail:7", "mail:8", "mail:7", "mail:8", "mail:7", "mail:8", "mail:7", "mail:8"], 2).await;
    let open = end(&host, &ids, 4).await;
    assert_eq!(level(&host).await, 2_000_000, "one token in each");
    assert_eq!(open.iter().filter(|id| ids.iter().position(|it| it == *id).unwrap() % 2 == 0).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rat_04_rat_05_tokens_are_earned_with_time_and_never_beyond_the_burst() {
    let host = TestHost::with_probe().await;
    host.database.execute("insert into gd.rate_limit values (1, 'mail', 10, 1000, 2)").await;
    for id in limited(&host, &["mail"; 2], 1).await {
        host.ended(id).await;
    }
    // An hour passes.
    host.database.execute("update gd.bucket set refilled_at = refilled_at - interval '1 h'; update gd.rate_limit set changed_at = changed_at - interval '2 h'").await;
    let ids = limited(&host, &["mail"; 6], 1).await;
    for id in &ids {
        host.ended(*id).await;
    }
    let spread =
        "select (extract(epoch from max(at) - min(at)) * 1000)::bigint from gd.attempt where instance_id = any($1)";
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let spread: i64 = sqlx::query_scalar(spread).bind(ids).fetch_one(host.database.pool()).await.unwrap();
    assert!((390..10_000).contains(&spread), "two at once and four more, 100 ms apart: {spread} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn rat_09_out_10_a_step_has_its_successor_draw_once() {
    let host = TestHost::with_probe().await;
    burst(&host, 5).await;
    let plan = json!([{ "do": "draw", "limit": "mail", "partition": "new" }, { "do": "next" }, { "do": "await", "names": ["go"] }]);
    let id = host.plan(plan).await;
    host.settled(id).await;
    assert_eq!(level(&host).await, 4_000_000);
    let plain = row(&host, id).await;
    assert_eq!((plain.rate_limit, plain.weight), (None, 1));
    assert_eq!(host.outcomes(id).await, ["next", "next", "await"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rat_12_chd_17_who_wants_more_than_a_bucket_holds_keeps_it_waiting_and_nobody_else() {
    let host = TestHost::with_probe().await;
    burst(&host, 1).await;
    let parent = host.plan(json!([{ "do": "children", "of": [{ "limit": "mail" }, { "limit": "mail" }] }])).await;
    eventually("one has ended", async || {
        (host.database.count("select count(*) from gd.finished").await == 1).then_some(())
    })
    .await;
    five_beats(&host).await;
    assert_eq!(host.get(parent).await.status, Status::AwaitingChildren);
    host.database
        .execute("update gd.rate_limit set burst = 2, changed_at = now(); update gd.bucket set level = 1000000")
        .await;
    host.ended(parent).await;
    let fat = limited(&host, &["mail:x"], 3).await;
    let thin = limited(&host, &["mail:x", "mail:y"], 1).await;
    host.ended(thin[1]).await;
    end(&host, &[fat[0], thin[0]], 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rat_14_tel_05_an_unknown_limit_stalls_and_is_told_of_until_it_is_there() {
    let host = TestHost::with_probe().await;
    let api = host.serve(None).await;
    let ids = limited(&host, &["rat14:a"], 1).await;
    let unknown = r#"gd_rate_limit_unknown_total{limit="rat14"}"#;
    eventually("it is told", async || (metric(&api, unknown).await > 0.0).then_some(())).await;
    assert_eq!(status(&host, ids[0]).await, 5);
    let stepping = host.plan(json!([{ "do": "draw", "limit": "rat14b" }])).await;
    let unknown = r#"gd_rate_limit_unknown_total{limit="rat14b"}"#;
    eventually("it is told of a step's too", async || (metric(&api, unknown).await > 0.0).then_some(())).await;
    host.database.execute("insert into gd.rate_limit values (1, 'rat14', 1, 1000, 1), (1, 'rat14b', 1, 1000, 1)").await;
    host.ended(ids[0]).await;
    host.ended(stepping).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rat_16_rat_17_every_attempt_pays_and_nothing_is_given_back() {
    let host = TestHost::with_probe().await;
    burst(&host, 9).await;
    let lost = json!({ "limit": "mail", "plan": [{ "do": "sleep", "ms": 25_000, "until": 1 }] });
    let again = json!({ "limit": "mail", "weight": 3, "plan": [{ "do": "retry", "times": 1, "ms": 0 }] });
    let ids = emitted(&host, vec![lost, again]).await;
    host.ended(ids[1]).await;
    assert_eq!(level(&host).await, 2_000_000, "one, and three twice");
    host.executing(ids[0], 0).await;
    declare_workers_dead(&host).await;
    assert_eq!(column(&host.ended(ids[0]).await.notes(), "attempt"), json!([1]));
    assert_eq!(level(&host).await, 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn rat_18_gat_05_what_is_throttled_and_contended_is_counted() {
    let host = TestHost::with_probe().await;
    let api = host.serve(None).await;
    host.database.execute("insert into gd.rate_limit values (1, 'rat18', 0, 1000, 2)").await;
    let ids = limited(&host, &["rat18"; 5], 1).await;
    let open = end(&host, &ids, 2).await;
    assert!(metric(&api, r#"gd_rate_limit_throttled_total{limit="rat18"}"#).await >= 1.0);
    assert!(metric(&api, "gd_rate_limit_granted_total").await >= 2.0);
    assert_eq!(open.len(), 3);
    let busy = json!({ "under": "rat18", "plan": [{ "do": "sleep", "ms": 25_000 }] });
    emitted(&host, vec![busy; 3]).await;
    eventually("it is told", async || (metric(&api, "gd_concurrency_contended").await >= 1.0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rat_21_rat_22_rat_24_hosts_that_grant_at_once_give_each_bucket_out_exactly() {
    let host = TestHost::with_probe().await;
    burst(&host, 5).await;
    let mut hosts = Vec::new();
    for _ in 0..3 {
        hosts.push(TestHost::on(host.database.clone(), |_, _| ()).await);
    }
    let names: Vec<String> = (0..100).map(|n| format!("mail:{n}")).collect();
    for (n, chunk) in names.chunks(25).enumerate() {
        let limits: Vec<&str> = chunk.iter().flat_map(|name| std::iter::repeat_n(name.as_str(), 10)).collect();
        let from = hosts.get(n).unwrap_or(&host);
        limited(from, &limits, 1).await;
    }
    let ended = "select count(*) from gd.finished where rate_limit is not null";
    eventually("all tokens are spent", async || (host.database.count(ended).await == 500).then_some(())).await;
    five_beats(&host).await;
    assert_eq!((host.database.count(ended).await, level(&host).await), (500, 0));
    let uneven = "select count(*) from (select from gd.finished where rate_limit is not null group by rate_limit having count(*) <> 5) u";
    assert_eq!(host.database.count(uneven).await, 0, "five of each");
    host.database.execute("insert into gd.rate_limit values (1, 'whole', 0, 1000, 13)").await;
    let whole = limited(&host, &["whole"], 13).await;
    host.ended(whole[0]).await;
    for host in hosts {
        host.host.shut_down().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rat_25_a_heavy_step_is_not_starved_by_light_ones_of_another_queue() {
    let host = TestHost::with_probe().await;
    host.database.execute("insert into gd.rate_limit values (1, 'mail', 20, 1000, 5)").await;
    let first = limited(&host, &["mail"; 5], 1).await;
    let heavy = emitted(&host, vec![json!({ "limit": "mail", "weight": 5, "queue": "a" })]).await[0];
    let light: Vec<Value> = (0..40).map(|_| json!({ "limit": "mail", "queue": "b" })).collect();
    let began = Instant::now();
    let light = emitted(&host, light).await;
    host.ended(heavy).await;
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    assert!(!host.get(light[39]).await.status.is_terminal(), "the others wait behind it");
    host.ended(first[4]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rat_26_a_changed_limit_holds_from_the_change_on() {
    let host = TestHost::with_probe().await;
    burst(&host, 1).await;
    let ids = limited(&host, &["mail"; 3], 1).await;
    end(&host, &ids, 1).await;
    host.database.execute("update gd.rate_limit set allowed = 100, changed_at = now()").await;
    for id in ids {
        host.ended(id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_tokens_can_be_paused_resumed_and_cancelled() {
    let host = TestHost::with_probe().await;
    burst(&host, 1).await;
    let first = limited(&host, &["mail"], 1).await;
    host.ended(first[0]).await;
    let ids = limited(&host, &["mail"; 3], 1).await;
    five_beats(&host).await;
    host.host.pause(host.tenant, ids[0]).await.unwrap();
    host.host.cancel(host.tenant, ids[1], None).await.unwrap();
    host.database.execute("update gd.bucket set level = 1000000").await;
    host.ended(ids[2]).await;
    host.database.execute("update gd.bucket set level = 1000000").await;
    end(&host, &ids[..1], 0).await;
    assert_eq!(level(&host).await, 1_000_000, "a paused one is granted nothing");
    host.host.resume(host.tenant, ids[0]).await.unwrap();
    host.ended(ids[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rat_08_a_bucket_that_was_swept_is_made_anew_by_the_look_that_grants() {
    let database = Arc::new(TestDatabase::migrated().await);
    let wire = Wire::to(database.url()).await;
    let host = TestHost::through(&wire, database, |_, _| ()).await;
    host.deploy(guest("probe")).await;
    burst(&host, 5).await;
    // The scan of that very moment may look once more; it does not every time.
    for _ in 0..10 {
        host.database.execute("delete from gd.bucket").await;
        let looks = wire.sent("lock_buckets");
        for id in limited(&host, &["mail"], 1).await {
            host.ended(id).await;
        }
        assert_eq!(level(&host).await, 4_000_000, "one of five is drawn from a bucket that is full");
        if wire.sent("lock_buckets") - looks == 1 {
            return;
        }
    }
    panic!("the first look never grants");
}
