//! The harness against gd-core's engine in memory, which is itself held against the real one: the same programs, step by step.

use gd_core::model::{Delivered, Model, NewInstance, To};
use gd_core::{
    Await, Descriptor, Ending, ErrorInfo, Fault, FaultKind, InstanceId, Limits, Next, Outcome, Position, Retry,
    ScheduleChildren, Scope, SignalSpec, StartSpec, Status, Target, Transition, decide,
};

use super::{World, convert};
use crate::bindings::exports::gd::fsm::step::Guest;
use crate::component::MachineComponent;
use crate::prelude::*;
use crate::{EffectOutcome, Machine};

const PROGRAMS: u64 = 300;
const OPERATIONS: usize = 120;

/// Its steps are never run: the programs say how they end.
#[derive(Serialize, Deserialize)]
struct Puppet {}

#[gd_guest::fsm(name = "puppet")]
impl Puppet {
    #[initial]
    fn a(self, _ctx: &Ctx) -> Step<Self> {
        next(Self::b, self)
    }

    fn b(self, _ctx: &Ctx) -> Step<Self> {
        next(Self::a, self)
    }
}

/// The same numbers in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.roll(from.len() as u64)).unwrap()].clone()
    }

    fn outcome(&mut self) -> Outcome {
        let (step, state) = (self.pick(&["a", "b", "nowhere"]).to_owned(), self.roll(100).to_string().into_bytes());
        let names = self.pick(&[vec!["x"], vec!["x", "y"], vec!["y", "y"], vec![]]);
        let names = names.into_iter().map(str::to_owned).collect();
        match self.roll(8) {
            0 | 1 => Transition::Next(Next { delay_ms: self.pick(&[None, Some(50)]), ..Next::to(step, state) }),
            2 => Transition::Retry(Retry { state, delay_ms: self.roll(50) }),
            3..=5 => Transition::Await(Await { names, step, state, timeout_ms: self.pick(&[None, Some(30)]) }),
            6 => Transition::ScheduleChildren(ScheduleChildren { step, state, children: vec![] }),
            _ => self.pick(&[
                Transition::Done(b"1".to_vec()),
                Transition::Stop(ErrorInfo { kind: "stop".into(), message: "enough".into(), code: None }),
            ]),
        }
        .into()
    }

    fn ending(&mut self) -> Ending {
        let fault = Fault::new(self.pick(&[FaultKind::Trap, FaultKind::Timeout, FaultKind::Error]), "broken");
        match self.roll(6) {
            0 => Ending::Fault(fault),
            1 => Ending::Handled { fault, outcome: self.outcome() },
            _ => Ending::Outcome(self.outcome()),
        }
    }
}

/// Both engines at the same point of the same program.
struct Pair {
    model: Model,
    world: World,
}

impl Pair {
    fn new() -> Self {
        let descriptor: Descriptor = convert::descriptor(MachineComponent::<Puppet>::describe());
        let mut world = World::new(0);
        world.programs.add::<Puppet>();
        Self { model: Model::new(descriptor, Limits::default()), world }
    }

    fn start(&mut self, dice: &mut Dice) {
        let correlation_key: Option<String> = dice.pick(&[None, Some("k"), Some("l")]).map(str::to_owned);
        let scope = Scope { on_done: dice.roll(2) == 0, on_failed: dice.roll(2) == 0, on_cancelled: false };
        let (delay_ms, priority) = (dice.roll(20), 0);
        let state = b"{}".to_vec();
        let spec = StartSpec {
            fsm: Puppet::NAME.to_owned(),
            step: None,
            state: state.clone(),
            queue: None,
            priority,
            delay_ms,
            correlation_key: correlation_key.clone(),
            scope,
            unique: true,
            concurrency_key: None,
            rate_limit: None,
            weight: 1,
        };
        let new = NewInstance { step: None, state, priority, delay_ms, correlation_key, scope };
        assert_eq!(self.world.start(spec), self.model.start(new).map_err(|duplicate| duplicate.0));
    }

