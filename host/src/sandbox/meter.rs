//! How much CPU time an attempt has used, also while it is still running.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// A thread whose clock was read so recently is taken to have run since: an attempt is charged less by as much at most where it did not.
/// Reading the clock is a call into the kernel, which takes its run queue's lock: 1 us of some 40 that a step takes (measured).
const RECENT: Duration = Duration::from_micros(20);

thread_local! {
    /// When this thread's CPU clock was read last, and what it said.
    static LAST: Cell<Option<(Instant, u64)>> = const { Cell::new(None) };
}

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
    pub(super) fn measure<F: Future>(&self, mut future: Pin<&mut F>) -> impl Future<Output = F::Output> {
        poll_fn(move |context| {
            let began = about_thread_cpu_ns();
            self.0.began.store(began, Ordering::Relaxed);
            let polled = future.as_mut().poll(context);
            let ended = thread_cpu_ns();
            self.0.spent.fetch_add(ended.saturating_sub(began), Ordering::Relaxed);
            LAST.set(Some((Instant::now(), ended)));
            polled
        })
    }
}

/// The thread's CPU clock, from what it said a moment ago if it was asked then.
fn about_thread_cpu_ns() -> u64 {
    let recent = LAST.get().map(|(at, said)| (at.elapsed(), said)).filter(|(since, _)| *since < RECENT);
    recent.map_or_else(thread_cpu_ns, |(since, said)| said + u64::from(since.subsec_nanos()))
}

fn thread_cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn attempts_that_follow_each_other_are_charged_what_they_used_and_no_more_than_the_thread_ran() {
        let (before, mut charged) = (thread_cpu_ns(), Duration::ZERO);
        for _ in 0..100 {
            let meter = Meter::default();
            let work = pin!(async { (0..10_000_u64).fold(0, |sum, term| std::hint::black_box(sum ^ term)) });
            let polled = pin!(meter.measure(work)).poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_ready());
            charged += meter.spent();
        }
        let ran = Duration::from_nanos(thread_cpu_ns() - before);
        assert!(Duration::ZERO < charged && charged <= ran, "charged {charged:?} of {ran:?}");
    }
}
