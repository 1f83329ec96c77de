//! How much CPU time an attempt has used, also while it is still running.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of one attempt over all threads that polled it.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter(Arc<Times>);

#[derive(Debug, Default)]
struct Times {
    /// Nanoseconds of the polls that ended.
    spent: AtomicU64,
    /// The thread's CPU clock when the present poll began.
    began: AtomicU64,
}

impl Meter {
    /// CPU time until now. Only right on the thread that polls the attempt at present, or when nobody does.
    pub(super) fn spent_in_poll(&self) -> Duration {
        let now = thread_cpu_ns().saturating_sub(self.0.began.load(Ordering::Relaxed));
        Duration::from_nanos(self.0.spent.load(Ordering::Relaxed) + now)
    }

    /// CPU time of all polls that ended.
    pub(super) fn spent(&self) -> Duration {
        Duration::from_nanos(self.0.spent.load(Ordering::Relaxed))
    }

    /// Counts every poll of a future.
    pub(super) fn measure<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        Measured { meter: self.clone(), future: Box::pin(future) }
    }
}

struct Measured<F> {
    meter: Meter,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Measured<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let began = thread_cpu_ns();
        self.meter.0.began.store(began, Ordering::Relaxed);
        let polled = self.future.as_mut().poll(context);
        self.meter.0.spent.fetch_add(thread_cpu_ns().saturating_sub(began), Ordering::Relaxed);
        polled
    }
}

fn thread_cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}
