//! What the tests of the catalogue share: rows as they stand in the database, and instances stopped at a point of interest.

use gd_core::{InstanceId, Status};
use gd_host::host::Start;
use gd_tests::{Api, Instance, TestHost, eventually};
use serde_json::{Value, json};

/// What the host does not show of a live instance.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Row {
    pub(super) owner: Option<i64>,
    pub(super) rate_limit: Option<String>,
    pub(super) weight: i32,
}

/// The row of a live instance.
pub(super) async fn row(host: &TestHost, id: InstanceId) -> Row {
    sqlx::query_as("select owner, rate_limit, weight from gd.instance where id = $1")
        .bind(id.0)
        .fetch_one(host.database.pool())
        .await
        .expect("the instance lives")
}

/// The start of a probe with this plan, and this one for its handler.
pub(super) fn handled(plan: Value, on_fault: Value) -> Start {
    TestHost::probe(json!({ "plan": plan, "on_fault": on_fault }))
}

/// The start of the `liar`, which does what the first byte of its state says.
pub(super) fn liar(state: &str) -> Start {
    Start { fsm: "liar".into(), state: Some(state.into()), ..Start::default() }
}

/// Waits until the instance stands so.
pub(super) async fn when(host: &TestHost, id: InstanceId, so: impl Fn(&Instance) -> bool) -> Instance {
    eventually("the instance stands as expected", async || Some(host.get(id).await).filter(&so)).await
}

/// Waits until an attempt of this number executes.
pub(super) async fn executes(host: &TestHost, id: InstanceId, attempt: u32) {
    when(host, id, |instance| instance.status == Status::Executing && instance.attempt == attempt).await;
}

/// Pauses an instance while it executes: as it stands once the step has committed, or its worker was declared dead.
pub(super) async fn paused_after_the_step(host: &TestHost, id: InstanceId) -> Instance {
    host.host.pause(host.tenant, id).await.expect("it lives");
    when(host, id, |instance| instance.status != Status::Executing).await
}

/// Pauses an instance.
pub(super) async fn pause(host: &TestHost, id: InstanceId) {
    host.host.pause(host.tenant, id).await.expect("it lives");
}

/// Lets a paused instance go on.
pub(super) async fn resume(host: &TestHost, id: InstanceId) {
    host.host.resume(host.tenant, id).await.expect("it lives");
}

/// Has every worker declared dead, as another host's recovery would after their leases.
pub(super) async fn declare_workers_dead(host: &TestHost) {
    host.database.execute("update gd.worker set dead = true").await;
}

/// The sum of every metric whose line begins so.
pub(super) async fn metric(api: &Api, beginning: &str) -> f64 {
    let text = api.get("/metrics").await.text;
    let lines = text.lines().filter(|line| line.starts_with(beginning));
    lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// Claims of an instance's history, oldest first.
pub(super) async fn claims(host: &TestHost, id: InstanceId) -> Vec<i64> {
    host.history(id).await.iter().map(|attempt| attempt.claim).collect()
}

/// One number out of the database, about this instance.
pub(super) async fn number(host: &TestHost, sql: &'static str, id: InstanceId) -> i64 {
    sqlx::query_scalar(sql)
        .bind(id.0)
        .fetch_one(host.database.pool())
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The status of a live instance as it stands in its row: 4 waits for a slot, 5 for tokens.
pub(super) async fn status(host: &TestHost, id: InstanceId) -> i64 {
    number(host, "select status::bigint from gd.instance where id = $1", id).await
}

/// Children that live, of a parent that lives or not.
pub(super) async fn living_children(host: &TestHost, parent: InstanceId) -> Vec<InstanceId> {
    let ids: Vec<i64> =
        sqlx::query_scalar("select id from gd.instance where parent = $1 order by child_round, child_index")
            .bind(parent.0)
            .fetch_all(host.database.pool())
            .await
            .expect("the children can be read");
    ids.into_iter().map(InstanceId).collect()
}

/// Starts these as effects of one step of a probe; their ids in their order.
pub(super) async fn emitted(host: &TestHost, specs: Vec<Value>) -> Vec<InstanceId> {
    let notes = host.run(json!([{ "do": "emit", "start": specs }])).await.notes();
    let results = notes[1]["effects"].as_array().expect("every effect has a result");
    results.iter().map(|result| in_quotes(result.as_str().expect("a text"))).collect()
}

/// The id of what an effect came to: `0: Started("17")`.
pub(super) fn in_quotes(result: &str) -> InstanceId {
    let id = result.split('"').nth(1).and_then(|id| id.parse().ok());
    id.unwrap_or_else(|| panic!("{result} names no instance"))
}
