//! The invoices file: how the provider behaves about each invoice.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// How the provider behaves about one invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// Charges.
    #[default]
    Ok,
    /// Charges, after three times the usual latency.
    Slow,
    /// Answers 500 to the first two calls under a key, then charges.
    Flaky,
    /// Charges at the first call, records it, and dies without an answer.
    DiesAfterCharge,
    /// Never charges: 402.
    Declined,
}

/// The scenario of every invoice in the file.
#[derive(Debug, Clone, Default)]
pub struct Invoices(HashMap<String, Scenario>);

#[derive(Deserialize)]
struct Line {
    invoice: String,
    #[serde(default)]
    scenario: Scenario,
}

impl Invoices {
    /// Reads NDJSON: one object per line with `invoice` and `scenario`; other fields are left alone.
    ///
    /// # Errors
    /// When the file cannot be read, or a line is not such an object (the message names the line).
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let parsed = lines.map(|(index, line)| {
            let parsed: Line =
                serde_json::from_str(line).with_context(|| format!("{} line {}", path.display(), index + 1))?;
            Ok((parsed.invoice, parsed.scenario))
        });
        parsed.collect::<anyhow::Result<_>>().map(Self)
    }

    /// The scenario of `invoice`; [`Scenario::Ok`] when the file does not have it.
    #[must_use]
    pub fn scenario(&self, invoice: &str) -> Scenario {
        self.0.get(invoice).copied().unwrap_or_default()
    }
}
