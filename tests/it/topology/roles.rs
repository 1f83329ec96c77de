//! Hosts that run some queues, or none, or leave the database to others.

use std::sync::Arc;
use std::time::Duration;

use gd_core::Status;
use gd_host::engine::{EngineConfig, Maintenance, Queues};
use gd_tests::{HostProcess, TestDatabase, TestHost, eventually, gd_host, guest, release};
use serde_json::{Value, json};

use super::{five_beats, in_queue};

fn runs(queues: &str) -> impl FnOnce(&mut EngineConfig, &mut gd_core::Limits) {
    let queues: Queues = queues.parse().unwrap();
    move |config, _| config.queues = queues
}

#[tokio::test(flavor = "multi_thread")]
async fn top_01_each_row_runs_from_its_own_queue() {
    let a = TestHost::with_probe_and(runs("a:1")).await;
    let b = TestHost::on(a.database.clone(), runs("b:2,late:1")).await;
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        // Each is started on the host that does not run it.
        of_a.push(in_queue(&b, "a", json!([{ "do": "requeue" }])).await);
        of_b.push(in_queue(&a, "b", json!([{ "do": "requeue" }])).await);
    }
    of_b.push(in_queue(&a, "late", json!([])).await);
    let other = in_queue(&a, "nobody's", json!([])).await;
    let worker = async |id| {
        a.ended(id).await;
        a.history(id).await.iter().map(|attempt| attempt.worker).collect::<Vec<_>>()
    };
    let first = worker(of_a[0]).await[0];
    for id in of_a {
        assert!(worker(id).await.iter().all(|worker| *worker == first));
    }
    for id in of_b {
        assert!(worker(id).await.iter().all(|worker| *worker != first));
    }
    five_beats(&a).await;
    assert_eq!(a.get(other).await.claim, 0, "no host runs its queue");
}

