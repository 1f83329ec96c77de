//! One program on both engines.

use std::collections::BTreeMap;
use std::fmt;

use gd_core::model::{Delivered, Duplicate, Model, NewInstance, To};
use gd_core::{InstanceId, Limits};
use gd_host::host::{Signal, Start, Target as HostTarget};
use gd_tests::TestHost;
use serde_json::json;

use super::program::{Operation, Program, Target, WAIT_MS};
use super::real::{Real, SHORT_MS};
use super::{guest, view};

/// Attempts after which a program of the model is taken for one that never settles.
const ATTEMPTS_MAX: usize = 2_000;

/// How often what happened.
#[derive(Default)]
pub(super) struct Tally(BTreeMap<&'static str, usize>);

impl Tally {
    fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    /// Adds another one.
    pub(super) fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(what, count)| *self.0.entry(what).or_default() += count);
    }

    /// Programs that leave something out show nothing of it.
    pub(super) fn holds_some_of_everything(&self) {
        for what in [
            "next",
            "retry",
            "await",
            "done",
            "stop",
            "fault",
            "started",
            "duplicate",
            "stored",
            "redelivered",
            "no target",
            "elapsed",
            "cancelled",
            "held",
            "resumed",
            "refused",
        ] {
            assert!(self.0.contains_key(what), "no program has {what:?} in it: {self}");
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<String> = self.0.iter().map(|(what, count)| format!("{count} {what}")).collect();
        f.write_str(&told.join(", "))
    }
}

struct Play<'a> {
    model: Model,
    real: Real<'a>,
    /// Begins every key of this program.
    prefix: &'a str,
    /// Ids of the same instance: in memory, in the database.
    pairs: Vec<(InstanceId, InstanceId)>,
    sent: u64,
    tally: Tally,
}

/// Plays a program on both. `Err` says where they came to differ.
pub(super) async fn play(host: &TestHost, prefix: &str, program: &Program) -> Result<Tally, String> {
    let mut play = Play {
        model: Model::new(guest::descriptor(), Limits::default()),
        real: Real { host, ids: Vec::new() },
        prefix,
        pairs: Vec::new(),
        sent: 0,
        tally: Tally::default(),
    };
    for (number, operation) in program.0.iter().enumerate() {
        let at = |difference| format!("after operation {number} ({operation:?}): {difference}");
        play.carry_out(operation).await.map_err(at)?;
        play.settle_model();
        play.real.settle().await;
        play.compare().await.map_err(at)?;
    }
    Ok(play.tally)
}