    fn signal(&mut self, dice: &mut Dice) {
        let id = dice.roll(6);
        let (to, target) = match dice.pick(&[None, Some("k"), Some("l")]).map(str::to_owned) {
            Some(key) => (To::Key(key.clone()), Target::Key(key)),
            None => (To::Id(InstanceId(i64::try_from(id).unwrap())), Target::Id(id.to_string())),
        };
        let (name, dedup_key) = (dice.pick(&["x", "y", "z"]), dice.pick(&[None, Some("1"), Some("2")]));
        let delivered = self.model.signal(&to, name, b"7", dedup_key);
        let (name, dedup_key) = (name.to_owned(), dedup_key.map(str::to_owned));
        let outcome = self.world.deliver(SignalSpec { target, name, payload: b"7".to_vec(), dedup_key });
        let same = matches!(
            (delivered, &outcome),
            (Delivered::Stored, EffectOutcome::Delivered)
                | (Delivered::Duplicate, EffectOutcome::Duplicate(_))
                | (Delivered::NoTarget, EffectOutcome::NoTarget)
        );
        assert!(same, "{delivered:?} and {outcome:?}");
    }

    fn attempt(&mut self, dice: &mut Dice) {
        let runnable = self.model.instances().filter(|(_, instance)| instance.status == Status::Runnable);
        let runnable: Vec<InstanceId> = runnable.map(|(id, _)| id).collect();
        if runnable.is_empty() {
            return;
        }
        let (id, ending) = (dice.pick(&runnable), dice.ending());
        let attempt = self.model.claim(id).unwrap();
        self.model.commit(&attempt, ending.clone()).unwrap();
        let row = &self.world.rows[&id];
        let (handed, context) = (row.inbox().handed(), row.context(self.world.now_ms));
        assert_eq!((attempt.wake, attempt.inbox), (row.wake, row.inbox()));
        assert_eq!((context.attempt, context.faults), (attempt.attempt, attempt.faults));
        let awaited = handed.clone();
        let position = Position { attempt: row.attempt, faults: row.faults, awaited, concurrency_key: None };
        let (descriptor, limits) = self.model.rules();
        self.world.commit(id, decide(&position, ending, descriptor, limits), &handed);
    }

    fn pass(&mut self, ms: u64) {
        self.model.advance(ms);
        self.world.pass(self.model.now_ms());
    }

    fn check(&self) {
        assert_eq!(self.model.instances().count(), self.world.rows.len());
        for (id, is) in self.model.instances() {
            let row = &self.world.rows[&id];
            let model = (is.status, &is.step, &is.state, is.attempt, is.faults, is.wake, &is.awaits, &is.inbox);
            let harness =
                (row.status, &row.step, &row.state, row.attempt, row.faults, row.wake, &row.awaits, &row.inbox);
            assert_eq!(harness, model, "instance {id}");
            let model = (is.visit, is.await_deadline_ms, &is.result, &is.error);
            assert_eq!((i64::try_from(row.visit).unwrap(), row.deadline_ms, &row.result, &row.error), model, "{id}");
            if is.status == Status::Runnable {
                assert_eq!(row.eligible_at_ms, is.eligible_at_ms, "instance {id}");
            }
        }
    }
}

#[test]
fn the_harness_comes_to_what_the_engine_in_memory_comes_to() {
    let mut ended = 0;
    for seed in 0..PROGRAMS {
        let (mut pair, mut dice) = (Pair::new(), Dice(seed));
        for _ in 0..OPERATIONS {
            match dice.roll(8) {
                0 => pair.start(&mut dice),
                1 | 2 => pair.signal(&mut dice),
                3 => pair.pass(dice.roll(40)),
                _ => pair.attempt(&mut dice),
            }
            pair.check();
        }
        ended += pair.model.instances().filter(|(_, instance)| instance.status.is_terminal()).count();
    }
    assert!(ended > 1_000, "{ended} instances came to an end");
}
