//! A server with answers written in advance, and the verbs run against it.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::args::{Cli, Command};
use super::error::{Error, Exit};
use super::output::tests::{Captured, captured};
use clap::Parser;

/// What the server was asked.
#[derive(Debug)]
struct Asked {
    /// Method and target, such as `GET /v1/fsms`.
    line: String,
    authorization: Option<String>,
    body: Vec<u8>,
}

impl Asked {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// How a verb ended and what it printed.
struct Ran {
    end: Result<Exit, Error>,
    out: Captured,
    err: Captured,
    asked: Vec<Asked>,
}

/// Runs `line` against a server that gives `answers` in order, one connection each.
async fn run(line: &str, answers: Vec<(u16, Value)>) -> Ran {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/prefix/", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "the test itself awaits it")]
    let server: JoinHandle<Vec<Asked>> = tokio::spawn(async move {
        let mut asked = Vec::new();
        for (status, body) in answers {
            asked.push(serve(listener.accept().await.unwrap().0, status, &body.to_string()).await);
        }
        asked
    });
    let (end, out, err) = verb(&format!("gd-host --url {url} --token secret {line}")).await;
    Ran { end, out, err, asked: server.await.unwrap() }
}

async fn verb(line: &str) -> (Result<Exit, Error>, Captured, Captured) {
    let cli = Cli::try_parse_from(line.split_whitespace()).unwrap_or_else(|error| panic!("{error}"));
    let Command::Client(command) = cli.command else { panic!("not a verb of the API: {line}") };
    let (output, out, err) = captured(cli.global.output);
    (super::dispatch(&cli.global, command, &output).await, out, err)
}

async fn serve(stream: TcpStream, status: u16, body: &str) -> Asked {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.unwrap();
        match header.trim_end().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(("authorization", value)) => authorization = Some(value.to_owned()),
            Some(_) => {}
            None => break,
        }
    }
    let mut asked = vec![0; length];
    stream.read_exact(&mut asked).await.unwrap();
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    Asked { line, authorization, body: asked }
}

fn instance(status: &str) -> Value {
    json!({"id": "42", "fsm": "billing", "version": 1, "status": status, "step": "ship", "result": {"paid": true}})
}

fn started() -> (u16, Value) {
    (201, json!({"id": "42", "fsm": "billing", "version": 1}))
}

#[tokio::test]
async fn start_prints_the_id() {
    let ran = run("start billing --state {\"n\":1.10} --key INV-1 --in 5m --priority -3", vec![started()]).await;
    assert_eq!(ran.end.unwrap(), Exit::Ok);
    assert_eq!(ran.out.text(), "started 42 (billing version 1)\n");
    assert_eq!(ran.asked[0].line, "POST /prefix/v1/instances");
    assert_eq!(ran.asked[0].authorization.as_deref(), Some("Bearer secret"));
    let sent = String::from_utf8(ran.asked[0].body.clone()).unwrap();
    assert_eq!(
        sent,
        r#"{"fsm":"billing","state":{"n":1.10},"priority":-3,"schedule_in_ms":300000,"correlation_key":"INV-1"}"#
    );
}

#[tokio::test]
async fn start_with_wait_polls_until_the_instance_has_ended_and_prints_it_alone() {
    let answers = vec![started(), (202, instance("executing")), (200, instance("done"))];
    let ran = run("start billing --wait -o json", answers).await;
    assert_eq!(ran.end.unwrap(), Exit::Ok);
    assert_eq!(serde_json::from_str::<Value>(&ran.out.text()).unwrap(), instance("done"));
    assert_eq!(ran.err.text(), "started 42 (billing version 1)\n");
    let polls: Vec<_> = ran.asked[1..].iter().map(|asked| asked.line.as_str()).collect();
    for poll in &polls {
        assert!(poll.starts_with("GET /prefix/v1/instances/42/wait?timeout_ms="), "{poll}");
        assert!(poll.ends_with("&until=terminal"), "{poll}");
    }
    assert_eq!(polls.len(), 2);
}

#[tokio::test]
async fn an_instance_that_did_not_end_well_gives_exit_code_1() {
    for status in ["failed", "cancelled"] {
        let ran = run("wait 42", vec![(200, instance(status))]).await;
        assert_eq!(ran.end.unwrap(), Exit::Failed);
        assert!(ran.out.text().contains(&format!("status    {status}")), "{}", ran.out.text());
    }
    let parked = run("wait 42 --until settled", vec![(200, instance("awaiting_signal"))]).await;
    assert_eq!(parked.end.unwrap(), Exit::Ok);
}

#[tokio::test]
async fn a_wait_that_is_over_says_where_the_instance_stands() {
    let ran = run("wait 42 --timeout 0s", vec![(202, instance("executing"))]).await;
    assert_eq!(ran.end.unwrap(), Exit::Failed);
    assert!(ran.out.text().contains("status    executing"));
    assert_eq!(ran.err.text(), "instance 42 is executing at step ship after 0ms; go on with `gd-host wait 42`\n");
}

