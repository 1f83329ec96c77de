//! `gd-host new`: the crate that it makes builds, passes its tests, deploys and runs.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use gd_tests::{HostProcess, TestDatabase, gd_host, scratch, target};
use serde_json::Value;
use tokio::process::Command;

/// Runs cargo in a crate that was made, without a network. What it builds is kept for the next run.
async fn cargo(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new("cargo");
    // What cargo told this test of its own package is no affair of the other's.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_PKG_")) {
        command.env_remove(name);
    }
    command.args(args).current_dir(dir).env("CARGO_NET_OFFLINE", "true").env("CARGO_TARGET_DIR", target().join("made"));
    let output = command.env_remove("RUSTUP_TOOLCHAIN").stdin(Stdio::null()).output().await.expect("cargo can be run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "cargo {args:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout) + &text(&output.stderr)
}

/// Every package of the crate's lock file, with its version.
fn versions(dir: &Path) -> BTreeSet<String> {
    let lock = std::fs::read_to_string(dir.join("Cargo.lock")).expect("a new crate has a lock file");
    lock.split("[[package]]").skip(1).map(|package| package.lines().take(3).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_crate_builds_passes_its_tests_deploys_and_runs() {
    let dir = scratch("new").join("order-flow");
    let place = dir.to_str().unwrap();
    let made = gd_host(&["new", "order-flow", "--dir", place]).await;
    assert_eq!(made.code, 0, "{made:?}");
    assert!(made.stdout.contains("gd-host dev target/wasm32-wasip2/release/order_flow.wasm"), "{made:?}");
    let given = versions(&dir);
    let tested = cargo(&dir, &["test"]).await;
    assert!(tested.contains("a_reply_is_heard_also_when_every_step_dies_once ... ok"), "{tested}");
    let built = cargo(&dir, &["build", "--release", "--target", "wasm32-wasip2"]).await;
    assert!(!built.contains("warning"), "{built}");
    let used = versions(&dir);
    assert!(used.len() > 20 && used.is_subset(&given), "built with what the SDK was tested with: {used:?}");
    let component = target().join("made/wasm32-wasip2/release/order_flow.wasm");
    let inspected = gd_host(&["inspect", component.to_str().unwrap()]).await;
    assert!(inspected.stdout.contains("greet (initial) -> hear awaits reply"), "{inspected:?}");
    assert!(!inspected.stdout.contains("warning"), "{inspected:?}");

    let database = TestDatabase::migrated().await;
    let host = HostProcess::serve(database.url(), &[]).await;
    let run = async |args: &[&str]| {
        let ran = gd_host(&[args, &["--url", host.url()]].concat()).await;
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.stdout
    };
    run(&["deploy", component.to_str().unwrap()]).await;
    run(&["start", "order-flow", "--key", "ada", "--state", r#"{"name": "Ada"}"#]).await;
    run(&["signal", "key:ada", "reply", r#""hi""#]).await;
    let ended: Value = serde_json::from_str(&run(&["wait", "1", "-o", "json"]).await).unwrap();
    assert_eq!(ended["result"], serde_json::json!({ "name": "Ada", "heard": "hi", "reminders": 0 }));

    let again = gd_host(&["new", "order-flow", "--dir", place]).await;
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.stderr.contains("is not empty; choose another folder with --dir"), "{again:?}");
}

#[tokio::test]
async fn a_name_that_no_crate_can_have_is_a_usage_error() {
    for name in ["Order", "1st", "match", "gd-guest", "a/b"] {
        let refused = gd_host(&["new", name]).await;
        assert_eq!(refused.code, 2, "{refused:?}");
    }
    assert_eq!(gd_host(&["new", "x", "--lang", "cobol"]).await.code, 2);
}
