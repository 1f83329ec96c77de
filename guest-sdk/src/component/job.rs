//! A job as a component: a machine of one step.

use std::marker::PhantomData;

use super::SDK;
use crate::bindings::exports::gd::fsm::step::Guest;
use crate::bindings::gd::fsm::types::{
    Context, Descriptor, Failure as WireFailure, Fault, Form, Migrated, Migration, Outcome, StepInfo, Transition,
};
use crate::{Ctx, Failure, JobSpec, json};

/// The one step of a job.
const STEP: &str = "perform";

/// The exports of the job `J`.
#[derive(Debug)]
pub struct JobComponent<J>(PhantomData<J>);

impl<J: JobSpec + 'static> Guest for JobComponent<J> {
    fn describe() -> Descriptor {
        Descriptor {
            fsm: J::NAME.to_owned(),
            form: Form::Job,
            initial_step: STEP.to_owned(),
            steps: vec![StepInfo { name: STEP.to_owned(), next: Vec::new(), awaits: Vec::new() }],
            queue: J::QUEUE.map(str::to_owned),
            state_version: 1,
            migrates_from: Vec::new(),
            has_handle: false,
            retry: Some(J::RETRY.into()),
            state_content_type: json::CONTENT_TYPE.to_owned(),
            state_schema: None,
            sdk: SDK.to_owned(),
            extra: Vec::new(),
        }
    }

    fn run(mut context: Context) -> Result<Outcome, WireFailure> {
        if context.step != STEP {
            let message = format!("a job has no step `{}`, only `{STEP}`", context.step);
            return Err(Failure::new(message).code("unknown-step").into_wire(Form::Job));
        }
        let args = std::mem::take(&mut context.state);
        let result = J::perform(&args, &Ctx::new(context)).map_err(|failure| failure.into_wire(Form::Job))?;
        Ok(Outcome { transition: Transition::Done(result), effects: Vec::new() })
    }

    fn handle(_fault: Fault, _context: Context) -> Result<Option<Outcome>, WireFailure> {
        Ok(None)
    }

    fn migrate(migration: Migration) -> Result<Migrated, WireFailure> {
        let message = format!("a job has no state version but 1, not {}", migration.from_state_version);
        Err(Failure::new(message).code("no-migration").into_wire(Form::Job))
    }
}