impl Play<'_> {
    async fn carry_out(&mut self, operation: &Operation) -> Result<(), String> {
        match operation {
            Operation::Start { plan, on_fault, key, scope, delayed } => {
                let state = json!({ "plan": plan, "on_fault": on_fault, "notes": [] });
                let (correlation_key, scope) = (key.map(|key| self.key(key)), *scope);
                let delay_ms = if *delayed { WAIT_MS } else { 0 };
                let start = Start {
                    correlation_key: correlation_key.clone(),
                    scope,
                    delay_ms,
                    ..TestHost::probe(state.clone())
                };
                let state = state.to_string().into_bytes();
                self.start(NewInstance { state, correlation_key, scope, delay_ms, ..NewInstance::default() }, start)
                    .await
            }
            Operation::Signal { to, name, dedup } => self.signal(*to, name, *dedup).await,
            Operation::Elapse => {
                self.model.advance(2 * WAIT_MS);
                self.real.elapse(2 * WAIT_MS).await;
                self.tally.count("elapsed");
                Ok(())
            }
            Operation::Cancel(_) | Operation::Hold(_) | Operation::Resume(_) => self.control(operation).await,
        }
    }

    async fn start(&mut self, new: NewInstance, start: Start) -> Result<(), String> {
        match (self.model.start(new), self.real.start(start).await) {
            (Ok(model), Ok(real)) => self.pairs.push((model, real)),
            (Err(Duplicate(model)), Err(real)) if self.pairs.contains(&(model, real)) => return self.told("duplicate"),
            (model, real) => return Err(format!("a start: the model says {model:?}, the engine {real:?}")),
        }
        self.told("started")
    }

    async fn signal(&mut self, to: Target, name: &str, dedup: Option<u64>) -> Result<(), String> {
        let (to, target) = match to {
            Target::Key(key) => (To::Key(self.key(key)), HostTarget::Key(self.key(key))),
            Target::Instance(number) => match self.pair(number) {
                Some((model, real)) => (To::Id(model), HostTarget::Id(real)),
                None => return Ok(()),
            },
        };
        self.sent += 1;
        let (payload, dedup_key) = (self.sent.to_string().into_bytes(), dedup.map(|key| format!("d{key}")));
        let model = self.model.signal(&to, name, &payload, dedup_key.as_deref());
        let real = self.real.signal(target, Signal { name: name.into(), payload, dedup_key }).await;
        match (model, real) {
            (Delivered::Stored, Some(false)) => self.told("stored"),
            (Delivered::Duplicate, Some(true)) => self.told("redelivered"),
            (Delivered::NoTarget, None) => self.told("no target"),
            _ => Err(format!("a signal: the model says {model:?}, the engine {real:?}")),
        }
    }

    async fn control(&mut self, operation: &Operation) -> Result<(), String> {
        let (host, tenant) = (&self.real.host.host, self.real.host.tenant);
        let (model, real, what) = match operation {
            Operation::Cancel(number) => {
                let Some((model, real)) = self.pair(*number) else { return Ok(()) };
                (self.model.cancel(model, "x"), host.cancel(tenant, real, Some("x")).await.is_ok(), "cancelled")
            }
            Operation::Hold(number) => {
                let Some((model, real)) = self.pair(*number) else { return Ok(()) };
                (self.model.hold(model), host.pause(tenant, real).await.is_ok(), "held")
            }
            Operation::Resume(number) => {
                let Some((model, real)) = self.pair(*number) else { return Ok(()) };
                (self.model.resume(model), host.resume(tenant, real).await.is_ok(), "resumed")
            }
            Operation::Start { .. } | Operation::Signal { .. } | Operation::Elapse => return Ok(()),
        };
        if model != real {
            return Err(format!("{what}: the model says {model}, the engine {real}"));
        }
        self.told(if model { what } else { "refused" })
    }

    /// Runs what is due in memory until nothing is.
    fn settle_model(&mut self) {
        for _ in 0..ATTEMPTS_MAX {
            let Some(id) = self.model.due_within(SHORT_MS) else { return };
            let attempt = self.model.claim(id).expect("what is due can be claimed");
            let ending = guest::ending(&attempt, self.model.rules());
            let decision = self.model.commit(&attempt, ending).expect("nobody else has it");
            self.tally.count(decision.outcome.word());
        }
        panic!("the model does not settle");
    }

    async fn compare(&self) -> Result<(), String> {
        for (number, (model, real)) in self.pairs.iter().enumerate() {
            let host = self.real.host;
            let (model, real) = (view::of_model(&self.model, *model), view::of_host(host, *real).await);
            if let Some(difference) = view::difference(&model, &real) {
                return Err(format!("instance {number}: {difference}"));
            }
        }
        for key in 0..2 {
            let (model, real) = (self.model.holder(&self.key(key)), self.real.holder(&self.key(key)).await);
            let same = self.pairs.iter().any(|pair| model == Some(pair.0) && real == Some(pair.1));
            if !same && (model.is_some() || real.is_some()) {
                return Err(format!("the holder of key {key}: the model says {model:?}, the engine {real:?}"));
            }
        }
        Ok(())
    }

    fn told(&mut self, what: &'static str) -> Result<(), String> {
        self.tally.count(what);
        Ok(())
    }

    fn pair(&self, number: usize) -> Option<(InstanceId, InstanceId)> {
        (!self.pairs.is_empty()).then(|| self.pairs[number % self.pairs.len()])
    }

    fn key(&self, key: u64) -> String {
        format!("{}-{key}", self.prefix)
    }
}
