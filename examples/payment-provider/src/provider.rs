//! What the provider does with a call: by the invoice's scenario and the calls before it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::latency::fnv1a;
use crate::{Action, Entry, Error, Invoices, Latency, Ledger, Scenario, Summary};

/// How many calls under one key a flaky invoice fails.
const FLAKY_FAILURES: u32 = 2;

/// What is asked for: the body of `POST /charges`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChargeRequest {
    /// The invoice's number.
    pub invoice: String,
    /// Who pays.
    #[serde(default)]
    pub customer: String,
    /// How much, in hundredths.
    pub amount_cents: u64,
    /// ISO 4217.
    pub currency: String,
}

/// What the caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200; `replayed` when the key had been charged before.
    Charged {
        /// The same for every call under one key.
        charge_id: String,
        /// No money moved this time.
        replayed: bool,
    },
    /// 402.
    Declined,
    /// 500.
    Unavailable,
    /// 422: the key was used for something else.
    Conflict,
    /// Nothing: the process ends here.
    Die,
}

/// The provider: one ledger, one invoices file.
#[derive(Debug)]
pub struct Provider {
    invoices: Invoices,
    ledger: Mutex<Ledger>,
    latency: Latency,
    in_flight: AtomicU64,
}

impl Provider {
    /// A provider that goes on from `ledger`.
    #[must_use]
    pub fn new(invoices: Invoices, ledger: Ledger, latency: Latency) -> Self {
        Self { invoices, ledger: Mutex::new(ledger), latency, in_flight: AtomicU64::new(0) }
    }

    /// Decides a call and records it; the answer may be given only after this returned.
    ///
    /// # Errors
    /// When the log cannot be written: nothing was charged then.
    pub fn charge(&self, key: &str, request: &ChargeRequest) -> Result<Answer, Error> {
        let mut ledger = self.ledger();
        let action = decide(&ledger, self.invoices.scenario(&request.invoice), key, request);
        let charge_id = match action {
            Action::Replayed => ledger.charge_of(key).and_then(|charge| charge.charge_id.clone()),
            charged if charged.charges() => Some(format!("ch_{:012x}", fnv1a(key))),
            _ => None,
        };
        let call = ledger.calls_under(key) + 1;
        ledger.record(Entry {
            ts: Timestamp::now().to_string(),
            invoice: request.invoice.clone(),
            key: key.to_owned(),
            call,
            action,
            amount_cents: request.amount_cents,
            currency: request.currency.clone(),
            charge_id: charge_id.clone(),
        })?;
        Ok(answer(action, charge_id.unwrap_or_default()))
    }

    /// How long a call about `invoice` takes.
    #[must_use]
    pub fn latency(&self, invoice: &str) -> Duration {
        self.latency.of(invoice, self.invoices.scenario(invoice))
    }

    /// The sums so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.ledger().summary(self.in_flight.load(Ordering::Relaxed))
    }

    /// Counts a call as waiting for its answer until the guard is dropped.
    pub(crate) fn wait_for_answer(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(&self.in_flight)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct InFlight<'a>(&'a AtomicU64);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn decide(ledger: &Ledger, scenario: Scenario, key: &str, request: &ChargeRequest) -> Action {
    if let Some(charge) = ledger.charge_of(key) {
        let the_same = (&charge.invoice, charge.amount_cents, &charge.currency)
            == (&request.invoice, request.amount_cents, &request.currency);
        return if the_same { Action::Replayed } else { Action::Conflict };
    }
    let charged = if ledger.is_charged(&request.invoice) { Action::ChargedAgain } else { Action::Charged };
    match scenario {
        Scenario::Ok | Scenario::Slow => charged,
        Scenario::Flaky if ledger.calls_under(key) < FLAKY_FAILURES => Action::Error500,
        Scenario::Flaky => charged,
        Scenario::DiesAfterCharge if !ledger.knows(&request.invoice) => Action::Died,
        Scenario::DiesAfterCharge => charged,
        Scenario::Declined => Action::Declined,
    }
}

fn answer(action: Action, charge_id: String) -> Answer {
    match action {
        Action::Charged | Action::ChargedAgain => Answer::Charged { charge_id, replayed: false },
        Action::Replayed => Answer::Charged { charge_id, replayed: true },
        Action::Declined => Answer::Declined,
        Action::Error500 => Answer::Unavailable,
        Action::Conflict => Answer::Conflict,
        Action::Died => Answer::Die,
    }
}
