//! What the server's own count of statements (`pg_stat_statements`) tells about the host's.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::Error;
use super::psql::Session;
use super::server::Server;

/// Statements that a report shows.
const SHOWN: usize = 10;
/// Characters of a statement that tell it from all others.
const HEAD: usize = 100;
/// Characters that stand for a statement without a name.
const NAME: usize = 60;
/// What stands for the end of a line in the text of a statement, which is read as one line.
const LINE: char = '\u{1f}';

/// Statements that a host under load sends, by the names of their files.
macro_rules! files {
    ($($name:literal)+) => { [$(($name, include_str!(concat!("../store/sql/", $name)))),+] };
}
const FILES: &[(&str, &str)] = &files!(
    "beat.sql" "claim.sql" "commit_ends.sql" "commit_moves.sql" "commit_plain.sql" "consume_signals.sql" "find_route.sql" "get_instance.sql"
    "lock_claimed.sql" "owned_claims.sql" "read_inbox.sql" "read_status.sql" "record_attempts.sql" "scan_buckets.sql" "scan_lanes.sql" "start.sql"
    "take_back_reservations.sql" "waiting_keys.sql"
);

/// What was counted of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    calls: f64,
    rows: f64,
    ms: f64,
    wal_bytes: f64,
}

/// The counts of a database, taken before and after each burst. The bench's own sessions are not in them.
pub(super) struct Statements {
    session: Session,
    before: HashMap<String, Counts>,
    sums: HashMap<String, Counts>,
    steps: f64,
}

impl Statements {
    /// Has the server count what is done in this database, but for what this session and `other` do.
    pub(super) async fn open(server: &Server, other: &mut Session, database: &str) -> Result<Self, Error> {
        let mut session = Session::open(server, database).await?;
        if session
            .ask("show shared_preload_libraries")
            .await?
            .split(',')
            .all(|name| name.trim() != "pg_stat_statements")
        {
            return Err(Error::NoStatements);
        }
        session.ask("create extension if not exists pg_stat_statements").await?;
        for session in [&mut session, other] {
            session.ask("set pg_stat_statements.track = 'none'").await?;
        }
        Ok(Self { session, before: HashMap::new(), sums: HashMap::new(), steps: 0.0 })
    }

    /// Looks before a burst.
    pub(super) async fn before(&mut self) -> Result<(), Error> {
        self.before = counts(&mut self.session).await?;
        Ok(())
    }

    /// Looks after a burst of so many steps: the statements that it took, all together.
    pub(super) async fn after(&mut self, steps: f64) -> Result<f64, Error> {
        let mut sent = 0.0;
        for (text, after) in counts(&mut self.session).await? {
            let grown = after.minus(self.before.get(&text).copied().unwrap_or_default());
            sent += grown.calls;
            let sum = self.sums.entry(text).or_default();
            *sum = sum.plus(grown);
        }
        self.steps += steps;
        Ok(sent)
    }

    /// Begins anew: what was counted so far was to warm up.
    pub(super) fn forget(&mut self) {
        self.sums.clear();
        self.steps = 0.0;
    }

    /// The dearest statements first.
    pub(super) fn dearest(&self) -> Vec<Statement> {
        let statement = |(text, counts): (&String, &Counts)| {
            let Counts { calls, rows, ms, wal_bytes } = *counts;
            Statement {
                name: name(text),
                calls,
                rows_each: rows / calls,
                ms_each: ms / calls,
                us_per_step: ms * 1_000.0 / self.steps,
                wal_bytes_per_step: wal_bytes / self.steps,
            }
        };
        let mut all: Vec<Statement> =
            self.sums.iter().filter(|(_, counts)| counts.calls > 0.0).map(statement).collect();
        all.sort_by(|one, other| other.us_per_step.total_cmp(&one.us_per_step));
        all.truncate(SHOWN);
        all
    }
}

