//! What comes from outside: starts, signals, an operator's cancel, and time.

use std::time::Duration;

use gd_core::{Effect, Limits, Status};

use super::{Harness, convert};
use crate::bindings::gd::fsm::types as wire;
use crate::duration::whole_ms;
use crate::{EffectOutcome, SendSignal, Start};

impl Harness {
    /// Starts an instance and returns its id.
    ///
    /// # Panics
    /// If the key is taken, or the host would refuse it.
    #[track_caller]
    pub fn start(&mut self, start: Start) -> String {
        match self.try_start(start) {
            EffectOutcome::Started(id) => id,
            EffectOutcome::Duplicate(id) => panic!("not started: the key is held by {}", self.instance(&id)),
            other => panic!("not started: {other:?}"),
        }
    }

    /// Starts an instance, unless its key is taken: then it is a `Duplicate` of the holder, whose id is given.
    ///
    /// # Panics
    /// If the harness does not know the workflow, or the host would refuse the start.
    #[track_caller]
    pub fn try_start(&mut self, start: Start) -> EffectOutcome {
        let spec =
            convert::start(wire::StartSpec::from(start)).unwrap_or_else(|broken| panic!("not started: {broken}"));
        let checked = Effect::Start(spec.clone()).validate(&Limits::default());
        checked
            .and_then(|()| self.world.programs.check(&spec))
            .unwrap_or_else(|broken| panic!("not started: {broken}"));
        match self.world.start(spec) {
            Ok(id) => EffectOutcome::Started(id.to_string()),
            Err(holder) => EffectOutcome::Duplicate(holder.to_string()),
        }
    }

    /// Sends a signal. One whose deduplication key is known changes nothing.
    ///
    /// # Panics
    /// If nobody who lives is meant.
    #[track_caller]
    pub fn signal(&mut self, signal: SendSignal) -> &mut Self {
        let wire::SignalSpec { target, name, .. } = wire::SignalSpec::from(signal.clone());
        let whose = match target {
            wire::Target::Id(id) => format!("id `{id}`"),
            wire::Target::Key(key) => format!("key `{key}`"),
        };
        let outcome = self.try_signal(signal);
        assert!(
            outcome != EffectOutcome::NoTarget,
            "nobody who lives has the {whose} to get `{name}`. {}",
            self.told()
        );
        self
    }

    /// Sends a signal and tells what became of it: `Delivered`, `Duplicate` or `NoTarget`.
    ///
    /// # Panics
    /// If the host would refuse it.
    #[track_caller]
    pub fn try_signal(&mut self, signal: SendSignal) -> EffectOutcome {
        let spec = convert::signal_spec(wire::SignalSpec::from(signal));
        let checked = Effect::Signal(spec.clone()).validate(&Limits::default());
        checked.unwrap_or_else(|broken| panic!("not sent: {broken}"));
        self.world.deliver(spec)
    }

    /// Ends an instance as cancelled, as an operator would. Nothing happens to one that has ended.
    #[track_caller]
    pub fn cancel(&mut self, id: &str) -> &mut Self {
        let id = self.instance(id).row.id;
        if let Some(row) = self.world.rows.get_mut(&id).filter(|row| row.is_live()) {
            let (kind, message) = ("cancelled".to_owned(), "cancelled by the test".to_owned());
            row.end(Status::Cancelled, None, Some(gd_core::ErrorInfo { kind, message, code: None }));
            self.world.tell_parent(id);
        }
        self
    }

    /// Lets time pass. What has waited long enough for a signal is woken by its timeout; nothing runs before the next drain.
    pub fn advance(&mut self, time: Duration) -> &mut Self {
        self.world.pass(self.world.now_ms.saturating_add(whole_ms(time)));
        self
    }

    /// Lets time pass until the last of all timeouts that are waited for, and returns how many instances were woken by one.
    pub fn fire_timeouts(&mut self) -> usize {
        let last = self.world.deadlines().max();
        last.map_or(0, |until_ms| self.world.pass(until_ms))
    }
}
