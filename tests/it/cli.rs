//! The real binary against a real host: exit codes, and what it says.

mod limits;
mod operate;

use gd_tests::{HostProcess, Ran, TestDatabase, gd_host, repository};
use serde_json::{Value, json};

/// A process that serves, on a database of its own.
struct Served {
    host: HostProcess,
    database: TestDatabase,
}

impl Served {
    async fn new(more: &[&str]) -> Self {
        let database = TestDatabase::migrated().await;
        let host = HostProcess::serve(database.url(), more).await;
        Self { host, database }
    }

    /// Runs a verb against it.
    async fn run(&self, args: &[&str]) -> Ran {
        gd_host(&[args, &["--url", self.host.url()]].concat()).await
    }

    /// The same, of which success is expected, with the answer as JSON.
    async fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["-o", "json"]].concat()).await;
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {ran:?}"))
    }

    async fn deploy_probe(&self) {
        let file = probe_file();
        let ran = self.run(&["deploy", &file]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}

/// The probe as a file, written once per process.
fn probe_file() -> String {
    let path = std::env::temp_dir().join(format!("gd-cli-probe-{}.wasm", std::process::id()));
    static WRITTEN: std::sync::Once = std::sync::Once::new();
    WRITTEN.call_once(|| std::fs::write(&path, gd_tests::guest("probe")).unwrap());
    path.to_str().unwrap().to_owned()
}

fn says(ran: &Ran, code: i32, parts: &[&str]) {
    assert_eq!(ran.code, code, "{ran:?}");
    for part in parts {
        assert!(ran.stderr.contains(part) || ran.stdout.contains(part), "{part:?} is not in {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_deployed_started_signalled_and_read() {
    let served = Served::new(&[]).await;
    says(&served.run(&["deploy", &probe_file()]).await, 0, &["probe version 1 deployed (sha256:"]);
    says(&served.run(&["deploy", &probe_file()]).await, 0, &["probe version 1 is already deployed"]);
    says(&served.run(&["versions"]).await, 0, &["probe"]);
    says(&served.run(&["versions", "probe"]).await, 0, &["1"]);
    let plan = json!({ "plan": [{ "do": "await", "names": ["go"] }] }).to_string();
    says(
        &served.run(&["start", "probe", "--state", &plan, "--key", "order:1"]).await,
        0,
        &["started ", "(probe version 1)"],
    );
    let listed = served.json(&["list", "--key", "order:1"]).await;
    let id = listed["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(served.json(&["wait", &id, "--until", "settled"]).await["status"], "awaiting_signal");
    says(&served.run(&["wait", &id, "--timeout", "10ms"]).await, 1, &["awaiting_signal", "go on with `gd-host wait"]);
    says(&served.run(&["signal", "key:order:1", "go", "{\"n\":1}", "--dedup", "d"]).await, 0, &["go sent to"]);
    let done = served.json(&["wait", &id]).await;
    assert_eq!(done["result"]["notes"][1]["awaited"], json!([["go", { "n": 1 }]]));
    says(
        &served.run(&["signal", &id, "go"]).await,
        3,
        &["error: there is no live instance", "code: no_target", "hint: "],
    );
    says(&served.run(&["get", &id]).await, 0, &["done", "probes"]);
    says(&served.run(&["history", &id]).await, 0, &["await", "signal", "done"]);
    says(&served.run(&["list", "--status", "failed"]).await, 0, &["no instance matches"]);
    says(&served.run(&["get", &id, "-o", "yaml"]).await, 0, &["status: done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn start_and_wait_ends_with_the_instance() {
    let served = Served::new(&[]).await;
    served.deploy_probe().await;
    says(&served.run(&["start", "probe", "--wait"]).await, 0, &["done"]);
    let stops = json!({ "plan": [{ "do": "stop", "reason": "too expensive" }] }).to_string();
    says(&served.run(&["start", "probe", "--wait", "--state", &stops]).await, 1, &["failed", "too expensive"]);
    let waiting = served.json(&["start", "probe", "--in", "1h"]).await;
    let id = waiting["id"].as_str().unwrap();
    assert_eq!(served.json(&["get", id]).await["status"], "runnable");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_says_why_a_verb_failed() {
    let served = Served::new(&[]).await;
    served.deploy_probe().await;
    says(&served.run(&["get", "999999"]).await, 3, &["error: there is no instance 999999", "code: not_found"]);
    says(&served.run(&["history", "abc"]).await, 3, &["code: not_found"]);
    says(&served.run(&["wait", "999999"]).await, 3, &["code: not_found"]);
    says(&served.run(&["versions", "nobody"]).await, 3, &["code: unknown-fsm"]);
    says(&served.run(&["start", "nobody"]).await, 3, &["code: unknown-fsm", "gd-host deploy FILE.wasm"]);
    says(&served.run(&["start", "probe", "--step", "nowhere"]).await, 1, &["code: unknown-step"]);
    says(&served.run(&["start", "probe", "--state", "{"]).await, 2, &["--state"]);
    says(&served.run(&["start"]).await, 2, &["Usage"]);
    says(&served.run(&["fly"]).await, 2, &["fly"]);
    let start = ["start", "probe", "--key", "k", "--in", "1h"];
    says(&served.run(&start).await, 0, &[]);
    says(&served.run(&start).await, 4, &["code: duplicate", "hint: see it with `gd-host get"]);
    let readme = repository().join("Cargo.toml");
    says(&served.run(&["deploy", readme.to_str().unwrap()]).await, 1, &["code: invalid-component"]);
    says(&served.run(&["deploy", "/no/such/file.wasm"]).await, 2, &["/no/such/file.wasm"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_there_is_unreachable() {
    // A port that nobody listens on: it was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let ran = gd_host(&["list", "--url", &url]).await;
    says(&ran, 5, &["cannot reach gd-host at", &url, "code: unreachable", "hint: start one with `gd-host dev`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_needed_where_one_is_set() {
    let served = Served::new(&["--api-token", "secret"]).await;
    says(&served.run(&["list"]).await, 4, &["code: unauthorized", "--token"]);
    says(&served.run(&["list", "--token", "wrong"]).await, 4, &["code: unauthorized"]);
    says(&served.run(&["list", "--token", "secret"]).await, 0, &[]);
    assert!(!served.host.log().contains("secret"), "a token is never logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_database_is_down_says_where_it_looked_and_what_to_do() {
    let nowhere = "postgres://someone:hunter2@127.0.0.1:1/gd";
    let ran = gd_host(&["serve", "--database-url", nowhere, "--listen", "127.0.0.1:0"]).await;
    says(&ran, 1, &["error: the database at 127.0.0.1:1/gd cannot be reached"]);
    assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
    let ran = gd_host(&["migrate", "--database-url", nowhere]).await;
    says(&ran, 1, &["127.0.0.1:1/gd"]);
    let ran = gd_host(&["serve", "--database-url", "nonsense"]).await;
    says(&ran, 1, &["postgres://USER@HOST:PORT/DATABASE"]);
    says(&gd_host(&["serve"]).await, 1, &["--database-url", "GD_DATABASE_URL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_another_version_is_refused_with_what_to_do() {
    let empty = TestDatabase::empty().await;
    let serve = ["serve", "--listen", "127.0.0.1:0", "--database-url", empty.url()];
    says(&gd_host(&serve).await, 1, &["version 0", "run `gd-host migrate`"]);
    says(&gd_host(&["migrate", "--database-url", empty.url()]).await, 0, &["the database's schema is at version"]);
    says(&gd_host(&["migrate", "--database-url", empty.url()]).await, 0, &["the database's schema is at version"]);
    drop(HostProcess::serve(empty.url(), &[]).await);
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'x', true, '', 0)";
    empty.execute(newer).await;
    says(&gd_host(&serve).await, 1, &["9999", "newer than this binary", "use a newer gd-host"]);
    says(&gd_host(&["migrate", "--database-url", empty.url()]).await, 1, &["9999", "use a newer gd-host"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_cannot_be_listened_on_is_named() {
    let served = Served::new(&[]).await;
    let taken = served.host.url().trim_start_matches("http://");
    let ran = gd_host(&["serve", "--database-url", served.database.url(), "--listen", taken]).await;
    says(&ran, 1, &[taken, "--listen"]);
    let open = gd_host(&["serve", "--database-url", served.database.url(), "--listen", "0.0.0.0:0"]).await;
    says(&open, 1, &["no token is set", "--api-token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_inspected_without_a_host() {
    let ran = gd_host(&["inspect", &probe_file()]).await;
    says(&ran, 0, &["probe", "gd:fsm/log@0.1.0"]);
    says(&gd_host(&["inspect", "/no/such/file.wasm"]).await, 1, &["/no/such/file.wasm"]);
    says(&gd_host(&["version"]).await, 0, &[env!("CARGO_PKG_VERSION")]);
}
