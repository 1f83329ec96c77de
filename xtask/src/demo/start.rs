//! Starting the invoices of one wave over HTTP, from several threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::{anyhow, bail};
use serde_json::json;

use super::api::Api;
use super::confirm::Confirmations;
use super::invoices::Invoice;

const THREADS: usize = 8;

/// An invoice and the instance that the host made for it.
#[derive(Debug, Clone)]
pub(super) struct Started {
    pub(super) invoice: Invoice,
    pub(super) id: String,
}

/// A wave on its way.
pub(super) struct Starts {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
}

struct Shared {
    wave: Vec<Invoice>,
    next: AtomicUsize,
    started: Mutex<Vec<Started>>,
}

impl Starts {
    /// Begins at once; each invoice that the host took has its confirmation planned.
    pub(super) fn spawn(
        api: &Api,
        provider_url: String,
        wave: Vec<Invoice>,
        confirmations: &Arc<Confirmations>,
    ) -> Self {
        let shared = Arc::new(Shared { wave, next: AtomicUsize::new(0), started: Mutex::new(Vec::new()) });
        let threads = (0..THREADS).map(|_| {
            let (shared, api, confirmations) = (Arc::clone(&shared), api.clone(), Arc::clone(confirmations));
            let url = provider_url.clone();
            thread::spawn(move || shared.work(&api, &url, &confirmations))
        });
        Self { threads: threads.collect(), shared }
    }

    /// True when every invoice was taken by the host (or a thread gave up).
    pub(super) fn are_over(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the rest.
    pub(super) fn join(self) -> anyhow::Result<Vec<Started>> {
        for thread in self.threads {
            thread.join().map_err(|_| anyhow!("a thread that starts invoices panicked"))??;
        }
        Ok(std::mem::take(&mut *self.shared.started.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Shared {
    fn work(&self, api: &Api, provider_url: &str, confirmations: &Confirmations) -> anyhow::Result<()> {
        while let Some(invoice) = self.wave.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let id = start(api, invoice, provider_url)?;
            if let Some(after) = invoice.confirm_after() {
                confirmations.plan(Instant::now() + after, invoice.clone());
            }
            let started = Started { invoice: invoice.clone(), id };
            self.started.lock().unwrap_or_else(PoisonError::into_inner).push(started);
        }
        Ok(())
    }
}

/// A start whose answer was lost with the host is sent again; the correlation key makes sure that it counts once.
fn start(api: &Api, invoice: &Invoice, provider_url: &str) -> anyhow::Result<String> {
    let body = json!({ "fsm": "billing", "state": invoice.state(provider_url), "correlation_key": invoice.invoice });
    let answer = api.post_until_answered("/v1/instances", &body)?;
    let id = answer.body["id"].as_str();
    match (answer.status, answer.code(), id) {
        (201, _, Some(id)) | (409, "duplicate", Some(id)) => Ok(id.to_owned()),
        (status, _, _) => bail!("starting {}: {status} {}", invoice.invoice, answer.body),
    }
}