/// A statement in a report. Its times are those of its execution, on the wall.
pub(super) struct Statement {
    /// Its file, or how it begins.
    pub(super) name: String,
    /// How often it was sent in all rounds.
    pub(super) calls: f64,
    pub(super) rows_each: f64,
    pub(super) ms_each: f64,
    pub(super) us_per_step: f64,
    pub(super) wal_bytes_per_step: f64,
}

impl Statement {
    pub(super) fn json(&self) -> Value {
        let [rows_each, ms_each, us_per_step, wal_bytes_per_step] =
            [self.rows_each, self.ms_each, self.us_per_step, self.wal_bytes_per_step].map(super::report::rounded);
        json!({
            "statement": self.name,
            "calls": self.calls,
            "rows_each": rows_each,
            "ms_each": ms_each,
            "us_per_step": us_per_step,
            "wal_bytes_per_step": wal_bytes_per_step,
        })
    }
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        let Self { calls, rows, ms, wal_bytes } = other;
        Self {
            calls: self.calls + calls,
            rows: self.rows + rows,
            ms: self.ms + ms,
            wal_bytes: self.wal_bytes + wal_bytes,
        }
    }

    fn minus(self, other: Self) -> Self {
        let Self { calls, rows, ms, wal_bytes } = other;
        self.plus(Self { calls: -calls, rows: -rows, ms: -ms, wal_bytes: -wal_bytes })
    }
}

/// The counts of this database by the text of the statement.
async fn counts(session: &mut Session) -> Result<HashMap<String, Counts>, Error> {
    let sql = "select sum(calls), sum(rows), sum(total_exec_time), sum(wal_bytes), replace(query, E'\\n', E'\\x1f') \
               from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database()) \
               group by query";
    let answer = session.ask(sql).await?;
    let row = |line: &str| -> Option<(String, Counts)> {
        let fields: Vec<&str> = line.splitn(5, '|').collect();
        let [calls, rows, ms, wal_bytes, text] = fields.try_into().ok()?;
        let [calls, rows, ms, wal_bytes] = [calls, rows, ms, wal_bytes].map(|field| field.parse().unwrap_or_default());
        Some((text.to_owned(), Counts { calls, rows, ms, wal_bytes }))
    };
    Ok(answer.lines().filter_map(row).collect())
}

/// The name of a statement's file, or how the statement begins.
fn name(text: &str) -> String {
    let code = code(text);
    match FILES.iter().find(|(_, file)| head(&self::code(file)) == head(&code)) {
        Some((name, _)) => (*name).to_owned(),
        None => code.chars().take(NAME).collect(),
    }
}

/// A statement without its comments, on one line.
fn code(text: &str) -> String {
    let lines = text.split(['\n', LINE]).filter(|line| !line.trim_start().starts_with("--"));
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// How it begins, up to the first constant: the server puts a parameter in the place of each, and counts what is extracted as one.
fn head(code: &str) -> String {
    let constant = ["'", "extract("].into_iter().filter_map(|mark| code.find(mark)).min();
    code[..constant.unwrap_or(code.len())].chars().take(HEAD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_known_by_its_head_with_and_without_comments() {
        for (file, text) in FILES {
            let counted = text.replace('\n', "\u{1f}");
            assert_eq!(name(&counted), *file);
            assert_eq!(name(&code(text).replace("extract(epoch ", "extract($9 ")), *file);
        }
        assert_eq!(name("begin"), "begin");
        assert_eq!(name(&format!("-- why\u{1f}select {}", "x".repeat(99))).len(), NAME);
    }

    #[test]
    fn the_dearest_statement_comes_first() {
        let counts = |calls: f64, ms: f64| Counts { calls, rows: calls * 3.0, ms, wal_bytes: 50.0 };
        let grown = counts(5.0, 9.0).minus(counts(1.0, 1.0));
        assert_eq!(grown, Counts { calls: 4.0, rows: 12.0, ms: 8.0, wal_bytes: 0.0 });
        assert_eq!(counts(1.0, 2.0).plus(counts(2.0, 3.0)).calls, 3.0);
    }
}
