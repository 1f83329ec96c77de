//! The judgement: was every promise kept, for every invoice? Pure: values in, named violations out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::api::{Attempt, Instance};
use super::invoices::{End, Invoice};
use super::kill::Kill;
use super::provider::Call;

/// All that was seen of one run.
pub(super) struct Observed {
    pub(super) cases: Vec<Case>,
    pub(super) calls: Vec<Call>,
    pub(super) kills: Vec<Kill>,
    /// From the first start to the last end.
    pub(super) wall: Duration,
    /// Confirmations that came after the end.
    pub(super) no_target: usize,
    pub(super) provider_restarts: usize,
}

/// One invoice and what the host says about it.
pub(super) struct Case {
    pub(super) invoice: Invoice,
    pub(super) id: String,
    pub(super) instance: Option<Instance>,
    pub(super) history: Vec<Attempt>,
}

impl Case {
    /// How it ended; none when it did not.
    pub(super) fn end(&self) -> Option<End> {
        let instance = self.instance.as_ref()?;
        match (instance.status.as_str(), instance.result["outcome"].as_str()) {
            ("done", Some("paid")) => Some(End::Paid),
            ("done", Some("dunned")) => Some(End::Dunned),
            ("failed" | "cancelled", _) => Some(End::Failed),
            _ => None,
        }
    }
}

/// A promise that was broken, and by which invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Violation {
    Missing { invoice: String, id: String },
    Stuck { invoice: String, id: String, status: String, step: String },
    WrongEnd { invoice: String, id: String, demanded: End, found: String },
    ChargedTwice { invoice: String, keys: Vec<String> },
    ChargedWrongly { invoice: String },
    NotCharged { invoice: String },
    WrongAmount { invoice: String, charged: String },
    UnknownCharge { invoice: String },
    ClaimOrder { invoice: String, id: String, before: u64, after: u64 },
    CommittedTwice { invoice: String, id: String, visit: u64 },
    TwoEnds { invoice: String, id: String },
    EndNotLast { invoice: String, id: String, last: String },
    NothingRecovered { kill: usize, executing: usize },
}

/// Every violation, by invoice.
pub(super) fn judge(observed: &Observed) -> Vec<Violation> {
    let mut calls: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in &observed.calls {
        calls.entry(&call.invoice).or_default().push(call);
    }
    let mut found = Vec::new();
    for case in &observed.cases {
        let calls = calls.remove(case.invoice.invoice.as_str()).unwrap_or_default();
        found.extend(judge_end(case));
        found.extend(judge_charges(&case.invoice, &calls));
        found.extend(judge_history(case));
    }
    let strange = calls.into_iter().filter(|(_, calls)| calls.iter().any(|call| call.charged()));
    found.extend(strange.map(|(invoice, _)| Violation::UnknownCharge { invoice: invoice.to_owned() }));
    found.extend(judge_kills(observed));
    found
}

/// Recoveries that followed each kill, before the next one.
pub(super) fn recovered_after(observed: &Observed, kill: usize) -> usize {
    let from = observed.kills[kill].at;
    let until = observed.kills.get(kill + 1).map(|next| next.at);
    let attempts = observed.cases.iter().flat_map(|case| &case.history);
    let counts = |attempt: &&Attempt| {
        attempt.outcome == "recovered" && attempt.at >= from && until.is_none_or(|end| attempt.at < end)
    };
    attempts.filter(counts).count()
}

fn judge_end(case: &Case) -> Option<Violation> {
    let (invoice, id) = (case.invoice.invoice.clone(), case.id.clone());
    let Some(instance) = &case.instance else { return Some(Violation::Missing { invoice, id }) };
    if !matches!(instance.status.as_str(), "done" | "failed" | "cancelled") {
        let step = case.history.last().map_or("none", |attempt| &attempt.step).to_owned();
        return Some(Violation::Stuck { invoice, id, status: instance.status.clone(), step });
    }
    let demanded = case.invoice.demanded_end()?;
    let wrong = case.end() != Some(demanded) || instance.status == "cancelled";
    wrong.then(|| Violation::WrongEnd { invoice, id, demanded, found: described(instance) })
}

fn described(instance: &Instance) -> String {
    match &instance.error {
        Some(error) => {
            let code = error.code.as_deref().unwrap_or("no code");
            format!("{} ({}, {code}: {})", instance.status, error.kind, error.message)
        }
        None => format!("{} with {}", instance.status, instance.result),
    }
}

