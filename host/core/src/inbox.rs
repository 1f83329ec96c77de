//! Which of an instance's signals a step is handed as awaited, and which it merely sees.

use crate::SignalId;

/// One accepted signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Its place in the order of acceptance.
    pub id: SignalId,
    /// What an await names.
    pub name: String,
    /// Opaque bytes.
    pub payload: Vec<u8>,
    /// Milliseconds since the Unix epoch, by the database's clock.
    pub received_at_ms: u64,
}

/// The inbox as one attempt sees it: a snapshot from its claim, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    /// Signals whose name is awaited. Progress consumes exactly these.
    pub awaited: Vec<Signal>,
    /// The rest; no outcome but an end touches them.
    pub others: Vec<Signal>,
}

impl Inbox {
    /// Sorts a snapshot by what the instance awaits; the order of acceptance stays.
    pub fn new(awaits: &[String], signals: Vec<Signal>) -> Self {
        let (awaited, others) = signals.into_iter().partition(|signal| awaits.contains(&signal.name));
        Self { awaited, others }
    }

    /// Ids of the signals that the attempt was handed as awaited: progress consumes them, and none of them wakes what the
    /// attempt parks. A signal among the others does: nobody has waited for it yet.
    pub fn handed(&self) -> Vec<SignalId> {
        self.awaited.iter().map(|signal| signal.id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_handed_what_it_awaits_and_sees_the_rest() {
        let signal =
            |id, name: &str| Signal { id: SignalId(id), name: name.into(), payload: vec![], received_at_ms: 0 };
        let inbox = Inbox::new(&["go".into()], vec![signal(1, "go"), signal(2, "other"), signal(3, "go")]);
        assert_eq!(inbox.awaited.iter().map(|s| s.id.0).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(inbox.others.iter().map(|s| s.id.0).collect::<Vec<_>>(), [2]);
        assert_eq!(inbox.handed(), [SignalId(1), SignalId(3)]);
    }
}
