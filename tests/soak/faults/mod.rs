//! Faults, one after the other, each of every kind at least once, with time for work in between.

mod carry_out;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::now_ms;
use crate::stage::Stage;
use gd_tests::Random;

/// Shortest and longest mean time between the end of one fault and the next.
const GAP_MS: (u64, u64) = (1_500, 6_000);
/// How many faults a run of any length has about, up to the longest gap.
const FAULTS_MIN: u64 = 24;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Kill,
    Freeze,
    Terminate,
    Crash,
    EndBackends,
    CutBeforeCommit,
    CutAfterCommit,
    CutAnswer,
    Sever,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::Kill,
        Self::Freeze,
        Self::Terminate,
        Self::Crash,
        Self::EndBackends,
        Self::CutBeforeCommit,
        Self::CutAfterCommit,
        Self::CutAnswer,
        Self::Sever,
    ];

    /// For people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Kill => "hosts killed (SIGKILL)",
            Self::Freeze => "hosts frozen beyond their lease",
            Self::Terminate => "hosts stopped (SIGTERM)",
            Self::Crash => "crashes of Postgres",
            Self::EndBackends => "times backends were ended",
            Self::CutBeforeCommit => "flushes cut off before COMMIT",
            Self::CutAfterCommit => "flushes cut off after COMMIT",
            Self::CutAnswer => "answers to a client's commit cut off",
            Self::Sever => "times both connections were severed",
        }
    }
}

/// One fault that happened.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) at_ms: i64,
    /// When everything was as before, by this machine's clock.
    pub(crate) healed_ms: i64,
}

impl Fault {
    pub(crate) fn json(&self) -> Value {
        json!({ "kind": self.kind.words(), "at_ms": self.at_ms, "healed_ms": self.healed_ms })
    }
}

/// What has happened so far. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Happened {
    faults: Arc<Mutex<Vec<Fault>>>,
    surprises: Arc<Mutex<Vec<String>>>,
}

impl Happened {
    pub(crate) fn faults(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What no fault explains: a promise broken.
    pub(crate) fn surprises(&self) -> MutexGuard<'_, Vec<String>> {
        self.surprises.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.faults().iter().filter(|fault| fault.kind == kind).count()
    }
}

/// Whoever makes the faults.
pub(crate) struct Chaos<'a> {
    pub(crate) stage: &'a mut Stage,
    pub(crate) random: Random,
    pub(crate) happened: Happened,
    /// The run was given up.
    pub(crate) stop: CancellationToken,
}

impl Chaos<'_> {
    /// Makes faults for this long, and on until every kind has had its turn. Everything is healed when it returns.
    pub(crate) async fn run(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        let mean = (u64::try_from(time.as_millis()).unwrap_or(u64::MAX) / FAULTS_MIN).clamp(GAP_MS.0, GAP_MS.1);
        let mut deck: Vec<Kind> = Vec::new();
        let mut rounds = 0;
        loop {
            if deck.is_empty() {
                rounds += 1;
                deck = Kind::ALL.to_vec();
                self.random.shuffle(&mut deck);
            }
            let gap = Duration::from_millis(self.random.between(mean / 2..=mean * 3 / 2));
            let first_round = rounds == 1;
            let next = if first_round { Instant::now() + gap } else { end.min(Instant::now() + gap) };
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = self.stop.cancelled() => return Ok(()),
            }
            self.look_after_hosts().await?;
            if Instant::now() >= end && !first_round {
                return Ok(());
            }
            let Some(kind) = deck.pop() else { continue };
            let at_ms = now_ms();
            if self.carry_out(kind).await? {
                self.happened.faults().push(Fault { kind, at_ms, healed_ms: now_ms() });
            }
        }
    }

    /// A host ends when it is told to, and else never.
    async fn look_after_hosts(&mut self) -> anyhow::Result<()> {
        for host in &mut self.stage.hosts {
            if let Some(status) = host.ended_by_itself() {
                self.happened.surprises().push(format!("host {} ended by itself: {status}", host.name));
                host.start().await?;
            }
        }
        Ok(())
    }
}
