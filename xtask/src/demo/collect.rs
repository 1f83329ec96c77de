//! Reading back every instance and its history.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::api::Api;
use super::oracle::Case;
use super::start::Started;

const THREADS: usize = 8;

/// Everything the host says about each invoice, in the order they were started.
pub(super) fn cases(api: &Api, started: Vec<Started>) -> anyhow::Result<Vec<Case>> {
    let next = AtomicUsize::new(0);
    let read = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(one) = started.get(next.fetch_add(1, Ordering::Relaxed)) {
                    read.lock().unwrap_or_else(PoisonError::into_inner).push(case(api, one));
                }
            });
        }
    });
    read.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect()
}

fn case(api: &Api, started: &Started) -> anyhow::Result<Case> {
    let instance = api.instance(&started.id)?;
    let history = if instance.is_some() { api.history(&started.id)? } else { Vec::new() };
    Ok(Case { invoice: started.invoice.clone(), id: started.id.clone(), instance, history })
}
