//! The confirmations of payments: each sent as a signal at its time, until the host has taken it.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::json;

use super::api::Api;
use super::invoices::Invoice;
use crate::ui::note;

const THREADS: usize = 8;

/// Confirmations that are not sent yet.
#[derive(Default)]
pub(super) struct Confirmations {
    plan: Mutex<Plan>,
    changed: Condvar,
}

#[derive(Default)]
struct Plan {
    due: BinaryHeap<Reverse<Due>>,
    /// Taken by a thread, not answered yet.
    sending: usize,
    closed: bool,
}

struct Due {
    at: Instant,
    invoice: Invoice,
}

impl Confirmations {
    /// Sends the confirmation of `invoice` at `at`.
    pub(super) fn plan(&self, at: Instant, invoice: Invoice) {
        self.lock().due.push(Reverse(Due { at, invoice }));
        self.changed.notify_one();
    }

    /// How many the host has not taken.
    pub(super) fn waiting(&self) -> usize {
        let plan = self.lock();
        plan.due.len() + plan.sending
    }

    /// Lets the threads end.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next one that is due, once it is; none after the close.
    fn take(&self) -> Option<Invoice> {
        let mut plan = self.lock();
        loop {
            if plan.closed {
                return None;
            }
            let now = Instant::now();
            let pause = plan.due.peek().map_or(Duration::from_secs(1), |next| next.0.at.saturating_duration_since(now));
            if pause.is_zero()
                && let Some(Reverse(next)) = plan.due.pop()
            {
                plan.sending += 1;
                return Some(next.invoice);
            }
            plan = self.changed.wait_timeout(plan, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The threads that send; each tells how many of its invoices had ended before their confirmation came.
pub(super) fn spawn(api: &Api, confirmations: &Arc<Confirmations>) -> Vec<JoinHandle<usize>> {
    let worker = |_| {
        let (api, confirmations) = (api.clone(), Arc::clone(confirmations));
        thread::spawn(move || work(&api, &confirmations))
    };
    (0..THREADS).map(worker).collect()
}

fn work(api: &Api, confirmations: &Confirmations) -> usize {
    let mut no_target = 0;
    while let Some(invoice) = confirmations.take() {
        no_target += usize::from(!send(api, &invoice));
        confirmations.lock().sending -= 1;
    }
    no_target
}

/// True when the host took it. Sent again it changes nothing: the dedup key is the invoice's.
fn send(api: &Api, invoice: &Invoice) -> bool {
    let body = json!({
        "correlation_key": invoice.invoice,
        "name": "payment_confirmed",
        "payload": { "paid_cents": invoice.amount_cents },
        "dedup_key": format!("confirmation-of-{}", invoice.invoice),
    });
    match api.post_until_answered("/v1/signals", &body) {
        Ok(answer) if answer.status == 202 => true,
        Ok(answer) => {
            if answer.code() != "no_target" {
                note(&format!(
                    "the confirmation of {} was refused: {} {}",
                    invoice.invoice, answer.status, answer.body
                ));
            }
            false
        }
        Err(error) => {
            note(&format!("the confirmation of {} was never taken: {error:#}", invoice.invoice));
            false
        }
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, &self.invoice.invoice).cmp(&(other.at, &other.invoice.invoice))
    }
}
