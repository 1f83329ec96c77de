//! `gd-host doctor` says what is wrong before it hurts, and what to do.

use gd_tests::{HostProcess, Ran, TestDatabase, eventually, gd_host, scratch};
use serde_json::Value;

/// What is said of one check: its verdict and the rest of its line.
fn said<'a>(ran: &'a Ran, check: &str) -> (&'a str, &'a str) {
    let line = ran.stdout.lines().find(|line| line.get(6..).is_some_and(|rest| rest.starts_with(check)));
    let line = line.unwrap_or_else(|| panic!("nothing is said of {check}: {ran:?}"));
    (line[..6].trim(), &line[6..])
}

fn says(ran: &Ran, check: &str, verdict: &str, part: &str) {
    let (found, line) = said(ran, check);
    assert_eq!(found, verdict, "{line}");
    assert!(line.contains(part), "{part:?} is not in {line:?}");
}

async fn doctor(database: &TestDatabase) -> Ran {
    gd_host(&["doctor", "--database-url", database.url(), "--url", "http://127.0.0.1:1"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_well_gets_a_clean_bill() {
    let folder = scratch("doctor");
    let mut host = HostProcess::dev_in(&folder, &[]).await;
    let private = folder.join(".gd");
    let args = ["doctor", "--dir", private.to_str().unwrap(), "--url", host.url()];
    let well = eventually("the host has a worker", async || {
        let ran = gd_host(&args).await;
        (said(&ran, "workers").0 == "ok").then_some(ran)
    })
    .await;
    assert_eq!(well.code, 0, "{well:?}");
    assert!(well.stdout.lines().all(|line| line.starts_with("ok    ")), "{}", well.stdout);
    says(&well, "fsync", "ok", "on");
    says(&well, "wasmtime", "ok", "a component compiles in a child and runs");
    says(&well, "partitions", "ok", "days ahead");
    says(&well, "api", "ok", host.url());
    let document = gd_host(&[args.as_slice(), &["-o", "json"]].concat()).await;
    let document: Value = serde_json::from_str(&document.stdout).unwrap();
    assert_eq!(document["ok"], true);
    assert_eq!(document["checks"].as_array().unwrap().len(), well.stdout.lines().count());
    assert!(host.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_server_and_its_schema_is_said_with_what_to_do() {
    let empty = doctor(&TestDatabase::empty().await).await;
    assert_eq!(empty.code, 1);
    says(&empty, "database", "ok", "answers");
    says(&empty, "fsync", "fail", "a crash of the server loses what was acknowledged; switch it on");
    says(&empty, "schema", "fail", "run `gd-host migrate`");
    says(&empty, "api", "fail", "gd-host dev");
    assert!(!empty.stdout.contains("partitions"), "without a schema there is nothing to look at");

    let newer = TestDatabase::migrated().await;
    let sql = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'x', true, '', 0)";
    newer.execute(sql).await;
    says(&doctor(&newer).await, "schema", "fail", "use a newer gd-host");

    let nowhere = gd_host(&["doctor", "--database-url", "postgres://someone:hunter2@127.0.0.1:1/gd"]).await;
    assert_eq!(nowhere.code, 1);
    says(&nowhere, "database", "fail", "127.0.0.1:1/gd cannot be reached");
    assert!(!nowhere.stdout.contains("hunter2"), "{nowhere:?}");
    let none = gd_host(&["doctor", "--dir", "/no/such/folder"]).await;
    says(&none, "database", "warn", "--database-url");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_nobody_does_is_noticed() {
    let database = TestDatabase::migrated().await;
    let idle = doctor(&database).await;
    says(&idle, "workers", "warn", "start one with `gd-host serve`");
    says(&idle, "waiting work", "ok", "nothing is due");
    says(&idle, "timeouts", "ok", "no await is overdue");
    let setting = "insert into gd.fsm (tenant_id, name) values (1, 'x'); insert into gd.queue (name) values ('q')";
    database.execute(setting).await;
    let due = "insert into gd.instance (id, eligible_at, tenant_id, fsm_id, queue_id, version, step)
               select n, now() - n * interval '1 minute', 1, 1, 1, 1, 's' from generate_series(1, 3) n";
    database.execute(due).await;
    let parked =
        "insert into gd.instance (id, tenant_id, fsm_id, queue_id, version, step, status, awaits, await_deadline)
                  values (9, 1, 1, 1, 1, 's', 2, '{go}', now() - interval '1 minute')";
    database.execute(parked).await;
    let worker = "insert into gd.worker (id, host, expires_at, beat_at)
                  values (1, 'h', now() + interval '1 minute', now() - interval '20 s')";
    database.execute(worker).await;
    let neglected = doctor(&database).await;
    says(&neglected, "waiting work", "warn", "instance 3 has been due for 180 s; see `gd-host why 3`");
    says(&neglected, "timeouts", "warn", "1 awaits have been overdue");
    says(&neglected, "workers", "warn", "1 of them silent");
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_run_out_are_noticed() {
    let database = TestDatabase::migrated().await;
    let drop = "do $$ begin execute format('drop table gd.attempt_log_%s',
                to_char((now() at time zone 'utc')::date + 2, 'YYYYMMDD')); end $$";
    database.execute(drop).await;
    says(&doctor(&database).await, "partitions", "warn", "made for 1 days ahead only");
    let drop = "do $$ begin execute format('drop table gd.finished_%s',
                to_char((now() at time zone 'utc')::date, 'YYYYMMDD')); end $$";
    database.execute(drop).await;
    says(&doctor(&database).await, "partitions", "fail", "none for today");
}
