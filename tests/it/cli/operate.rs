//! Verbs that look into an instance and steer it.

use gd_tests::gd_host;
use serde_json::{Value, json};

use super::{Served, says};

impl Served {
    /// Starts a probe that follows this plan; its id.
    async fn plan(&self, plan: Value) -> String {
        let state = json!({ "plan": plan }).to_string();
        let started = self.json(&["start", "probe", "--state", &state]).await;
        started["id"].as_str().unwrap().to_owned()
    }

    /// Starts a probe that waits for the signal `go`, and waits until it does.
    async fn parked(&self) -> String {
        let id = self.plan(json!([{ "do": "await", "names": ["go"] }])).await;
        assert_eq!(self.json(&["wait", &id, "--until", "settled"]).await["status"], "awaiting_signal");
        id
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_held_and_let_go() {
    let served = Served::new(&[]).await;
    served.deploy_probe().await;
    let id = served.parked().await;
    says(&served.run(&["pause", &id]).await, 0, &[&format!("instance {id} is held (awaiting_signal)")]);
    says(&served.run(&["pause", &id]).await, 0, &["is held"]);
    says(&served.run(&["get", &id]).await, 0, &["held", "until `gd-host resume`"]);
    says(&served.run(&["list"]).await, 0, &["awaiting_signal, held"]);
    served.run(&["signal", &id, "go"]).await;
    let held = served.json(&["get", &id]).await;
    assert_eq!(held["held"], json!(true), "{held}");
    says(&served.run(&["why", &id]).await, 0, &["held: ", &format!("hint: gd-host resume {id}")]);
    says(&served.run(&["resume", &id]).await, 0, &[&format!("instance {id} goes on")]);
    assert_eq!(served.json(&["wait", &id]).await["status"], "done");
    says(&served.run(&["pause", &id]).await, 4, &["code: ended"]);
    says(&served.run(&["resume", "999999"]).await, 3, &["code: not_found"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_cancelled_for_a_reason() {
    let served = Served::new(&[]).await;
    served.deploy_probe().await;
    let id = served.parked().await;
    says(&served.run(&["cancel", &id, "--reason", "changed my mind"]).await, 0, &["is cancelled"]);
    says(&served.run(&["get", &id]).await, 0, &["cancelled", "changed my mind"]);
    says(&served.run(&["cancel", &id]).await, 4, &["code: ended"]);
    says(&served.run(&["cancel", "999999"]).await, 3, &["code: not_found"]);
    let other = served.parked().await;
    says(&served.run(&["cancel", &other]).await, 0, &["is cancelled"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_family_is_drawn_as_a_tree_and_ended_as_a_whole() {
    let served = Served::new(&[]).await;
    served.deploy_probe().await;
    let parked = json!({ "plan": [{ "do": "await", "names": ["go"] }] });
    let middle = json!({ "plan": [{ "do": "children", "of": [parked, { "plan": [] }] }] });
    let top = served.plan(json!([{ "do": "children", "of": [middle, parked] }])).await;
    gd_tests::eventually("the youngest is parked", async || {
        let tree = served.json(&["tree", &top]).await;
        let middle = &tree["children"][0]["children"];
        let settled = middle[0]["status"] == "awaiting_signal" && middle[1]["status"] == "done";
        (settled && tree["children"][1]["status"] == "awaiting_signal").then_some(())
    })
    .await;
    let drawn = served.run(&["tree", &top]).await;
    let expected = ["└─ ", "│  ├─ ", "│  └─ ", "├─ ", &format!("{top} probe awaiting_children at run\n")];
    says(&drawn, 0, &expected);
    assert_eq!(drawn.stdout.lines().count(), 5, "{drawn:?}");
    says(
        &served.run(&["tree", &top, "--depth", "1"]).await,
        0,
        &["│  └─ more children: --depth and --limit show them"],
    );
    says(&served.run(&["tree", &top, "--limit", "2"]).await, 0, &["more children"]);
    says(&served.run(&["tree", &top, "--limit", "0"]).await, 2, &["1..=10000"]);
    says(&served.run(&["tree", "999999"]).await, 3, &["code: not_found"]);
    says(&served.run(&["cancel", &top, "--children"]).await, 0, &["is cancelled; cancelled in all: 4"]);
    says(&served.run(&["tree", &top]).await, 0, &["probe cancelled at run  cancelled: "]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_an_instance_from_running_is_said_in_words() {
    let served = Served::new(&[]).await;
    served.deploy_probe().await;
    let id = served.parked().await;
    says(&served.run(&["why", &id]).await, 0, &["awaiting-signal: ", "go"]);
    assert_eq!(served.json(&["why", &id]).await["word"], "awaiting-signal");
    says(&served.run(&["why", &id, "-o", "yaml"]).await, 0, &["word: awaiting-signal"]);
    says(&served.run(&["why", "999999"]).await, 3, &["code: not_found"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_read_and_followed_to_the_end_of_the_instance() {
    let served = Served::new(&[]).await;
    served.deploy_probe().await;
    let chat = json!({ "do": "chat", "lines": 1, "bytes": 3 });
    let id = served.plan(json!([chat, { "do": "await", "names": ["go"] }, chat])).await;
    served.json(&["wait", &id, "--until", "settled"]).await;
    says(&served.run(&["logs", &id]).await, 0, &["run #0  version 1  20", "  info    ", "  stdout  xxx"]);
    let page = served.json(&["logs", &id]).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
    let follow = ["logs", &id, "-f", "-o", "json"];
    let (followed, ()) = tokio::join!(served.run(&follow), async {
        says(&served.run(&["signal", &id, "go"]).await, 0, &[]);
    });
    assert_eq!(followed.code, 0, "{followed:?}");
    let attempts: Vec<Value> = followed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let visits: Vec<&Value> = attempts.iter().map(|attempt| &attempt["visit"]).collect();
    assert_eq!(visits, [&json!(0), &json!(1)], "{followed:?}");
    let silent = served.plan(json!([{ "do": "next" }])).await;
    says(&served.run(&["logs", &silent, "-f"]).await, 0, &[]);
    says(&served.run(&["logs", &silent]).await, 0, &["nothing was logged"]);
    says(&served.run(&["logs", "999999"]).await, 3, &["code: not_found"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_of_a_database_are_listed() {
    let served = Served::new(&[]).await;
    gd_tests::eventually("it is registered", async || {
        let nodes = served.json(&["nodes"]).await;
        (nodes["items"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;
    says(&served.run(&["nodes"]).await, 0, &["worker", "alive", "true"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_is_taught_every_verb() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = gd_host(&["completions", shell]).await;
        says(&ran, 0, &["gd-host", "doctor", "resume"]);
        assert!(!ran.stdout.contains("compile-component"), "{shell} shows what is not for people");
    }
    says(&gd_host(&["completions", "dos"]).await, 2, &["dos"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_started_from_a_file() {
    let served = Served::new(&[]).await;
    served.deploy_probe().await;
    let file = std::env::temp_dir().join(format!("gd-batch-{}.ndjson", std::process::id()));
    let line = |key: &str| json!({ "fsm": "probe", "correlation_key": key, "schedule_in_ms": 3_600_000 }).to_string();
    std::fs::write(&file, format!("{}\n{}\n", line("a"), line("b"))).unwrap();
    let start = ["start", "--batch", file.to_str().unwrap()];
    says(&served.run(&start).await, 0, &["started 2 of 2"]);
    says(
        &served.run(&start).await,
        0,
        &["started 0 of 2", "duplicate", "the correlation key \"a\" is held by instance"],
    );
    std::fs::write(&file, format!("{}\n{{\"fsm\":\"nobody\"}}\n", line("c"))).unwrap();
    says(&served.run(&start).await, 1, &["started 1 of 2", "unknown-fsm"]);
    std::fs::remove_file(&file).unwrap();
    says(&served.run(&start).await, 2, &["cannot read the batch"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_takes_keys_scopes_and_limits() {
    let served = Served::new(&[]).await;
    served.deploy_probe().await;
    let shared = ["start", "probe", "--key", "k", "--scope", "none", "--in", "1h", "--concurrency-key", "tree:7"];
    let id = served.json(&shared).await["id"].as_str().unwrap().to_owned();
    says(&served.run(&shared).await, 0, &["started "]);
    says(&served.run(&["get", &id]).await, 0, &["slot of", "tree:7"]);
    let kept = ["start", "probe", "--key", "once", "--scope", "done,failed", "--wait"];
    says(&served.run(&kept).await, 0, &["done"]);
    says(&served.run(&kept).await, 4, &["code: duplicate"]);
    let limited = ["start", "probe", "--rate-limit", "mail:7", "--weight", "2"];
    says(&served.run(&limited).await, 0, &["started "]);
    let waits = "select count(*) from gd.instance where rate_limit = 'mail:7' and weight = 2 and status = 5";
    assert_eq!(served.database.count(waits).await, 1);
    says(&served.run(&["start", "probe", "--rate-limit", ":7"]).await, 1, &["code: invalid-name"]);
}
