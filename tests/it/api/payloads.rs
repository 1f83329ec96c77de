//! Payloads come back to the letter.

use super::served;

/// JSON that a parser would not give back: digits, spaces, escapes, order and repetition of keys.
const ODD: &str = r#"{ "plan" : [{"do":"await","names":["go"]}], "z": 12345678901234567890123.00010, "a":1E+2,"a":1.0,"é":"\u00e9\n" }"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_shown_as_it_was_sent() {
    let (_host, api) = served().await;
    let body = format!(r#"{{"fsm":"probe","schedule_in_ms":3600000,"state":{ODD}}}"#);
    let started = api.post("/v1/instances", body).await;
    let id = started.json()["id"].as_str().unwrap().to_owned();
    let shown = api.get(&format!("/v1/instances/{id}")).await.text;
    assert!(shown.contains(&format!(r#""state":{ODD}"#)), "{shown}");
    let waited = api.get(&format!("/v1/instances/{id}/wait?timeout_ms=0")).await.text;
    assert!(waited.contains(&format!(r#""state":{ODD}"#)), "{waited}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_json_travel_as_base64() {
    let (host, api) = served().await;
    let body = r#"{"fsm":"probe","schedule_in_ms":3600000,"state":{"base64":"AP8="}}"#;
    let id = api.post("/v1/instances", body).await.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(host.get(id.parse().unwrap()).await.0.state, [0, 255]);
    let shown = api.get(&format!("/v1/instances/{id}")).await.text;
    assert!(shown.contains(r#""state":{"base64":"AP8="}"#), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signals_payload_is_stored_to_the_letter() {
    let (host, api) = served().await;
    let id = host.plan(serde_json::json!([{ "do": "await", "names": ["never"] }])).await;
    for (payload, stored) in [(r#""x""#, r#""x""#), ("1.10", "1.10"), (r#"{"base64":"Z28="}"#, "go"), ("null", "null")]
    {
        let body = format!(r#"{{"name":"go","payload":{payload}}}"#);
        assert_eq!(api.post(&format!("/v1/instances/{id}/signals"), body).await.status, 202);
        let last: Vec<u8> = sqlx::query_scalar("select payload from gd.signal order by id desc limit 1")
            .fetch_one(host.database.pool())
            .await
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&last), stored);
    }
}
