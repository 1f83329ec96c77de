//! An invoice from draft to paid, or to dunned, whatever dies on the way.
//!
//! ```text
//! draft ──▶ charge ──▶ (payment_confirmed) ──▶ ship ──▶ paid
//!             │                                  │
//!             │ declined, or 20 tries            │ timeout
//!             ▼                                  │
//!            dun ◀───────────────────────────────┘
//!             └──▶ (payment_confirmed) ──▶ dun ──▶ paid, late; after 2 reminders: dunned
//! ```
//!
//! The state is the invoice itself. The host commits it after every step; a step whose host dies runs again from the state
//! before it. The one effect outside is the charge, and it carries an idempotency key that is equal over all attempts: the
//! customer pays once, however often the step runs.

mod provider;
mod rules;

use gd_guest::prelude::*;

use provider::Answer;

/// The signal that the payment provider sends when the money is there.
const PAID: &str = "payment_confirmed";

/// An invoice: what it was started with, and how far it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invoice {
    invoice: String,
    customer: String,
    amount_cents: u64,
    currency: String,
    provider_url: String,
    #[serde(default = "rules::confirm_within_ms")]
    confirm_within_ms: u64,
    #[serde(default)]
    charge_tries: u32,
    #[serde(default)]
    charge_id: Option<String>,
    #[serde(default)]
    reminders: u32,
}

#[gd_guest::fsm(name = "billing", queue = "billing")]
impl Invoice {
    #[initial]
    fn draft(self, _ctx: &Ctx) -> Step<Self> {
        if let Err(reason) = rules::billable(self.amount_cents, &self.currency) {
            return stop(reason).code("invalid-invoice");
        }
        let tax_cents = rules::tax_cents(self.amount_cents);
        info!(invoice = self.invoice, amount_cents = self.amount_cents, tax_cents = tax_cents, "drafted");
        next(Self::charge, self)
    }

    fn charge(mut self, ctx: &Ctx) -> Step<Self> {
        match provider::charge(&self, ctx)? {
            Answer::Charged { charge_id } => {
                self.charge_id = Some(charge_id);
                let patience = millis(self.confirm_within_ms);
                await_signal(PAID, Self::ship, self).timeout(patience)
            }
            Answer::Declined => next(Self::dun, self),
            Answer::Unavailable(reason) => {
                warn!(invoice = self.invoice, tries = self.charge_tries, "not charged: {reason}");
                // A count of our own: `ctx.attempt()` also counts the deaths of hosts, which say nothing of the provider.
                let delay = rules::backoff(self.charge_tries);
                self.charge_tries += 1;
                if self.charge_tries < rules::CHARGE_TRIES_MAX { retry(self, delay) } else { next(Self::dun, self) }
            }
        }
    }

    fn ship(self, ctx: &Ctx) -> Step<Self> {
        match ctx.received(PAID) {
            Some(_) => done(json!({ "outcome": "paid", "charge_id": self.charge_id, "paid_cents": self.amount_cents })),
            None => next(Self::dun, self),
        }
    }

    fn dun(mut self, ctx: &Ctx) -> Step<Self> {
        if ctx.received(PAID).is_some() {
            return done(json!({
                "outcome": "paid", "late": true, "charge_id": self.charge_id, "paid_cents": self.amount_cents,
            }));
        }
        if self.reminders == rules::REMINDERS_MAX {
            return done(json!({ "outcome": "dunned", "charge_id": self.charge_id, "reminders": self.reminders }));
        }
        self.reminders += 1;
        info!(invoice = self.invoice, customer = self.customer, reminder = self.reminders, "payment is overdue");
        let patience = millis(self.confirm_within_ms);
        await_signal(PAID, Self::dun, self).timeout(patience)
    }

    #[handle]
    fn handle(self, fault: &Fault, ctx: &Ctx) -> Step<Self> {
        error!(invoice = self.invoice, step = ctx.step(), faults = fault.faults, "{fault}");
        if fault.kind == FaultKind::Trap && ctx.step() == Self::draft.name() {
            return stop(fault.message.clone()).code("manual-review");
        }
        Step::default_handling()
    }
}

#[cfg(test)]
mod tests;
