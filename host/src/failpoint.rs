//! Places where a test may let this process die or freeze. Builds without debug assertions, which releases are, have none of it.

/// Where a process can be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failpoint {
    /// Rows are claimed; no runner has begun.
    AfterClaim,
    /// A step was run, with whatever it did outside; nothing is handed in yet.
    AfterStep,
    /// A flush is written; its COMMIT is not sent.
    BeforeCommit,
    /// A flush is committed; nobody was told.
    AfterCommit,
}

impl Failpoint {
    /// The name in `GD_FAILPOINT`.
    #[cfg(debug_assertions)]
    fn name(self) -> &'static str {
        match self {
            Self::AfterClaim => "after-claim",
            Self::AfterStep => "after-step",
            Self::BeforeCommit => "before-commit",
            Self::AfterCommit => "after-commit",
        }
    }
}

/// Passes a place. `GD_FAILPOINT=before-commit:kill:3` kills this process when it comes by for the third time, `freeze` stops it until
/// it gets SIGCONT.
#[inline]
pub(crate) fn pass(place: Failpoint) {
    #[cfg(debug_assertions)]
    armed::pass(place);
    #[cfg(not(debug_assertions))]
    let _ = place;
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    use super::Failpoint;

    struct Armed {
        place: String,
        signal: Signal,
        at: u32,
        passed: AtomicU32,
    }

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| parse(&std::env::var("GD_FAILPOINT").ok()?));

    pub(super) fn pass(place: Failpoint) {
        let Some(armed) = ARMED.as_ref().filter(|armed| armed.place == place.name()) else { return };
        if armed.passed.fetch_add(1, Ordering::SeqCst) + 1 == armed.at {
            tracing::warn!(place = armed.place, "failpoint: this process is stopped");
            // It cannot fail for one's own process; if it did, the test that asked for it would see that nothing stopped.
            let _ = kill_process(getpid(), armed.signal);
        }
    }

    fn parse(text: &str) -> Option<Armed> {
        let mut parts = text.split(':');
        let place = parts.next()?.to_owned();
        let signal = match parts.next()? {
            "kill" => Signal::KILL,
            "freeze" => Signal::STOP,
            _ => return None,
        };
        let at = parts.next().unwrap_or("1").parse().ok()?;
        Some(Armed { place, signal, at, passed: AtomicU32::new(0) })
    }
}
