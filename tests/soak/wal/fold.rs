//! Plays the log forward, and holds what every commit leaves to the promises.

use std::collections::HashMap;

use gd_core::Status;
use serde_json::Value;

use super::buckets::{Buckets, Row as BucketRow};
use super::decode::{Change, Line, Verb};
use super::keys::Keys;
use super::row::Row;
use super::told::Told;

/// The first commits that break a promise are told; later ones follow from them as a rule.
const TOLD_MAX: usize = 20;

/// Everything that the log has said so far.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    rows: HashMap<i64, Row>,
    keys: Keys,
    buckets: Buckets,
    /// Changes of the transaction that is being read.
    transaction: Vec<Change>,
    /// The end of the last transaction: what a restarted reader is told again.
    read_to: u64,
    told: Told,
}

impl Fold {
    /// One line, with the position that comes with it: of a commit the end of its transaction.
    ///
    /// # Errors
    /// When it is not understood.
    pub(crate) fn read(&mut self, position: u64, line: &str) -> anyhow::Result<()> {
        match Line::parse(line)? {
            Line::Begin => self.transaction.clear(),
            Line::Change(change) => self.transaction.push(change),
            Line::Commit { .. } if position <= self.read_to => self.transaction.clear(),
            Line::Commit { at_us } => {
                for change in std::mem::take(&mut self.transaction) {
                    self.apply(&change)?;
                }
                self.read_to = position;
                self.told.commits += 1;
                let broken = self.keys.commit().into_iter().chain(self.buckets.commit(at_us));
                for broken in broken.collect::<Vec<_>>() {
                    self.complain(format!("after the commit that ends at {}: {broken}", lsn(position)));
                }
            }
        }
        Ok(())
    }

    fn apply(&mut self, change: &Change) -> anyhow::Result<()> {
        match (change.table.as_str(), change.verb) {
            ("gd.instance", Verb::Delete) => {
                let id = change.number("id")?;
                if !self.rows.contains_key(&id) {
                    self.complain(format!("instance {id} ends, and was never begun"));
                }
                self.change(id, None);
            }
            ("gd.instance", Verb::Insert | Verb::Update) => {
                if let Some(label) = label(change) {
                    *self.told.births.entry(label).or_default() += 1;
                }
                let id = change.number("id")?;
                if (change.verb == Verb::Insert) == self.rows.contains_key(&id) {
                    self.complain(format!("instance {id} is begun twice, or written and never begun"));
                }
                self.change(id, Some(Row::of(change)?));
            }
            ("gd.bucket", Verb::Insert | Verb::Update) => {
                let row = BucketRow { level: change.number("level")?, at_us: change.time("refilled_at")? };
                self.buckets.write(change.get("key").unwrap_or_default(), row);
            }
            ("gd.signal", Verb::Insert) => {
                if let Some(token) = json(change, "payload").and_then(|payload| payload.as_str().map(str::to_owned)) {
                    *self.told.arrivals.entry(token).or_default() += 1;
                }
            }
            // A bucket is swept once it is full again; what it is then is what it would be.
            _ => {}
        }
        Ok(())
    }

    /// A row as it was becomes a row as it is.
    fn change(&mut self, id: i64, now: Option<Row>) {
        let before = match &now {
            Some(row) => self.rows.insert(id, row.clone()),
            None => self.rows.remove(&id),
        };
        let (held, holds) = (before.as_ref().and_then(Row::held), now.as_ref().and_then(Row::held));
        if held != holds {
            held.into_iter().for_each(|key| self.keys.let_go(id, key));
            holds.into_iter().for_each(|key| self.keys.take(id, key));
            self.told.slots_taken += u64::from(holds.is_some());
        }
        let Some(now) = now else { return };
        self.told.waits_for_slots +=
            u64::from(now.status == Status::WANTS_SLOT && before.as_ref().is_none_or(|row| row.status != now.status));
        if let (true, Some(bucket)) = (before.as_ref().is_some_and(|before| now.granted_to(before)), &now.bucket) {
            self.buckets.grant(bucket, now.weight);
        } else if now.unpaid_after(before.as_ref()) {
            self.complain(format!("instance {id} is to run, and has not paid: {now:?} after {before:?}"));
        }
        let awaiting = Status::AwaitingChildren.code();
        if before.is_some_and(|before| before.status == awaiting) && now.status != awaiting {
            self.told.joins += 1;
            if now.pending != 0 {
                self.complain(format!("parent {id} wakes while {} of its children live", now.pending));
            }
        }
    }

