//! `gd-host dev FILES.wasm`: deploys what is built, moves what runs over to it, and shows every step.

use gd_tests::{HostProcess, Ran, gd_host, guest, patched, release, scratch};
use serde_json::{Value, json};

/// A folder with a `dev` that watches the file `probe.wasm` in it.
struct Watching {
    host: HostProcess,
    file: std::path::PathBuf,
}

impl Watching {
    async fn new(name: &str, more: &[&str]) -> Self {
        let folder = scratch(name);
        let host = HostProcess::dev_in(&folder, &[&["probe.wasm"], more].concat()).await;
        host.prints("probe.wasm is not there yet and is waited for").await;
        Self { host, file: folder.join("probe.wasm") }
    }

    fn build(&self, component: &[u8]) {
        std::fs::write(&self.file, component).unwrap();
    }

    async fn run(&self, args: &[&str]) -> Ran {
        let ran = gd_host(&[args, &["--url", self.host.url()]].concat()).await;
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran
    }

    async fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.run(&[args, &["-o", "json"]].concat()).await.stdout).unwrap()
    }

    /// Stops it, and with it its Postgres.
    async fn stop(mut self) {
        assert!(self.host.terminate().await.success(), "{}", self.host.log());
    }

    /// Starts a probe that follows this plan; its id.
    async fn plan(&self, plan: Value) -> String {
        let state = json!({ "plan": plan }).to_string();
        self.json(&["start", "probe", "--state", &state]).await["id"].as_str().unwrap().to_owned()
    }

    async fn parked(&self) -> String {
        let id = self.plan(json!([{ "do": "await", "names": ["go"] }])).await;
        self.run(&["wait", &id, "--until", "settled"]).await;
        id
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_built_is_deployed_and_what_waits_goes_on_with_it() {
    let dev = Watching::new("dev-files", &[]).await;
    dev.build(&guest("probe"));
    dev.host.prints("probe version 1 deployed from probe.wasm").await;
    let id = dev.parked().await;
    dev.build(&release(2));
    dev.host.prints("probe version 2 deployed from probe.wasm").await;
    dev.host.prints("; 1 instance goes on with it").await;
    assert_eq!(dev.json(&["get", &id]).await["version"], 2);
    dev.build(b"no component at all");
    dev.host.prints("probe.wasm is not deployed: this is not a WebAssembly component").await;
    dev.build(&guest("probe"));
    dev.host.prints("probe version 1 is what probe.wasm holds, and new instances take it; 1 instance goes on").await;
    dev.run(&["signal", &id, "go"]).await;
    assert_eq!(dev.json(&["wait", &id]).await["version"], 1);
    dev.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_while_code_is_deployed_is_moved_when_it_comes_back() {
    let dev = Watching::new("dev-busy", &[]).await;
    dev.build(&guest("probe"));
    dev.host.prints("version 1 deployed").await;
    let id = dev.plan(json!([{ "do": "sleep", "ms": 8_000 }, { "do": "await", "names": ["go"] }])).await;
    dev.build(&release(2));
    dev.host.prints("; 1 more once its step is through").await;
    dev.host.prints("probe version 2; 1 instance goes on with it").await;
    assert_eq!(dev.json(&["get", &id]).await["version"], 2);
    dev.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pinned_instances_stay_and_a_quiet_dev_shows_no_steps() {
    let dev = Watching::new("dev-pin", &["--pin", "--quiet"]).await;
    dev.build(&guest("probe"));
    dev.host.prints("version 1 deployed").await;
    let id = dev.parked().await;
    dev.build(&release(2));
    dev.host.prints("version 2 deployed").await;
    assert_eq!(dev.json(&["get", &id]).await["version"], 1);
    assert!(!dev.host.printed().contains("await"), "{}", dev.host.printed());
    dev.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_is_a_line_with_what_went_wrong_and_what_the_guest_wrote_beneath() {
    let dev = Watching::new("dev-tail", &[]).await;
    dev.build(&guest("probe"));
    dev.host.prints("version 1 deployed").await;
    let panics = json!({ "do": "misdeed", "what": { "panic": "a \u{1b}[2J bug" }, "until": 1 });
    let id = dev.plan(json!([{ "do": "chat", "lines": 1, "bytes": 3 }, { "do": "next" }, panics])).await;
    dev.host.prints("trap: ").await;
    dev.run(&["wait", &id]).await;
    dev.host.prints("done").await;
    let printed = dev.host.printed();
    let lines: Vec<&str> = printed.lines().collect();
    let at =
        |part: &str| lines.iter().position(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {printed}"));
    let first = at(&format!("probe {id}"));
    assert!(lines[first].contains("run #0 -> run") && lines[first].contains("  next   "), "{printed}");
    assert!(lines[first + 1].starts_with("              info    "), "{printed}");
    assert_eq!(lines[first + 2], "              stdout  xxx");
    let fault = at("  fault  ");
    assert!(
        lines[fault + 1].starts_with("              trap: ") && lines[fault + 1].contains("a [2J bug"),
        "{printed}"
    );
    assert!(!printed.contains('\u{1b}'), "nothing steers a terminal, and no colours in a pipe: {printed:?}");
    dev.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_holds_another_machine_moves_nobody() {
    let dev = Watching::new("dev-other", &[]).await;
    dev.build(&guest("probe"));
    dev.host.prints("version 1 deployed").await;
    let id = dev.parked().await;
    dev.build(&patched(&guest("chore"), "chore", "shore"));
    dev.host.prints("shore version 1 deployed").await;
    assert_eq!(dev.json(&["get", &id]).await["fsm"], "probe");
    assert!(!dev.host.printed().contains("goes on with it"), "{}", dev.host.printed());
    dev.stop().await;
}
