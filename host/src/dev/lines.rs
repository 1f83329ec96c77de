//! What `dev` prints: line by line, by a thread of its own, so that a terminal that stands still never holds the engine up.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Entries that wait to be printed at most; more are dropped and counted. Chosen: a burst of a thousand instances.
const WAITING_MAX: usize = 10_000;
/// How long the end of the process waits for what is still to be printed.
const FLUSH_MAX: Duration = Duration::from_secs(1);

/// Takes lines for standard output. Cheap to clone; never waits.
#[derive(Clone)]
pub(super) struct Lines {
    entries: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

enum Entry {
    Line(String),
    Flush(SyncSender<()>),
}

impl Lines {
    /// Starts the thread that prints.
    pub(super) fn start() -> Self {
        let (entries, waiting) = sync_channel(WAITING_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = dropped.clone();
        let printing = move || print(&waiting, &counted);
        if let Err(error) = std::thread::Builder::new().name("gd-lines".into()).spawn(printing) {
            // Nobody receives then: every line is dropped.
            tracing::warn!(%error, "no thread for the lines of dev");
        }
        Self { entries, dropped }
    }

    /// Prints a line, or several that belong together, unless far too many wait already.
    pub(super) fn say(&self, line: String) {
        if self.entries.try_send(Entry::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything that was said is printed, at most a second.
    pub(super) fn flush(&self) {
        let (done, printed) = sync_channel(1);
        if self.entries.try_send(Entry::Flush(done)).is_ok() {
            printed.recv_timeout(FLUSH_MAX).ok();
        }
    }
}

fn print(waiting: &Receiver<Entry>, dropped: &AtomicU64) {
    let mut out = std::io::stdout();
    while let Ok(entry) = waiting.recv() {
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            writeln!(out, "… {lost} lines were dropped: they came faster than they were shown").ok();
        }
        // Whoever closed standard output does not want to read.
        match entry {
            Entry::Line(line) => drop(writeln!(out, "{line}")),
            Entry::Flush(done) => drop(done.send(())),
        }
        out.flush().ok();
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Lines that nobody prints: what was said is read from the other end.
    pub(in crate::dev) fn kept() -> (Lines, impl Fn() -> Vec<String>) {
        let (entries, waiting) = sync_channel(WAITING_MAX);
        let said = move || {
            let lines = waiting.try_iter().filter_map(|entry| match entry {
                Entry::Line(line) => Some(line),
                Entry::Flush(_) => None,
            });
            lines.collect()
        };
        (Lines { entries, dropped: Arc::default() }, said)
    }

    #[test]
    fn a_terminal_that_stands_still_holds_nobody_up_and_what_is_dropped_is_counted() {
        let (lines, said) = kept();
        for n in 0..WAITING_MAX + 7 {
            lines.say(n.to_string());
        }
        assert_eq!(lines.dropped.load(Ordering::Relaxed), 7);
        assert_eq!(said().len(), WAITING_MAX);
    }
}