#[tokio::test]
async fn a_refusal_keeps_its_code_and_tells_the_next_command() {
    let problem = json!({"type": "about:blank", "title": "Conflict", "status": 409, "code": "duplicate",
        "detail": "key INV-1 is held by a live instance", "id": "7"});
    let ran = run("start billing --key INV-1", vec![(409, problem)]).await;
    let error = ran.end.unwrap_err();
    assert_eq!((error.exit(), error.code()), (Exit::Refused, "duplicate"));
    assert_eq!(error.to_string(), "key INV-1 is held by a live instance");
    assert!(error.hint().unwrap().contains("gd-host get 7"));
}

#[tokio::test]
async fn what_does_not_exist_gives_exit_code_3_and_its_name_stays_in_its_route() {
    let problem = json!({"status": 404, "code": "not_found", "detail": "no instance a/b"});
    let ran = run("get a/b", vec![(404, problem)]).await;
    assert_eq!(ran.end.unwrap_err().exit(), Exit::NotFound);
    assert_eq!(ran.asked[0].line, "GET /prefix/v1/instances/a%2Fb");
}

#[tokio::test]
async fn a_signal_by_key_uses_the_other_route() {
    let accepted = || vec![(202, json!({"accepted": true, "duplicate": false}))];
    let by_key = run("signal key:INV-1 paid {\"a\":1} --dedup d1", accepted()).await;
    assert_eq!(by_key.asked[0].line, "POST /prefix/v1/signals");
    let expected = json!({"correlation_key": "INV-1", "name": "paid", "payload": {"a": 1}, "dedup_key": "d1"});
    assert_eq!(by_key.asked[0].json(), expected);
    assert_eq!(by_key.out.text(), "paid sent to the holder of key INV-1\n");

    let by_id = run("signal 42 paid", accepted()).await;
    assert_eq!(by_id.asked[0].line, "POST /prefix/v1/instances/42/signals");
    assert_eq!(by_id.asked[0].json(), json!({"name": "paid"}));
}

#[tokio::test]
async fn cancel_sends_its_reason_and_an_instance_that_has_ended_is_a_conflict() {
    let cancelled = vec![(200, json!({"id": "42", "status": "cancelled"}))];
    let ran = run("cancel 42 --reason wrong", cancelled).await;
    assert_eq!(ran.end.unwrap(), Exit::Ok);
    assert_eq!(ran.asked[0].line, "POST /prefix/v1/instances/42/cancel");
    assert_eq!(ran.asked[0].json(), json!({"reason": "wrong"}));
    assert_eq!(ran.out.text(), "instance 42 is cancelled\n");

    let ended = json!({"status": "done", "code": "ended", "detail": "instance 42 is done already"});
    let error = run("cancel 42", vec![(409, ended)]).await.end.unwrap_err();
    assert_eq!((error.exit(), error.code()), (Exit::Refused, "ended"));
}

#[tokio::test]
async fn pause_and_resume_say_how_the_instance_stands_and_send_no_body() {
    let answer = |status: &str, held: bool| vec![(200, json!({"id": "42", "status": status, "held": held}))];
    let ran = run("pause 42", answer("awaiting_signal", true)).await;
    assert_eq!(ran.asked[0].line, "POST /prefix/v1/instances/42/pause");
    assert!(ran.asked[0].body.is_empty());
    assert_eq!(ran.out.text(), "instance 42 is held (awaiting_signal)\n");
    let ran = run("pause 42", answer("executing", true)).await;
    assert_eq!(ran.out.text(), "instance 42 is held; the step that runs now still commits\n");
    let ran = run("resume 42", answer("runnable", false)).await;
    assert_eq!(ran.asked[0].line, "POST /prefix/v1/instances/42/resume");
    assert_eq!(ran.out.text(), "instance 42 goes on (runnable)\n");
}

#[tokio::test]
async fn why_and_nodes_are_read_from_their_routes() {
    let why = json!({"id": "42", "word": "held", "sentence": "it is held", "hint": null, "reasons": []});
    let ran = run("why 42", vec![(200, why)]).await;
    assert_eq!(ran.asked[0].line, "GET /prefix/v1/instances/42/why");
    assert_eq!(ran.out.text(), "held: it is held\n");
    let nodes = json!({"items": [{"worker": "ab", "host": "h/1", "alive": true, "holds": 3}], "next": null});
    let ran = run("nodes", vec![(200, nodes)]).await;
    assert_eq!(ran.asked[0].line, "GET /prefix/v1/nodes");
    assert!(ran.out.text().contains("h/1"), "{}", ran.out.text());
}

fn logged(claims: &[u64]) -> (u16, Value) {
    let item = |claim: &u64| {
        json!({"claim": claim, "visit": 0, "attempt": 0, "step": "ship", "version": 1, "at": "T",
            "lines": [{"level": "info", "message": format!("line {claim}")}]})
    };
    (200, json!({"items": claims.iter().map(item).collect::<Vec<_>>(), "next": null}))
}

