//! The result: a table or JSON, what was broken, and the verdict.

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use crate::check::Findings;
use crate::events::Events;
use crate::faults::{Fault, Kind};
use crate::figures::Figures;
use crate::ledger::{Case, Started};
use crate::wal::Told;

/// So many broken promises are printed.
const BROKEN_TOLD_MAX: usize = 50;

/// Everything that is told of a run.
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) seconds: u64,
    pub(crate) requests: Requests,
    /// Requests whose clients did not wait for the answer.
    pub(crate) hung_up: u64,
    pub(crate) live: i64,
    pub(crate) figures: Figures,
    pub(crate) events: Events,
    pub(crate) faults: Vec<Fault>,
    pub(crate) findings: Findings,
    /// Looks for lost wake-ups while it went on.
    pub(crate) looks: u64,
    /// What the write-ahead log says.
    pub(crate) log: Told,
}

/// What the clients did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    starts: u64,
    starts_unknown: u64,
    duplicates: u64,
    signals: u64,
    signals_accepted: u64,
    signals_unknown: u64,
    pauses: u64,
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Kept,
    Broken(usize),
    /// What did not happen.
    Inconclusive(Vec<String>),
}

impl Requests {
    pub(crate) fn of(cases: &[Case]) -> Self {
        let mut of = Self::default();
        for case in cases {
            for start in &case.starts {
                match start {
                    Started::New(_) => of.starts += 1,
                    Started::Duplicate(_) => of.duplicates += 1,
                    Started::Unknown => of.starts_unknown += 1,
                }
            }
            of.signals += case.sent.len() as u64;
            of.pauses += case.pauses.len() as u64;
            let acknowledged = case.sent.iter().filter(|sent| sent.acknowledged_ms().is_some()).count() as u64;
            of.signals_accepted += acknowledged;
            of.signals_unknown += case.sent.iter().filter(|sent| sent.may_exist()).count() as u64 - acknowledged;
        }
        of
    }
}

impl Report {
    pub(crate) fn verdict(&self) -> Verdict {
        if !self.findings.broken.is_empty() {
            return Verdict::Broken(self.findings.broken.len());
        }
        let absent: Vec<String> = self
            .needed()
            .into_iter()
            .filter(|(_, number)| *number == 0)
            .map(|(name, _)| format!("no {name}"))
            .collect();
        if absent.is_empty() { Verdict::Kept } else { Verdict::Inconclusive(absent) }
    }

    fn count(&self, kind: Kind) -> u64 {
        self.faults.iter().filter(|fault| fault.kind == kind).count() as u64
    }

    /// What must have happened for the run to say anything.
    fn needed(&self) -> Vec<(&'static str, u64)> {
        let faults = Kind::ALL.into_iter().map(|kind| (kind.words(), self.count(kind)));
        let mut needed: Vec<(&'static str, u64)> = faults.collect();
        needed.extend([
            ("stale outcomes refused", self.events.stale),
            ("ambiguous commits resolved", self.events.ambiguous),
            ("leases lost", self.events.leases_lost),
            ("instances taken back from dead workers", self.figures.recoveries.unsigned_abs()),
            ("requests that clients hung up on", self.hung_up),
            ("signals consumed", self.findings.consumed),
            ("looks for lost wake-ups", self.looks),
            ("commits read from the log", self.log.commits),
            ("waits for a slot of a key", self.log.waits_for_slots),
            ("commits that left a key without a free slot", self.log.slots_full),
            ("grants of tokens", self.log.grants),
            ("parents woken by their children", self.log.joins),
            ("signals sent by a step, consumed", self.findings.related.signals),
        ]);
        needed
    }

    /// What has to do with others, and how near it came to its bounds.
    fn related(&self) -> Vec<(&'static str, u64)> {
        let (related, log) = (&self.findings.related, &self.log);
        let highest = |slots| log.holders_max.get(&slots).map_or(0, |holders| *holders as u64);
        vec![
            ("instances under a concurrency key, checked", related.keyed),
            ("slots given", log.slots_taken),
            ("most holders of a key with 1 slot at a commit", highest(1)),
            ("most holders of a key with 2 slots at a commit", highest(2)),
            ("most holders of a key with 3 slots at a commit", highest(3)),
            ("tokens granted", log.tokens),
            ("tightest window, millionths of a token left", log.least_left),
            ("longest time from filling a bucket to its commit, ms", log.grant_us_max / 1_000),
            ("parents, checked", related.parents),
            ("children, checked", related.children),
            ("instances started by a step, checked", related.beside),
        ]
    }

    fn rows(&self) -> Vec<(&'static str, u64)> {
        let (requests, figures) = (&self.requests, &self.figures);
        let mut rows = vec![
            ("seconds of load and faults", self.seconds),
            ("starts acknowledged", requests.starts),
            ("starts whose answer was lost", requests.starts_unknown),
            ("starts refused as duplicates", requests.duplicates),
            ("instances that ended, checked", self.findings.checked),
            ("  done", figures.done.unsigned_abs()),
            ("  failed", figures.failed.unsigned_abs()),
            ("  cancelled", figures.cancelled.unsigned_abs()),
            ("instances still alive", self.live.unsigned_abs()),
            ("steps committed", figures.steps.unsigned_abs()),
            ("signals sent", requests.signals),
            ("signals accepted", requests.signals_accepted),
            ("signals whose answer was lost", requests.signals_unknown),
            ("pauses", requests.pauses),
            ("flushes tried again", self.events.flush_retries),
            ("instances given back that nobody held", self.events.given_back),
            ("instances run alone", self.events.lone_runs),
            ("longest time without any commit, ms", figures.silence_ms_max.unsigned_abs()),
            ("longest time from healing to progress, ms", figures.progress_ms_max.unsigned_abs()),
        ];
        rows.extend(self.related());
        rows.extend(self.needed());
        rows.push(("promises broken", self.findings.broken.len() as u64));
        rows
    }

    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_preset(presets::UTF8_FULL_CONDENSED)
            .set_header([format!("seed {}", self.seed), "number".to_owned()]);
        for (name, number) in self.rows() {
            table.add_row([name.to_owned(), number.to_string()]);
        }
        table
    }

    pub(crate) fn json(&self) -> Value {
        let mut document = json!({ "seed": self.seed });
        for (name, number) in self.rows() {
            document[name.trim().replace([' ', '-'], "_").replace([',', '(', ')'], "").to_lowercase()] = json!(number);
        }
        let (verdict, missing) = match self.verdict() {
            Verdict::Kept => ("kept", vec![]),
            Verdict::Broken(_) => ("broken", vec![]),
            Verdict::Inconclusive(missing) => ("inconclusive", missing),
        };
        document["verdict"] = json!(verdict);
        document["missing"] = json!(missing);
        document["faults"] = self.faults.iter().map(Fault::json).collect();
        document["broken"] = self
            .findings
            .broken
            .iter()
            .map(|broken| json!({ "what": broken.what, "history": broken.history }))
            .collect();
        document
    }

    /// Every broken promise with its history, for people.
    pub(crate) fn print_broken(&self) {
        for broken in self.findings.broken.iter().take(BROKEN_TOLD_MAX) {
            eprintln!("BROKEN: {}", broken.what);
            broken.history.iter().for_each(|line| eprintln!("    {line}"));
        }
        let more = self.findings.broken.len().saturating_sub(BROKEN_TOLD_MAX);
        if more > 0 {
            eprintln!("... and {more} more");
        }
    }
}