    fn complain(&mut self, what: String) {
        if self.told.broken.len() < TOLD_MAX {
            self.told.broken.push(format!("the log: {what}"));
        }
    }

    /// What it all comes to.
    pub(crate) fn told(&self) -> Told {
        Told {
            slots_full: self.keys.full,
            holders_max: self.keys.highest.clone(),
            grants: self.buckets.grants,
            tokens: self.buckets.tokens.unsigned_abs(),
            living: self.rows.len() as u64,
            least_left: self.buckets.least.unwrap_or_default().max(0).unsigned_abs(),
            grant_us_max: self.buckets.late_us_max.unsigned_abs(),
            ..self.told.clone()
        }
    }
}

/// A position as Postgres prints it.
fn lsn(position: u64) -> String {
    format!("{:X}/{:X}", position >> 32, position & 0xFFFF_FFFF)
}

/// The label in the state of an instance that begins.
fn label(change: &Change) -> Option<String> {
    let state = (change.verb == Verb::Insert).then(|| json(change, "state"))??;
    crate::story::label_in(&state).map(str::to_owned)
}

/// The JSON in a column of bytes.
fn json(change: &Change, column: &str) -> Option<Value> {
    let digits = change.get(column)?.strip_prefix("\\x")?;
    let byte = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect::<Option<_>>()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;

    const PLAIN: &str = "awaits[text[]]:null held[boolean]:false pending[integer]:0";

    /// A row of gd.instance as the log prints it.
    fn row(id: i64, status: i16, claim: i64, key: Option<(&str, Option<i64>)>, bucket: Option<(&str, i64)>) -> String {
        let text = |text: Option<&str>| text.map_or("null".to_owned(), |text| format!("'{text}'"));
        let slot = key.and_then(|(_, slot)| slot).map_or("null".to_owned(), |slot| slot.to_string());
        let (key, weight) = (text(key.map(|(key, _)| key)), bucket.map_or(1, |(_, weight)| weight));
        format!(
            "table gd.instance: UPDATE: id[bigint]:{id} status[smallint]:{status} claim[bigint]:{claim} {PLAIN} \
             concurrency_key[text]:{key} slot[smallint]:{slot} rate_limit[text]:{} weight[integer]:{weight}",
            text(bucket.map(|(bucket, _)| bucket))
        )
    }

    fn holds(id: i64, key: &str, slot: Option<i64>) -> String {
        row(id, 0, 1, Some((key, slot)), None)
    }

    fn ends(id: i64) -> String {
        format!("table gd.instance: DELETE: id[bigint]:{id}")
    }

    /// A bucket that was filled so many milliseconds after the first moment.
    fn bucket(key: &str, level: i64, at_ms: i64) -> String {
        format!(
            "table gd.bucket: UPDATE: tenant_id[integer]:1 key[text]:'{key}' level[bigint]:{level} \
             refilled_at[timestamp with time zone]:'2026-01-01 00:00:{:02}.{:03}+00'",
            at_ms / 1_000,
            at_ms % 1_000
        )
    }

    /// A grant of so many tokens to a new instance, with what is left in the bucket.
    fn grant(id: i64, key: &str, tokens: i64, left: i64, at_ms: i64) -> Vec<Vec<String>> {
        let wants = vec![row(id, 5, 0, None, Some((key, tokens)))];
        vec![wants, vec![row(id, 1, 1, None, Some((key, tokens))), bucket(key, left, at_ms)]]
    }

    /// Plays these transactions. Each is committed at the time in its first row of a bucket, or else at the first moment.
    fn play(transactions: &[Vec<String>]) -> Told {
        let mut fold = Fold::default();
        let mut begun = HashSet::new();
        for (number, transaction) in (1..).zip(transactions) {
            let at =
                transaction.iter().find_map(|line| Some(line.split_once("time zone]:'")?.1.trim_end_matches('\'')));
            fold.read(number, "BEGIN 7").unwrap();
            for line in transaction {
                let id = line.split_once("id[bigint]:").and_then(|(_, id)| id.split(' ').next());
                let first = line.contains("gd.instance") && begun.insert(id);
                let line = if first { line.replace("UPDATE", "INSERT") } else { line.clone() };
                fold.read(number, &line).unwrap();
            }
            fold.read(number, &format!("COMMIT 7 (at {})", at.unwrap_or("2026-01-01 00:00:00+00"))).unwrap();
        }
        fold.told()
    }

    /// What is wrong with these transactions.
    fn broken(transactions: &[Vec<String>]) -> Vec<String> {
        play(transactions).broken
    }

    #[test]
    fn a_key_has_no_more_holders_than_slots_after_any_commit() {
        let (one, two, three) = (holds(1, "pair:a", Some(0)), holds(2, "pair:a", Some(1)), holds(3, "pair:a", Some(2)));
        let full = [vec![one.clone()], vec![two.clone()]];
        let told = play(&full);
        assert_eq!((told.broken, told.holders_max, told.slots_full), (vec![], BTreeMap::from([(2, 2)]), 1));
        assert_eq!(broken(&[full.to_vec(), vec![vec![three.clone()]]].concat()).len(), 1);
        for lets_go in [ends(1), holds(1, "pair:a", None), holds(1, "pair:b", Some(0))] {
            // In one commit it changes hands, in whatever order the rows are written.
            for order in [vec![lets_go.clone(), three.clone()], vec![three.clone(), lets_go.clone()]] {
                assert_eq!(broken(&[full.to_vec(), vec![order]].concat()), Vec::<String>::new());
            }
            let late = [full.to_vec(), vec![vec![three.clone()], vec![lets_go]]].concat();
            assert_eq!(broken(&late).len(), 1, "between two commits there were three");
        }
        assert_eq!(broken(&[vec![holds(1, "solo:a", Some(0))], vec![holds(2, "solo:a", Some(7))]]).len(), 1);
        let executing = |id| row(id, 1, 1, Some(("plain", None)), None);
        assert_eq!(
            broken(&[vec![executing(1), executing(2)]]).len(),
            1,
            "who executes holds it, whatever its row says"
        );
    }

    #[test]
    fn no_window_grants_more_than_its_burst_and_what_it_earns() {
        const T: i64 = 1_000_000;
        // Six at once and fifteen a second.
        let full = grant(1, "drip:a", 6, 0, 0);
        let told = play(&full);
        assert_eq!((told.broken, told.grants, told.tokens, told.least_left), (vec![], 1, 6, 0));
        let then = |tokens, left, at_ms| broken(&[full.clone(), grant(2, "drip:a", tokens, left, at_ms)].concat());
        assert_eq!(then(3, 0, 200), Vec::<String>::new());
        assert_eq!(then(3, 0, 199).len(), 1, "a millisecond early");
        assert_eq!(then(3, T + 1, 266).len(), 1, "its row says that it has more than it may");
        assert_eq!(then(6, 0, 30_000), Vec::<String>::new());
        assert_eq!(then(7, 0, 30_000).len(), 1, "it never holds more than the burst");
        let made = |level| broken(&[vec![bucket("drip:c", level, 0)]]).len();
        assert_eq!(
            [made(6 * T), made(6 * T + 1), made(-1)],
            [0, 1, 1],
            "nor is it made with more, or with less than nothing"
        );
        let steps: Vec<_> = (1..=9).flat_map(|n| grant(n, "drip:b", 1, 0, n * 50)).collect();
        assert_eq!(broken(&steps).len(), 0, "each window by itself is well, and all together");
        let steps: Vec<_> = (1..=9).flat_map(|n| grant(n, "drip:b", 2, 0, n * 50)).collect();
        assert!(!broken(&steps).is_empty(), "each by itself is well, not all together");
    }

    #[test]
    fn a_bucket_is_charged_with_the_grant_and_filled_up_to_now_at_most() {
        let wants = vec![row(1, 5, 0, None, Some(("drip:a", 1)))];
        let runs = row(1, 1, 1, None, Some(("drip:a", 1)));
        assert_eq!(broken(&[wants.clone(), vec![runs.clone()]]).len(), 1, "nothing was written to the bucket");
        let late = |at_ms| vec![runs.clone(), bucket("drip:b", 0, 500), bucket("drip:a", 0, at_ms)];
        assert_eq!(broken(&[wants.clone(), late(501)]).len(), 1, "filled for a time that is to come");
        assert_eq!(broken(&[wants.clone(), late(400)]).len(), 0);
        let next = |at_ms| broken(&[vec![wants.clone(), late(400)], grant(2, "drip:a", 1, 0, at_ms)].concat()).len();
        assert_eq!(
            (next(499), next(500)),
            (1, 0),
            "its lock was free when the last grant was committed, and not before"
        );
        let back = [grant(1, "drip:a", 1, 0, 500), grant(2, "drip:a", 1, 0, 400)].concat();
        assert_eq!(broken(&back).len(), 1, "the same time is earned twice");
    }

    #[test]
    fn who_is_to_draw_runs_only_with_tokens_for_this_attempt() {
        let at = |status, claim| row(1, status, claim, None, Some(("drip:a", 1)));
        let free = |status, claim| row(1, status, claim, None, None);
        let paid = grant(1, "drip:a", 1, 5_000_000, 0);
        let after = |rows: &[String]| {
            let rows: Vec<Vec<String>> = rows.iter().map(|row| vec![row.clone()]).collect();
            broken(&[paid.clone(), rows].concat()).len()
        };
        assert_eq!(after(&[at(1, 1), free(1, 2), free(0, 3)]), 0, "a flag is set, then it runs on without drawing");
        assert_eq!(after(&[at(5, 2)]), 0, "it waits for tokens again");
        assert_eq!(after(&[at(0, 2)]), 1, "the next attempt has not paid");
        assert_eq!(after(&[at(1, 2)]), 1, "nor has a next step that draws");
        assert_eq!(after(&[at(4, 2), at(1, 3)]), 1, "a slot is no token");
        assert_eq!(broken(&[vec![at(0, 0)]]).len(), 1, "nor is a start");
        let others = vec![at(5, 0), row(1, 0, 0, None, Some(("drip:a", 1))), bucket("drip:a", 0, 0), at(1, 1)];
        assert_eq!(broken(&[others]), Vec::<String>::new(), "it was paid for by another host");
    }

    #[test]
    fn a_parent_wakes_when_none_of_its_children_lives() {
        let parent = |status, pending| {
            row(1, status, 1, None, None).replace("pending[integer]:0", &format!("pending[integer]:{pending}"))
        };
        let told = play(&[vec![parent(3, 2)], vec![parent(3, 1)], vec![parent(0, 0)]]);
        assert_eq!((told.broken, told.joins), (vec![], 1));
        assert_eq!(broken(&[vec![parent(3, 2)], vec![parent(0, 1)]]).len(), 1);
    }

    #[test]
    fn what_the_log_does_not_have_is_missed() {
        let mut fold = Fold::default();
        let rows = [holds(1, "plain", None), holds(2, "plain", None).replace("UPDATE", "INSERT"), ends(3)];
        for line in ["BEGIN 7"].into_iter().chain(rows.iter().map(String::as_str)) {
            fold.read(1, line).unwrap();
        }
        fold.read(1, "COMMIT 7 (at 2026-01-01 00:00:00+00)").unwrap();
        assert_eq!((fold.told().broken.len(), fold.told().living), (2, 2), "the start of the first and the third");
        assert_eq!(play(&[vec![holds(1, "plain", None)], vec![ends(1)]]).living, 0);
    }

    #[test]
    fn what_is_read_again_after_a_crash_counts_once() {
        let signal = r#"table gd.signal: INSERT: target[bigint]:1 id[bigint]:1 payload[bytea]:'\x22612f3022'"#;
        let birth = "table gd.instance: INSERT: id[bigint]:1 status[smallint]:0 claim[bigint]:0 weight[integer]:1 pending[integer]:0 \
                     state[bytea]:'\\x7b22706164223a2273746f72792d37227d'";
        let mut fold = Fold::default();
        for _ in 0..2 {
            for (position, line) in [(8, "BEGIN 7"), (8, birth), (9, "COMMIT 7 (at 2026-01-01 00:00:00+00)")] {
                fold.read(position, line).unwrap();
            }
            for (position, line) in [(10, "BEGIN 8"), (10, signal)] {
                fold.read(position, line).unwrap();
            }
        }
        assert_eq!(fold.told().arrivals.len(), 0, "a transaction counts when it commits");
        fold.read(11, "COMMIT 8 (at 2026-01-01 00:00:00+00)").unwrap();
        let told = fold.told();
        assert_eq!((told.commits, told.births.get("story-7"), told.arrivals.get("a/0")), (2, Some(&1), Some(&1)));
    }
}