fn judge_charges(invoice: &Invoice, calls: &[&Call]) -> Vec<Violation> {
    let name = || invoice.invoice.clone();
    let charges: Vec<&&Call> = calls.iter().filter(|call| call.charged()).collect();
    let keys: BTreeSet<&String> = charges.iter().map(|call| &call.key).collect();
    let mut found = Vec::new();
    if charges.len() > 1 {
        found.push(Violation::ChargedTwice { invoice: name(), keys: keys.into_iter().cloned().collect() });
    }
    match (invoice.must_be_charged(), charges.is_empty()) {
        (true, true) => found.push(Violation::NotCharged { invoice: name() }),
        (false, false) => found.push(Violation::ChargedWrongly { invoice: name() }),
        (true, false) | (false, true) => {}
    }
    let is_wrong = |call: &&&&Call| call.amount_cents != invoice.amount_cents || call.currency != invoice.currency;
    let wrong = charges.iter().find(is_wrong).map(|call| format!("{} {}", call.amount_cents, call.currency));
    found.extend(wrong.map(|charged| Violation::WrongAmount { invoice: name(), charged }));
    found
}

fn judge_history(case: &Case) -> Vec<Violation> {
    let (invoice, id) = (|| case.invoice.invoice.clone(), || case.id.clone());
    let mut found = Vec::new();
    let steps = case.history.windows(2).map(|pair| (pair[0].claim, pair[1].claim));
    let broken = steps.into_iter().find(|(before, after)| before >= after);
    found.extend(broken.map(|(before, after)| Violation::ClaimOrder { invoice: invoice(), id: id(), before, after }));
    let mut committed = BTreeSet::new();
    let progress = case.history.iter().filter(|attempt| is_progress(&attempt.outcome));
    let twice = progress.map(|attempt| attempt.visit).find(|visit| !committed.insert(*visit));
    found.extend(twice.map(|visit| Violation::CommittedTwice { invoice: invoice(), id: id(), visit }));
    let ends = case.history.iter().filter(|attempt| is_end(&attempt.outcome)).count();
    if ends > 1 {
        found.push(Violation::TwoEnds { invoice: invoice(), id: id() });
    }
    let last = case.history.last().map_or("nothing", |attempt| attempt.outcome.as_str());
    if !last_fits(case, last, ends) {
        found.push(Violation::EndNotLast { invoice: invoice(), id: id(), last: last.to_owned() });
    }
    found
}

/// Outcomes that move an instance on: at most one per visit.
fn is_progress(outcome: &str) -> bool {
    matches!(outcome, "next" | "await" | "schedule_children" | "done" | "stop")
}

fn is_end(outcome: &str) -> bool {
    matches!(outcome, "done" | "stop")
}

/// The last attempt must be the one that ended the instance. A failure that the host decided has no `stop`.
fn last_fits(case: &Case, last: &str, ends: usize) -> bool {
    match case.instance.as_ref().map(|instance| instance.status.as_str()) {
        Some("done") => last == "done",
        Some("failed") => last == "stop" || (ends == 0 && matches!(last, "fault" | "recovered")),
        Some(_) | None => ends == 0,
    }
}

fn judge_kills(observed: &Observed) -> impl Iterator<Item = Violation> {
    let nothing = observed.kills.iter().enumerate().filter(|(index, _)| recovered_after(observed, *index) == 0);
    nothing.map(|(index, kill)| Violation::NothingRecovered { kill: index + 1, executing: kill.executing.len() })
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { invoice, id } => {
                write!(f, "{invoice}: missing; the host took it as instance {id} and does not know it")
            }
            Self::Stuck { invoice, id, status, step } => {
                write!(f, "{invoice}: stuck; instance {id} is {status}, its last attempt was step {step}")
            }
            Self::WrongEnd { invoice, id, demanded, found } => {
                write!(f, "{invoice}: wrong end; instance {id} is {found}, it should be {}", demanded.name())
            }
            Self::ChargedTwice { invoice, keys } => {
                write!(f, "{invoice}: charged twice, under the keys {}", keys.join(", "))
            }
            Self::ChargedWrongly { invoice } => write!(f, "{invoice}: charged, and must not be"),
            Self::NotCharged { invoice } => write!(f, "{invoice}: never charged"),
            Self::WrongAmount { invoice, charged } => write!(f, "{invoice}: charged a wrong amount, {charged}"),
            Self::UnknownCharge { invoice } => write!(f, "{invoice}: charged, and never started"),
            Self::ClaimOrder { invoice, id, before, after } => {
                write!(f, "{invoice}: broken history; instance {id} has claim {after} after claim {before}")
            }
            Self::CommittedTwice { invoice, id, visit } => {
                write!(f, "{invoice}: committed twice; instance {id} has two outcomes for visit {visit}")
            }
            Self::TwoEnds { invoice, id } => write!(f, "{invoice}: ended twice; instance {id}"),
            Self::EndNotLast { invoice, id, last } => {
                write!(f, "{invoice}: broken history; the last attempt of instance {id} is `{last}`")
            }
            Self::NothingRecovered { kill, executing } => {
                write!(f, "kill {kill}: nothing was recovered, though {executing} steps were executing")
            }
        }
    }
}

impl End {
    fn name(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Dunned => "dunned",
            Self::Failed => "failed",
        }
    }
}

#[cfg(test)]
#[path = "oracle_tests.rs"]
mod tests;
