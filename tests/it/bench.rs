//! The bench, small: that it measures, cleans up, and says when a figure means nothing.

use gd_tests::{TestDatabase, TestHost, gd_host, guest, repository};
use serde_json::Value;

/// One round on the tests' Postgres, which is neither quiet nor durable.
async fn bench(workload: &str, more: &[&str]) -> Value {
    let database = TestDatabase::empty().await;
    let few = if more.contains(&"--instances") { &[][..] } else { &["--instances", "50"] };
    let args = ["bench", workload, "--state-bytes", "200", "--rounds", "1", "--no-pgbench", "--json"];
    let ran = gd_host(&[&args[..], few, more, &["--database-url", database.url()]].concat()).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("warm-up: ") && ran.stderr.contains("round 1 of 1: "), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// Each stands among the figures with its spread, and at the top as a plain number.
fn is_measured(report: &Value, figures: &[&str]) {
    for figure in figures {
        let median = &report["figures"][figure]["median"];
        assert!(median.as_f64().is_some_and(|value| value > 0.0), "{figure}: {report}");
        assert_eq!(&report[figure], median, "{figure}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_measures_steps_and_what_they_cost() {
    let report = bench("W1", &[]).await;
    is_measured(&report, &["steps_per_s", "started_steps_per_s", "wal_bytes_per_step", "step_us_p50", "hot_ratio"]);
    is_measured(&report, &["host_cpu_us_per_step", "sandbox_cpu_us_per_step", "commit_to_commit_ms_p99"]);
    assert!(report["hot_ratio"].as_f64().unwrap() <= 1.0, "{report}");
    assert_eq!((&report["workload"], &report["state_bytes"]), (&"W1".into(), &200.into()));
    assert_eq!(report["figures"]["ratio_to_pgbench"], Value::Null, "{report}");
    assert_eq!(report["conclusive"], false, "{report}");
    let doubts = report["doubts"].to_string();
    for doubt in ["debug build", "fsync is off", "pgbench was left out"] {
        assert!(doubts.contains(doubt) || doubt.starts_with("debug") && !cfg!(debug_assertions), "{doubt}: {doubts}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_over_time_measures_the_loss_of_speed_and_the_room_that_is_taken() {
    let report = bench("W1", &["--seconds", "1"]).await;
    is_measured(&report, &["steps_per_s", "steps_per_s_first", "steps_per_s_last", "wal_bytes_per_step"]);
    is_measured(&report, &["resident_start_mib", "resident_end_mib", "table_end_mib", "index_end_mib"]);
    assert_eq!(report["seconds"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn w1b_measures_jobs_of_one_step() {
    let report = bench("W1b", &[]).await;
    is_measured(&report, &["steps_per_s", "started_steps_per_s", "wal_bytes_per_step", "step_us_p50"]);
    assert_eq!(report["figures"]["commit_to_commit_ms_p50"], Value::Null, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_measures_the_time_from_start_to_result() {
    let report = bench("w2", &[]).await;
    is_measured(&report, &["call_1_ms_p50", "call_5_ms_p99", "http_1_ms_p50", "http_5_ms_p99"]);
    assert_eq!(report["figures"]["call_1_commits_p50"], Value::Null, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_measures_children_and_their_join() {
    is_measured(&bench("W3", &[]).await, &["fan_ms", "wal_bytes_per_child"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_measures_the_time_from_signal_to_result() {
    is_measured(&bench("W4", &[]).await, &["signal_ms_p50", "signal_ms_p99"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_measures_free_instances_beside_a_crowd() {
    let report = bench("W6", &["--idle-seconds", "1"]).await;
    is_measured(&report, &["empty_free_ms_p50", "crowd_free_ms_p50", "empty_free_ms_p99", "crowd_free_ms_p99"]);
    assert!(report["crowd_idle_host_cpu_percent"].is_number() == cfg!(target_os = "linux"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_measures_beside_live_rows_and_on_several_hosts() {
    let report = bench("W7", &["--live", "200", "--hosts", "2"]).await;
    is_measured(&report, &["live_200_hosts_2_steps_per_s", "live_200_hosts_2_wal_bytes_per_step"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn w9_measures_starts_one_by_one_and_in_batches() {
    let report = bench("W9", &["--instances", "1500"]).await;
    is_measured(&report, &["single_rows_per_s", "batch_rows_per_s", "batch_4_callers_rows_per_s"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trouble_is_compared_with_the_calm_before_it() {
    for trouble in ["snapshot", "slow-guest"] {
        let report = bench("W1", &["--trouble", trouble, "--seconds", "1", "--instances", "300"]).await;
        is_measured(&report, &["throughput_kept", "p99_grown", "calm_steps_per_s", "troubled_steps_per_s"]);
        assert_eq!(report["trouble"], trouble);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_measured_is_refused_with_a_reason() {
    let refused = async |args: &[&str], reason: &str| {
        let ran = gd_host(&[&["bench"], args].concat()).await;
        assert!(ran.code == 1 && ran.stderr.contains(reason), "{args:?}: {ran:?}");
    };
    refused(&["W5"], "W5 is not measured yet").await;
    refused(&["W8"], "W8 is not measured yet").await;
    refused(&["W2", "--trouble", "snapshot"], "--trouble means nothing for W2").await;
    refused(&["W1", "--live", "10"], "--live means nothing for W1").await;
    refused(&["W3", "--component", "x.wasm"], "--component means nothing for W3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_load_in_the_binary_is_the_one_of_the_sources() {
    let host = TestHost::bare().await;
    let embedded = std::fs::read(repository().join("host/src/bench/load.wasm")).unwrap();
    for component in [embedded, guest("load")] {
        assert_eq!(host.deploy(component).await.fsm, "load");
    }
    let descriptors = host.database.count("select count(distinct descriptor) from gd.version").await;
    assert_eq!(descriptors, 1, "build host/src/bench/load.wasm again, as host/src/bench/machine.rs says");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bench_on_a_server_of_mine_leaves_nothing_there() {
    let database = TestDatabase::empty().await;
    let wrong = std::env::temp_dir().join(format!("gd-bench-{}.wasm", std::process::id()));
    std::fs::write(&wrong, guest("chore")).unwrap();
    let file = wrong.to_str().unwrap();
    let ran = gd_host(&["bench", "W1", "--component", file, "--no-pgbench", "--database-url", database.url()]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("the component is the machine \"chore\""), "{ran:?}");
    let left = "select count(*) from pg_database where datname ~ '^gd_(pg)?bench_'";
    gd_tests::eventually("no bench is left", async || (database.count(left).await == 0).then_some(())).await;
    std::fs::remove_file(&wrong).unwrap();
}
