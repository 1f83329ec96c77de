//! The provider's memory: every call it ever got, in a file, and what follows from them.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What became of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The first charge of an invoice.
    Charged,
    /// A charge of an invoice that was charged under another key before: the customer paid twice.
    ChargedAgain,
    /// The first charge of an invoice, after which the provider died without an answer.
    Died,
    /// A key that was charged already: the same answer again, no money moved.
    Replayed,
    /// 402.
    Declined,
    /// 500, nothing charged.
    Error500,
    /// A key that came with another invoice, amount or currency than before: 422, nothing charged.
    Conflict,
}

impl Action {
    /// Did money move?
    #[must_use]
    pub fn charges(self) -> bool {
        match self {
            Self::Charged | Self::ChargedAgain | Self::Died => true,
            Self::Replayed | Self::Declined | Self::Error500 | Self::Conflict => false,
        }
    }
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was decided, RFC 3339.
    pub ts: String,
    /// The invoice of the request.
    pub invoice: String,
    /// The idempotency key of the request.
    pub key: String,
    /// Which call under this key it was, from 1.
    pub call: u32,
    /// What became of it.
    pub action: Action,
    /// The amount of the request.
    pub amount_cents: u64,
    /// The currency of the request.
    pub currency: String,
    /// The charge that was made or answered again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge_id: Option<String>,
}

/// What `GET /charges` shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// All calls that were decided.
    pub calls: u64,
    /// Keys under which money moved.
    pub charged_keys: u64,
    /// The keys under which money moved, per invoice: more than one is a double charge.
    pub invoices: BTreeMap<String, Vec<String>>,
    /// Calls after the first under the same key.
    pub repeated_calls: u64,
    /// Calls that wait for their answer now.
    pub in_flight: u64,
}

/// The log could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file failed.
    #[error("{attempt} the log {}", path.display())]
    Io {
        /// As a verb.
        attempt: &'static str,
        /// The log.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line that this program did not write.
    #[error("line {line} of the log {} is not a call; move the file away to start afresh", path.display())]
    Line {
        /// The log.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// The log, open for more, and what it says so far.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    keys: HashMap<String, Key>,
    /// The keys that were charged, per invoice.
    charged: BTreeMap<String, Vec<String>>,
    /// Invoices that any call was about.
    seen: HashMap<String, u64>,
    calls: u64,
}

#[derive(Debug, Default)]
struct Key {
    calls: u32,
    charge: Option<Entry>,
}

impl Ledger {
    /// Opens the log, made if missing, and remembers what is in it. A last line that a crash cut short is dropped.
    ///
    /// # Errors
    /// When it cannot be read or written, or holds something else.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let io = |attempt| move |source| Error::Io { attempt, path: path.to_owned(), source };
        let file = File::options().create(true).read(true).append(true).open(path).map_err(io("opening"))?;
        let text = fs::read_to_string(path).map_err(io("reading"))?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64).map_err(io("cutting"))?;
        let mut ledger = Self {
            path: path.to_owned(),
            file,
            keys: HashMap::new(),
            charged: BTreeMap::new(),
            seen: HashMap::new(),
            calls: 0,
        };
        for (index, line) in text[..whole].lines().enumerate() {
            let entry = serde_json::from_str(line);
            ledger.remember(entry.map_err(|source| Error::Line { path: path.to_owned(), line: index + 1, source })?);
        }
        Ok(ledger)
    }

    /// Writes `entry` to the file, in the hands of the operating system before this returns, and remembers it.
    ///
    /// # Errors
    /// When it cannot be written; then it is not remembered either.
    pub fn record(&mut self, entry: Entry) -> Result<(), Error> {
        let io = |source: io::Error| Error::Io { attempt: "writing", path: self.path.clone(), source };
        let mut line = serde_json::to_vec(&entry).map_err(|error| io(error.into()))?;
        line.push(b'\n');
        // One unbuffered write: the line survives the death of this process.
        self.file.write_all(&line).map_err(io)?;
        self.remember(entry);
        Ok(())
    }

    /// How many calls came under `key`.
    #[must_use]
    pub fn calls_under(&self, key: &str) -> u32 {
        self.keys.get(key).map_or(0, |key| key.calls)
    }

    /// The charge that `key` made.
    #[must_use]
    pub fn charge_of(&self, key: &str) -> Option<&Entry> {
        self.keys.get(key).and_then(|key| key.charge.as_ref())
    }

    /// Was `invoice` charged, under whatever key?
    #[must_use]
    pub fn is_charged(&self, invoice: &str) -> bool {
        self.charged.contains_key(invoice)
    }

    /// Did any call speak of `invoice`?
    #[must_use]
    pub fn knows(&self, invoice: &str) -> bool {
        self.seen.contains_key(invoice)
    }

    /// The sums.
    #[must_use]
    pub fn summary(&self, in_flight: u64) -> Summary {
        let charged_keys = self.charged.values().map(|keys| keys.len() as u64).sum();
        let repeated_calls = self.calls - self.keys.len() as u64;
        Summary { calls: self.calls, charged_keys, invoices: self.charged.clone(), repeated_calls, in_flight }
    }

    fn remember(&mut self, entry: Entry) {
        self.calls += 1;
        *self.seen.entry(entry.invoice.clone()).or_default() += 1;
        let key = self.keys.entry(entry.key.clone()).or_default();
        key.calls += 1;
        if entry.action.charges() {
            self.charged.entry(entry.invoice.clone()).or_default().push(entry.key.clone());
            key.charge = Some(entry);
        }
    }
}
