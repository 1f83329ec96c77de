//! The workflows that a harness knows, and one attempt at a step of them, as the sandbox makes it.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gd_core::{Descriptor, Ending, Fault, FaultKind, InvalidOutcome, Limits, Outcome, StartSpec, Transition};

use super::convert;
use crate::bindings::exports::gd::fsm::step::Guest;
use crate::bindings::gd::fsm::types::{Context, Failure as WireFailure, Fault as WireFault, Outcome as WireOutcome};
use crate::component::Workflow;

/// All workflows of one harness, by the name that instances are started under.
#[derive(Debug, Default)]
pub(super) struct Programs(BTreeMap<String, Program>);

/// One workflow.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) descriptor: Descriptor,
    run: fn(Context) -> Result<WireOutcome, WireFailure>,
    handle: fn(WireFault, Context) -> Result<Option<WireOutcome>, WireFailure>,
}

impl Programs {
    /// Adds a workflow.
    ///
    /// # Panics
    /// If its descriptor would be refused at deploy, or its name is taken.
    pub(super) fn add<W: Workflow>(&mut self) {
        let descriptor = convert::descriptor(W::Component::describe());
        let name = descriptor.fsm.clone();
        descriptor.validate().unwrap_or_else(|error| panic!("`{name}` could not be deployed: {error}"));
        let program = Program { descriptor, run: W::Component::run, handle: W::Component::handle };
        assert!(self.0.insert(name.clone(), program).is_none(), "the harness has a workflow `{name}` already");
    }

    /// The workflow of this name.
    ///
    /// # Panics
    /// If the harness does not know it: a test that says less than it means.
    pub(super) fn get(&self, fsm: &str) -> &Program {
        let known = || self.0.keys().cloned().collect::<Vec<_>>().join(", ");
        self.0.get(fsm).unwrap_or_else(|| {
            panic!("nobody knows the workflow `{fsm}` that is to be started, only {}; add it: `.with::<…>()`", known())
        })
    }

    /// Whether what is to be started could be.
    ///
    /// # Errors
    /// It begins at a step that its workflow does not have.
    pub(super) fn check(&self, spec: &StartSpec) -> Result<(), InvalidOutcome> {
        let descriptor = &self.get(&spec.fsm).descriptor;
        match &spec.step {
            Some(step) if !descriptor.has_step(step) => Err(InvalidOutcome::UnknownStep(step.clone())),
            Some(_) | None => Ok(()),
        }
    }

    /// Runs the step of the context, and the handler where the step failed and there is one.
    pub(super) fn attempt(&self, context: Context) -> Ending {
        let program = self.get(&context.fsm);
        if !program.descriptor.has_handle {
            return self.step(context).map_or_else(Ending::Fault, Ending::Outcome);
        }
        // The handler is given the state from before the step, and none of its signals.
        let (awaited, others, children, effect_results) = (vec![], vec![], vec![], vec![]);
        let for_handler = Context { awaited, others, children, effect_results, ..context.clone() };
        match self.step(context) {
            Ok(outcome) => Ending::Outcome(outcome),
            Err(fault) => self.handle(fault, for_handler),
        }
    }

    /// Runs the step alone.
    pub(super) fn step(&self, context: Context) -> Result<Outcome, Fault> {
        let program = self.get(&context.fsm);
        let outcome = guarded(|| (program.run)(context))?.map_err(convert::failure)?;
        self.valid(program, outcome).map_err(invalid)
    }

    fn handle(&self, fault: Fault, context: Context) -> Ending {
        let program = self.get(&context.fsm);
        let asked = convert::fault(&fault, context.faults.saturating_add(1));
        let answer = guarded(|| (program.handle)(asked, context))
            .and_then(|answer| answer.map_err(convert::failure))
            .and_then(|answer| answer.map(|outcome| self.valid(program, outcome).map_err(invalid)).transpose());
        match answer {
            Ok(Some(outcome)) => Ending::Handled { fault, outcome },
            Ok(None) => Ending::Fault(fault),
            Err(handler) => Ending::HandlerFailed { fault, handler },
        }
    }

    fn valid(&self, program: &Program, outcome: WireOutcome) -> Result<Outcome, InvalidOutcome> {
        let outcome = convert::outcome(outcome)?;
        outcome.validate(&program.descriptor, &Limits::default())?;
        if let Transition::ScheduleChildren(schedule) = &outcome.transition {
            for (index, child) in schedule.children.iter().enumerate() {
                self.check(child).map_err(|broken| InvalidOutcome::Child(index, broken.code(), broken.to_string()))?;
            }
        }
        Ok(outcome)
    }
}

fn invalid(broken: InvalidOutcome) -> Fault {
    Fault::new(FaultKind::InvalidOutcome, broken.to_string()).with_code(broken.code())
}

/// A panic is what a trap is in the sandbox. Whatever the step left in memory is not used again there; natively, statics are.
fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| Fault::new(FaultKind::Trap, text(&*payload)))
}

fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message").to_owned()
}