#[tokio::test(flavor = "multi_thread")]
async fn top_02_a_host_without_maintenance_leaves_deadlines_and_dead_workers_to_others() {
    let host = TestHost::with_probe_and(|config, _| config.maintenance = Maintenance::Off).await;
    let parked = host.plan(json!([{ "do": "await", "names": ["go"], "timeout_ms": 1 }])).await;
    host.settled(parked).await;
    let lost = in_queue(&host, "q", json!([])).await;
    host.ended(lost).await;
    let stranded = in_queue(&host, "q", json!([{ "do": "sleep", "ms": 20_000, "until": 1 }])).await;
    host.executing(stranded, 0).await;
    host.database.execute("update gd.instance set owner = 77, claim = claim + 1 where status = 1").await;
    five_beats(&host).await;
    assert_eq!(host.get(parked).await.status, Status::AwaitingSignal, "nobody looks at deadlines");
    assert_eq!(host.get(stranded).await.status, Status::Executing, "nobody looks for dead workers");
    let keeper = TestHost::on(host.database.clone(), |config, _| config.queues = Queues::None).await;
    assert_eq!(keeper.ended(parked).await.notes()[1]["wake"], "timeout");
    assert_eq!(keeper.ended(stranded).await.status, Status::Done);
    let workers = "select count(distinct worker) from gd.attempt where worker <> 77";
    assert_eq!(host.database.count(workers).await, 1, "the other has run nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn top_03_a_host_that_runs_nothing_takes_starts_and_signals() {
    let api = TestHost::on(Arc::new(TestDatabase::migrated().await), runs("none")).await;
    api.deploy(guest("probe")).await;
    let id = api.plan(json!([{ "do": "gather", "names": ["go"], "count": 1 }])).await;
    api.signal(id, "go", json!(7)).await;
    five_beats(&api).await;
    assert_eq!((api.get(id).await.claim, api.inbox(id).await.len()), (0, 1), "nothing runs here");
    let _worker = TestHost::on(api.database.clone(), |_, _| ()).await;
    assert_eq!(api.ended(id).await.notes().last().unwrap()["awaited"], json!([["go", 7]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn top_04_a_wrong_choice_of_queues_fails_the_start_before_anything_is_touched() {
    // A database that is not there: whatever is refused is refused before it is asked.
    let nowhere = "postgres://nobody@127.0.0.1:1/nothing";
    for (options, part) in [
        (vec!["--queues", "a"], "NAME:STEPS"),
        (vec!["--queues", "a:0"], "at least 1"),
        (vec!["--queues", "a:1,a:2"], "twice"),
        (vec!["--queues", ":1"], "it is empty"),
        (vec!["--queues", "a:1", "--concurrency", "5"], "behind each queue"),
        (vec!["--min-demand", "0"], "1.."),
        (vec!["--prefetch", "many"], "invalid"),
        (vec!["--lease", "1s"], "too short"),
        (vec!["--no-such-option"], "unexpected argument"),
    ] {
        let ran = gd_host(&[vec!["serve", "--database-url", nowhere], options.clone()].concat()).await;
        assert!(ran.code != 0 && ran.stderr.contains(part), "{options:?}: {ran:?}");
    }
    for (text, part) in [
        ("queues = \"some\"", "NAME:STEPS"),
        ("[queues]\na = 0", "at least 1"),
        ("[queues]\na = 1\na = 2", "duplicate key"),
        ("queues = 5", "a table of names"),
        ("min_demand = 0", "nonzero"),
        ("maintenence = false", "unknown field"),
    ] {
        let file = gd_tests::scratch("wrong_queues").join("gd.toml");
        std::fs::write(&file, text).unwrap();
        let ran = gd_host(&["serve", "--database-url", nowhere, "--config", file.to_str().unwrap()]).await;
        assert!(ran.code == 1 && ran.stderr.contains(part), "{text:?}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn top_06_two_that_recover_at_once_take_every_row_back_once() {
    let eager = |config: &mut EngineConfig| config.recovery_interval = Duration::from_millis(5);
    let host = TestHost::with_probe_and(|config, _| {
        eager(config);
        config.concurrency = 30;
    })
    .await;
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(host.plan(json!([{ "do": "next" }, { "do": "sleep", "ms": 20_000, "until": 1 }])).await);
    }
    let running = "select count(*) from gd.instance where status = 1 and visit = 1";
    eventually("all run", async || (host.database.count(running).await == 30).then_some(())).await;
    let _second = TestHost::on(host.database.clone(), |config, _| eager(config)).await;
    let _third = TestHost::on(host.database.clone(), |config, _| eager(config)).await;
    host.database
        .execute("update gd.worker w set dead = true where exists (select from gd.instance i where i.owner = w.id)")
        .await;
    for id in ids {
        host.ended(id).await;
        assert_eq!(host.outcomes(id).await, ["next", "recovered", "done"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_nobody_has_used_is_run_when_it_appears_and_the_process_says_what_it_runs() {
    let database = TestDatabase::migrated().await;
    let options = ["--queues", "new one:2", "--no-maintenance", "--prefetch", "3", "--min-demand", "2"];
    let mut host = HostProcess::serve(database.url(), &options).await;
    let api = host.api();
    assert!(api.post("/v1/deployments", release(1)).await.status < 300);
    let body = json!({ "fsm": "probe", "queue": "new one", "state": { "plan": [] } }).to_string();
    let id = api.post("/v1/instances", body).await.json()["id"].as_str().unwrap().to_owned();
    let ended: Value = api.get(&format!("/v1/instances/{id}/wait")).await.json();
    assert_eq!(ended["status"], "done");
    let said = [
        r#"gd_pick_rows_total{queue="new one"} 1"#,
        r#"gd_scheduler_concurrency{queue="new one"} 2"#,
        r#"gd_scheduler_buffer{queue="new one"} 0"#,
        r#"gd_scheduler_in_flight{queue="new one"} 0"#,
    ];
    // How busy it is, the host looks once a second.
    eventually("the metrics say it", async || {
        let metrics = api.get("/metrics").await.text;
        said.iter().all(|line| metrics.lines().any(|found| found == *line)).then_some(())
    })
    .await;
    assert_eq!(host.terminate().await.code(), Some(0));
    assert!(host.log().contains("new one:2"), "{}", host.log());
}
