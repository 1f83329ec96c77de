//! The provider's promises, asked of the real program over HTTP.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use payment_provider::Summary;
use serde_json::{Value, json};

const INVOICES: &str = r#"
{"invoice":"OK","scenario":"ok"}
{"invoice":"SLOW","scenario":"slow"}
{"invoice":"FLAKY","scenario":"flaky"}
{"invoice":"DIES","scenario":"dies_after_charge"}
{"invoice":"DECLINED","scenario":"declined"}
"#;

struct Server {
    dir: PathBuf,
    child: Child,
    url: String,
}

impl Server {
    fn start(latency: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("gd-provider-test-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("invoices.ndjson"), INVOICES).unwrap();
        let (child, url) = spawn(&dir, "127.0.0.1:0", latency);
        Self { dir, child, url }
    }

    /// Ends it as a crash would and starts it on the same port and log.
    fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let address = self.url.trim_start_matches("http://").to_owned();
        (self.child, self.url) = spawn(&self.dir, &address, "0..0");
    }

    fn charge(&self, invoice: &str, key: &str) -> Result<(u16, Value), ureq::Error> {
        let request = ureq::post(format!("{}/charges", self.url)).header("Idempotency-Key", key);
        let body = json!({"invoice": invoice, "customer": "Ada", "amount_cents": 1250, "currency": "EUR"});
        let mut response = request.config().http_status_as_error(false).build().send_json(body)?;
        Ok((response.status().as_u16(), response.body_mut().read_json()?))
    }

    fn status(&self, invoice: &str, key: &str) -> u16 {
        self.charge(invoice, key).unwrap().0
    }

    fn summary(&self) -> Summary {
        ureq::get(format!("{}/charges", self.url)).call().unwrap().body_mut().read_json().unwrap()
    }

    fn actions(&self) -> Vec<String> {
        let log = fs::read_to_string(self.dir.join("calls.ndjson")).unwrap();
        let field = |entry: &Value, name: &str| entry[name].to_string().trim_matches('"').to_owned();
        let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        entries
            .map(|e| format!("{} {} {} {}", field(&e, "invoice"), field(&e, "key"), e["call"], field(&e, "action")))
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_dead = self.child.kill();
        self.child.wait().unwrap();
        fs::remove_dir_all(&self.dir).unwrap();
    }
}

fn spawn(dir: &std::path::Path, listen: &str, latency: &str) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_payment-provider"))
        .args(["--listen", listen, "--latency-ms", latency, "--log"])
        .arg(dir.join("calls.ndjson"))
        .arg("--invoices")
        .arg(dir.join("invoices.ndjson"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().to_owned())
}

#[test]
fn one_key_is_charged_once_and_answered_the_same_every_time() {
    let mut server = Server::start("0..0");
    let (status, first) = server.charge("OK", "k1").unwrap();
    assert_eq!((status, &first["replayed"]), (200, &json!(false)));
    server.restart();
    let (_, second) = server.charge("OK", "k1").unwrap();
    assert_eq!(second["replayed"], json!(true));
    assert_eq!(first["charge_id"], second["charge_id"]);
    assert_eq!(server.actions(), ["OK k1 1 charged", "OK k1 2 replayed"]);
    let summary = server.summary();
    assert_eq!((summary.calls, summary.charged_keys, summary.repeated_calls), (2, 1, 1));
}

#[test]
fn a_second_key_for_one_invoice_is_charged_again_and_shows() {
    let server = Server::start("0..0");
    server.charge("OK", "k1").unwrap();
    server.charge("OK", "k2").unwrap();
    assert_eq!(server.actions(), ["OK k1 1 charged", "OK k2 1 charged_again"]);
    assert_eq!(server.summary().invoices["OK"], ["k1", "k2"]);
}

#[test]
fn a_key_that_comes_with_another_invoice_is_refused() {
    let server = Server::start("0..0");
    server.charge("OK", "k1").unwrap();
    assert_eq!(server.status("SLOW", "k1"), 422);
    assert_eq!(server.summary().charged_keys, 1);
}

#[test]
fn a_flaky_invoice_fails_twice_under_its_key_across_restarts() {
    let mut server = Server::start("0..0");
    assert_eq!(server.status("FLAKY", "k1"), 500);
    server.restart();
    assert_eq!(server.status("FLAKY", "k1"), 500);
    assert_eq!(server.status("FLAKY", "k1"), 200);
}

#[test]
fn a_declined_invoice_never_moves_money() {
    let server = Server::start("0..0");
    assert_eq!(server.status("DECLINED", "k1"), 402);
    assert_eq!(server.status("DECLINED", "k1"), 402);
    assert_eq!(server.summary().charged_keys, 0);
}

#[test]
fn a_provider_that_dies_after_the_charge_knows_it_when_it_is_back() {
    let mut server = Server::start("0..0");
    assert!(server.charge("DIES", "k1").is_err(), "no answer");
    let ended = server.child.wait().unwrap();
    assert!(!ended.success());
    server.restart();
    let (status, answer) = server.charge("DIES", "k1").unwrap();
    assert_eq!((status, &answer["replayed"]), (200, &json!(true)));
    assert_eq!(server.actions(), ["DIES k1 1 died", "DIES k1 2 replayed"]);
}

#[test]
fn a_caller_that_hangs_up_is_charged_all_the_same() {
    let server = Server::start("300..300");
    let impatient = ureq::post(format!("{}/charges", server.url)).header("Idempotency-Key", "k1");
    let impatient = impatient.config().timeout_global(Some(Duration::from_millis(30))).build();
    let body = json!({"invoice": "OK", "amount_cents": 1250, "currency": "EUR"});
    assert!(impatient.send_json(body).is_err());
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.summary().charged_keys == 0 {
        assert!(Instant::now() < deadline, "the charge was lost with its caller");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_call_without_a_key_is_refused() {
    let server = Server::start("0..0");
    let body = json!({"invoice": "OK", "amount_cents": 1, "currency": "EUR"});
    let refused = ureq::post(format!("{}/charges", server.url)).send_json(body);
    assert!(matches!(refused, Err(ureq::Error::StatusCode(400))));
}

#[test]
fn a_log_line_cut_short_by_a_crash_is_dropped() {
    let mut server = Server::start("0..0");
    server.charge("OK", "k1").unwrap();
    let log = server.dir.join("calls.ndjson");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, format!("{text}{}", &text[..20])).unwrap();
    server.restart();
    server.charge("OK", "k1").unwrap();
    assert_eq!(server.actions(), ["OK k1 1 charged", "OK k1 2 replayed"]);
}
