//! The invoices: how each is started, and how it must end.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long an invoice waits for its payment before each of its reminders.
pub(super) const CONFIRM_WITHIN_MS: u64 = 3000;
/// Every currency of the example but the one that it must refuse.
const REFUSED_CURRENCY: &str = "XXX";
/// Above this the guest's tax arithmetic overflows: it must panic, and be stopped.
const ABSURD_CENTS: u64 = u64::MAX / 2;

/// One line of the invoices file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Invoice {
    pub(super) invoice: String,
    pub(super) customer: String,
    pub(super) amount_cents: u64,
    pub(super) currency: String,
    pub(super) scenario: String,
    /// When the payment is confirmed, after the start; none: never.
    pub(super) confirm_after_ms: Option<u64>,
}

/// How an invoice ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Paid,
    Dunned,
    Failed,
}

impl Invoice {
    /// The state that the machine is started with.
    pub(super) fn state(&self, provider_url: &str) -> Value {
        json!({
            "invoice": self.invoice,
            "customer": self.customer,
            "amount_cents": self.amount_cents,
            "currency": self.currency,
            "provider_url": provider_url,
            "confirm_within_ms": CONFIRM_WITHIN_MS,
        })
    }

    pub(super) fn confirm_after(&self) -> Option<Duration> {
        self.confirm_after_ms.map(Duration::from_millis)
    }

    /// The end that its data demands; none where it depends on what comes first.
    pub(super) fn demanded_end(&self) -> Option<End> {
        match self.confirm_after_ms {
            _ if !self.is_billable() => Some(End::Failed),
            None => Some(End::Dunned),
            Some(after) if after <= 2 * CONFIRM_WITHIN_MS => Some(End::Paid),
            Some(_) => None,
        }
    }

    /// May money move, and must it?
    pub(super) fn must_be_charged(&self) -> bool {
        self.is_billable() && self.scenario != "declined"
    }

    fn is_billable(&self) -> bool {
        (1..ABSURD_CENTS).contains(&self.amount_cents) && self.currency != REFUSED_CURRENCY
    }
}

/// Reads the file; the message of an error names the line.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Invoice>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parsed = lines.map(|(index, line)| {
        serde_json::from_str(line).with_context(|| format!("{} line {}", path.display(), index + 1))
    });
    let invoices = parsed.collect::<anyhow::Result<Vec<Invoice>>>()?;
    if invoices.is_empty() {
        bail!("{} holds no invoice", path.display());
    }
    Ok(invoices)
}

/// One copy of the invoices per wave, each with numbers of its own: `INV-0001`, `INV-0001-2`, ...
pub(super) fn waves(invoices: &[Invoice], count: usize) -> Vec<Vec<Invoice>> {
    let numbered = |wave: usize, invoice: &Invoice| match wave {
        1 => invoice.clone(),
        wave => Invoice { invoice: format!("{}-{wave}", invoice.invoice), ..invoice.clone() },
    };
    (1..=count).map(|wave| invoices.iter().map(|invoice| numbered(wave, invoice)).collect()).collect()
}

/// Writes what the payment provider must know of.
pub(super) fn write<'a>(path: &Path, invoices: impl Iterator<Item = &'a Invoice>) -> anyhow::Result<()> {
    let lines = invoices.map(|invoice| serde_json::to_string(invoice).map(|line| line + "\n"));
    let text = lines.collect::<Result<String, _>>().context("writing the invoices as JSON")?;
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_has_every_kind_of_invoice_and_no_number_twice() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/billing/invoices.ndjson");
        let invoices = read(&path).unwrap();
        let ended = |end| invoices.iter().filter(|invoice| invoice.demanded_end() == Some(end)).count();
        assert!(ended(End::Paid) > 300 && ended(End::Dunned) > 20 && ended(End::Failed) >= 5);
        for scenario in ["ok", "slow", "flaky", "dies_after_charge", "declined"] {
            assert!(invoices.iter().any(|invoice| invoice.scenario == scenario), "{scenario}");
        }
        let mut numbers: Vec<String> =
            waves(&invoices, 2).concat().into_iter().map(|invoice| invoice.invoice).collect();
        let total = numbers.len();
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), total);
    }
}
