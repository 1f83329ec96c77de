//! The bench, small: that it measures, cleans up, and says when a figure means nothing.

use gd_tests::{TestDatabase, gd_host};
use serde_json::Value;

/// One round on the tests' Postgres, which is neither quiet nor durable.
async fn bench(workload: &str) -> Value {
    let database = TestDatabase::empty().await;
    let args =
        ["bench", workload, "--instances", "50", "--state-bytes", "200", "--rounds", "1", "--no-pgbench", "--json"];
    let ran = gd_host(&[&args[..], &["--database-url", database.url()]].concat()).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("warm-up: ") && ran.stderr.contains("round 1 of 1: "), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn is_measured(report: &Value, figures: &[&str]) {
    for figure in figures {
        let spread = &report["figures"][figure];
        assert!(spread["median"].as_f64().is_some_and(|value| value > 0.0), "{figure}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_measures_steps_and_what_they_cost() {
    let report = bench("W1").await;
    is_measured(&report, &["steps_per_s", "started_steps_per_s", "wal_bytes_per_step", "step_us_p50", "hot_percent"]);
    assert_eq!((&report["workload"], &report["state_bytes"]), (&"W1".into(), &200.into()));
    assert_eq!(report["figures"]["steps_x_pgbench"], Value::Null, "{report}");
    assert_eq!(report["conclusive"], false, "{report}");
    let doubts = report["doubts"].to_string();
    for doubt in ["debug build", "fsync is off", "pgbench was left out"] {
        assert!(doubts.contains(doubt) || doubt.starts_with("debug") && !cfg!(debug_assertions), "{doubt}: {doubts}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_measures_the_time_from_start_to_result() {
    let report = bench("w2").await;
    is_measured(&report, &["call_1_ms_p50", "call_5_ms_p99", "http_1_ms_p50", "http_5_ms_p99"]);
    assert_eq!(report["figures"]["call_1_commits_p50"], Value::Null, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bench_on_a_server_of_mine_leaves_nothing_there() {
    let database = TestDatabase::empty().await;
    let wrong = std::env::temp_dir().join(format!("gd-bench-{}.wasm", std::process::id()));
    std::fs::write(&wrong, gd_tests::guest("chore")).unwrap();
    let file = wrong.to_str().unwrap();
    let ran = gd_host(&["bench", "W1", "--component", file, "--database-url", database.url()]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("the component is the machine \"chore\""), "{ran:?}");
    let left = "select count(*) from pg_database where datname ~ '^gd_(pg)?bench_'";
    gd_tests::eventually("no bench is left", async || (database.count(left).await == 0).then_some(())).await;
    std::fs::remove_file(&wrong).unwrap();
}