#[tokio::test]
async fn logs_are_followed_from_the_last_claim_until_the_instance_has_ended_and_nothing_more_comes() {
    let busy = || (200, instance("awaiting_signal"));
    let done = || (200, instance("done"));
    let answers = vec![busy(), logged(&[1, 3]), busy(), logged(&[]), done(), logged(&[7]), done(), logged(&[])];
    let ran = run("logs 42 -f", answers).await;
    assert_eq!(ran.end.unwrap(), Exit::Ok);
    let reads: Vec<_> =
        ran.asked.iter().map(|asked| asked.line.as_str()).filter(|line| line.contains("logs")).collect();
    let read = |more: &str| format!("GET /prefix/v1/instances/42/logs?limit=200{more}");
    assert_eq!(reads, [read(""), read("&cursor=3"), read("&cursor=3"), read("&cursor=7")]);
    assert_eq!(ran.out.text().matches("line ").count(), 3, "{}", ran.out.text());

    let answers = vec![done(), logged(&[1, 3]), done(), logged(&[])];
    let ran = run("logs 42 -f -o json", answers).await;
    let claims: Vec<Value> =
        ran.out.text().lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["claim"].clone()).collect();
    assert_eq!(claims, [json!(1), json!(3)]);
}

#[tokio::test]
async fn a_page_of_logs_is_the_document_as_it_came() {
    let ran = run("logs 42 -o json --limit 5 --cursor 9", vec![logged(&[12])]).await;
    assert_eq!(ran.asked[0].line, "GET /prefix/v1/instances/42/logs?limit=5&cursor=9");
    assert_eq!(serde_json::from_str::<Value>(&ran.out.text()).unwrap(), logged(&[12]).1);
    let ran = run("logs 42", vec![logged(&[])]).await;
    assert_eq!((&*ran.out.text(), &*ran.err.text()), ("", "nothing was logged\n"));
}

#[tokio::test]
async fn completions_need_no_server() {
    for shell in ["bash", "zsh", "fish"] {
        let (end, out, _) = verb(&format!("gd-host completions {shell}")).await;
        assert_eq!(end.unwrap(), Exit::Ok);
        assert!(out.text().contains("resume"), "{shell}");
    }
}

#[tokio::test]
async fn deploy_says_which_version_it_became_and_warns_on_stderr() {
    let path = std::env::temp_dir().join(format!("gd-fake-{}.wasm", std::process::id()));
    std::fs::write(&path, vec![7; 2048]).unwrap();
    let answer = |status, created| {
        vec![(
            status,
            json!({"fsm": "billing", "version": 1, "digest": "sha256:abcdef1234567890", "created": created,
            "imports": [], "warnings": ["imports wasi:filesystem, which is denied"]}),
        )]
    };
    let ran = run(&format!("deploy {}", path.display()), answer(201, true)).await;
    assert_eq!(ran.out.text(), "billing version 1 deployed (sha256:abcdef123456…, 2 KiB)\n");
    assert_eq!(ran.err.text(), "warning: imports wasi:filesystem, which is denied\n");
    assert_eq!(ran.asked[0].body.len(), 2048);
    let again = run(&format!("deploy {}", path.display()), answer(200, false)).await;
    assert_eq!(again.out.text(), "billing version 1 is already deployed\n");
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn a_server_that_is_something_else_is_named_so() {
    let ran = run("versions", vec![(502, json!("bad gateway"))]).await;
    let error = ran.end.unwrap_err();
    assert_eq!((error.exit(), error.code()), (Exit::Failed, "unexpected-answer"));
    assert!(error.to_string().contains("/prefix answered with status 502"), "{error}");
}

#[tokio::test]
async fn no_server_gives_exit_code_5_and_the_command_that_starts_one() {
    // Bound and dropped: nothing listens on this port now.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let (end, _, _) = verb(&format!("gd-host --url http://127.0.0.1:{port} list")).await;
    let error = end.unwrap_err();
    assert_eq!((error.exit(), error.code()), (Exit::Unreachable, "unreachable"));
    assert!(error.to_string().contains(&format!("http://127.0.0.1:{port}:")), "{error}");
    assert!(error.hint().unwrap().contains("gd-host dev"));
}

#[tokio::test]
async fn wrong_json_sends_nothing() {
    let (end, _, _) = verb("gd-host start billing --state {oops").await;
    assert_eq!(end.unwrap_err().exit(), Exit::Usage);
}

#[tokio::test]
async fn version_needs_no_server() {
    let (end, out, _) = verb("gd-host version -o json").await;
    assert_eq!(end.unwrap(), Exit::Ok);
    assert_eq!(serde_json::from_str::<Value>(&out.text()).unwrap()["name"], "gd-host");
}
