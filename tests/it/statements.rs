//! How Postgres carries out every statement: by index, whatever the planner believes of the tables.

use std::fmt::Write;
use std::path::PathBuf;

use expect_test::expect_file;
use gd_host::store::Store;
use gd_tests::{TestDatabase, repository};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

/// The major version that the plans were pinned on; another one words them differently.
const PINNED_ON: i32 = 15;
/// What the engine's connections run with.
const SETTINGS: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// One partition is as good as nine, and its name is of no interest.
const ONE_PARTITION: &str = "do $$ declare name text; begin
    for name in select inhrelid::regclass::text from pg_inherits join pg_class on pg_class.oid = inhrelid
        where relkind = 'r' and inhparent::regclass::text in ('gd.attempt', 'gd.attempt_log', 'gd.attempt_input', 'gd.finished')
        and inhrelid::regclass::text !~ to_char(now() at time zone 'utc', 'YYYYMMDD')
    loop execute 'drop table ' || name; end loop;
end $$";

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_runs_with_the_settings_that_its_plans_are_pinned_with() {
    let database = TestDatabase::migrated().await;
    let store = Store::connect(database.url(), 1).await.unwrap();
    let mut flusher = store.flush_connection().await.unwrap();
    for (name, value) in SETTINGS {
        let stands: String =
            sqlx::query_scalar("select current_setting($1)").bind(name).fetch_one(&mut flusher).await.unwrap();
        assert_eq!(stands, value, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_goes_by_index() {
    let database = TestDatabase::migrated().await;
    database.execute(ONE_PARTITION).await;
    // Whether the server has come to do so by itself is a matter of time.
    database.execute("analyze pg_catalog.pg_class, pg_catalog.pg_namespace, pg_catalog.pg_inherits").await;
    let mut session = PgConnection::connect(database.url()).await.unwrap();
    set(&mut session).await;
    let mut plans = String::new();
    for file in statements() {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let plan = plan(&mut session, &std::fs::read_to_string(&file).unwrap()).await;
        for table in
            ["instance", "signal", "signal_dedup", "attempt", "attempt_log", "attempt_input", "finished", "identity"]
        {
            let scan = plan.lines().find(|line| line.contains("Seq Scan on ") && scans(line, table));
            assert_eq!(scan, None, "{name} reads all of gd.{table}:\n{plan}");
        }
        writeln!(plans, "-- {name}\n{plan}").unwrap();
    }
    let version: String = sqlx::query_scalar("show server_version_num").fetch_one(&mut session).await.unwrap();
    if version.parse::<i32>().unwrap() / 10_000 == PINNED_ON {
        expect_file!["plans.txt"].assert_eq(&plans);
    }
}

/// Statements that a busy host sends all the time, with what they touch looked up row by row.
const HOT: [&str; 7] =
    ["claim", "commit_ends", "commit_moves", "commit_plain", "consume_signals", "read_inbox", "start"];

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_was_made_while_the_tables_were_empty_looks_each_row_up_too() {
    let database = TestDatabase::migrated().await;
    database.execute(ONE_PARTITION).await;
    let mut session = PgConnection::connect(database.url()).await.unwrap();
    set(&mut session).await;
    // Now the planner knows for sure that there is nothing, and finds a walk through all of an index as good as a look-up.
    for table in ["instance", "signal", "identity", "child_outcome"] {
        sqlx::raw_sql(AssertSqlSafe(format!("vacuum analyze gd.{table}"))).execute(&mut session).await.unwrap();
    }
    for name in HOT {
        let file = repository().join(format!("host/src/store/sql/{name}.sql"));
        let plan = plan(&mut session, &std::fs::read_to_string(file).unwrap()).await;
        let lines: Vec<&str> = plan.lines().map(str::trim).collect();
        for pair in lines.windows(2).filter(|pair| pair[0].contains("Scan using ")) {
            assert!(pair[1].starts_with("Index Cond"), "{name} walks through an index: {}\n{plan}", pair[0]);
        }
    }
}

/// What `explain` does not show: the plan of what a hot statement calls.
#[tokio::test(flavor = "multi_thread")]
async fn the_function_that_clears_inboxes_goes_by_index() {
    let database = TestDatabase::migrated().await;
    let mut session = PgConnection::connect(database.url()).await.unwrap();
    set(&mut session).await;
    let source = "select prosrc from pg_proc where oid = 'gd.clear_inboxes'::regproc";
    let source: String = sqlx::query_scalar(source).fetch_one(&mut session).await.unwrap();
    let delete = source.lines().find(|line| line.trim().starts_with("delete")).unwrap();
    let delete = delete.trim().trim_end_matches(';').replace("any(ended)", "any($1::bigint[])");
    let plan = plan(&mut session, &delete).await;
    assert!(plan.contains("Index Scan on signal_pkey") && !plan.contains("Seq Scan"), "{plan}");
}

/// Whether a line of a plan speaks of this table, or of a partition of it.
fn scans(line: &str, table: &str) -> bool {
    let name = line.split("Seq Scan on ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    name == table || name.strip_prefix(table).is_some_and(|day| day.starts_with("_DAY"))
}

fn statements() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository().join("host/src/store/sql")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The generic plan of a statement.
async fn plan(session: &mut PgConnection, statement: &str) -> String {
    sqlx::raw_sql(AssertSqlSafe(format!("deallocate all; prepare statement as {statement}")))
        .execute(&mut *session)
        .await
        .unwrap();
    let count = "select coalesce(cardinality(parameter_types), 0) from pg_prepared_statements where name = 'statement'";
    let parameters: i32 = sqlx::raw_sql(count).fetch_one(&mut *session).await.unwrap().get(0);
    let nulls = vec!["null"; usize::try_from(parameters).unwrap()].join(", ");
    let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    let explain = format!("explain (costs off) execute statement{arguments}");
    let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut *session).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| undated(row.get(0))).collect();
    lines.join("\n") + "\n"
}

/// Names of partitions without their day.
fn undated(line: &str) -> String {
    let mut shown = line.to_owned();
    for table in ["attempt_", "attempt_log_", "attempt_input_", "finished_"] {
        let mut from = 0;
        while let Some(at) = shown[from..].find(table).map(|at| from + at + table.len()) {
            let digits = shown[at..].chars().take_while(char::is_ascii_digit).count();
            if digits == 8 {
                shown.replace_range(at..at + digits, "DAY");
            }
            from = at;
        }
    }
    shown
}

/// Sets a session as the engine's are, with plans that the number of cores has no say in.
async fn set(session: &mut PgConnection) {
    for (name, value) in SETTINGS.into_iter().chain([("max_parallel_workers_per_gather", "0")]) {
        let set = AssertSqlSafe(format!("set {name} = {value}"));
        sqlx::raw_sql(set).execute(&mut *session).await.unwrap();
    }
}
