//! What the hosts have told of themselves, counted over all their lives.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

/// Beginnings of messages that no host should ever log, whatever is done to it.
const NEVER: [&str; 4] = [
    "a loop of the engine broke off",
    "flush.error: the outcome cannot be stored",
    "flush.error: not even the failure",
    "crash-loop",
];

/// How often what happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Events {
    pub(crate) stale: u64,
    pub(crate) ambiguous: u64,
    pub(crate) leases_lost: u64,
    pub(crate) flush_retries: u64,
    pub(crate) given_back: u64,
    pub(crate) lone_runs: u64,
    /// Lines that should not be there.
    pub(crate) never: Vec<String>,
}

impl Events {
    pub(crate) fn read(&mut self, log: &Path) -> anyhow::Result<()> {
        let file = File::open(log).with_context(|| format!("reading {}", log.display()))?;
        for line in BufReader::new(file).split(b'\n') {
            let line = line.with_context(|| format!("reading {}", log.display()))?;
            self.count(&String::from_utf8_lossy(&line));
        }
        Ok(())
    }

    fn count(&mut self, line: &str) {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            if line.contains("panicked") {
                self.never.push(line.to_owned());
            }
            return;
        };
        let fields = &event["fields"];
        let message = fields["message"].as_str().unwrap_or_default();
        let counter = match message {
            _ if message.starts_with("outcome.stale") => &mut self.stale,
            _ if message.starts_with("flush.ambiguous") => &mut self.ambiguous,
            _ if message.starts_with("worker.lease: lost") => &mut self.leases_lost,
            _ if message.starts_with("flush.error: the batch is tried") => &mut self.flush_retries,
            _ if message.starts_with("lone run: its worker") => &mut self.lone_runs,
            _ if message.starts_with("reconcile: given back") => {
                self.given_back += fields["count"].as_u64().unwrap_or_default();
                return;
            }
            _ if NEVER.iter().any(|never| message.starts_with(never)) => return self.never.push(line.to_owned()),
            _ => return,
        };
        *counter += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_by_their_messages() {
        let mut events = Events::default();
        let line = |message: &str| format!(r#"{{"level":"WARN","fields":{{"message":"{message}","count":3}}}}"#);
        for message in
            ["outcome.stale: x", "outcome.stale: y", "flush.ambiguous: x", "reconcile: given back what", "ready"]
        {
            events.count(&line(message));
        }
        assert_eq!(events, Events { stale: 2, ambiguous: 1, given_back: 3, ..Events::default() });
        events.count("thread 'main' panicked at x");
        events.count(&line("a loop of the engine broke off; the host stops"));
        assert_eq!(events.never.len(), 2);
    }
}
