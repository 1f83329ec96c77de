//! A state machine as a component.

use std::marker::PhantomData;

use super::SDK;
use super::outcome::{decided, encode_state, handled};
use crate::bindings::exports::gd::fsm::step::Guest;
use crate::bindings::gd::fsm::types::{
    Context, Descriptor, Failure as WireFailure, Fault, Form, Migrated as WireMigrated, Migration, Outcome,
};
use crate::duration::whole_ms;
use crate::{Ctx, Failure, Machine, Parked, Result, StepRef, json};

/// The exports of the machine `M`.
#[derive(Debug)]
pub struct MachineComponent<M>(PhantomData<M>);

impl<M: Machine> Guest for MachineComponent<M> {
    fn describe() -> Descriptor {
        Descriptor {
            fsm: M::NAME.to_owned(),
            form: Form::Machine,
            initial_step: M::INITIAL.name().to_owned(),
            steps: M::graph().into_iter().map(Into::into).collect(),
            queue: M::QUEUE.map(str::to_owned),
            state_version: M::STATE_VERSION,
            migrates_from: M::MIGRATES_FROM.to_vec(),
            has_handle: M::HAS_HANDLE,
            retry: None,
            state_content_type: json::CONTENT_TYPE.to_owned(),
            state_schema: None,
            sdk: SDK.to_owned(),
            extra: Vec::new(),
        }
    }

    fn run(context: Context) -> Result<Outcome, WireFailure> {
        run::<M>(context).map_err(|failure| failure.into_wire(Form::Machine))
    }

    fn handle(fault: Fault, mut context: Context) -> Result<Option<Outcome>, WireFailure> {
        let Ok(state) = decode_state::<M>(&mut context) else {
            // A handler without a state cannot decide anything; the host's default gives a rollback its time.
            return Ok(None);
        };
        handled(state.on_fault(&fault, &Ctx::new(context))).map_err(|failure| failure.into_wire(Form::Machine))
    }

    fn migrate(migration: Migration) -> Result<WireMigrated, WireFailure> {
        migrate::<M>(migration).map_err(|failure| failure.into_wire(Form::Machine))
    }
}

fn run<M: Machine>(mut context: Context) -> Result<Outcome> {
    let step = find_step::<M>(&context.step)?;
    let state = decode_state::<M>(&mut context)?;
    decided(step.call(state, &Ctx::new(context)))
}

fn migrate<M: Machine>(migration: Migration) -> Result<WireMigrated> {
    let Migration { from_state_version, step, state, awaits } = migration;
    let at = Parked { step, awaits, from_state_version };
    let migrated = M::upgrade(&state, &at)?;
    let step = match migrated.step {
        Some(step) => step,
        None => find_step::<M>(&at.step)?,
    };
    Ok(WireMigrated {
        step: step.name().to_owned(),
        state: encode_state(&migrated.state)?,
        awaits: migrated.awaits,
        timeout_ms: migrated.timeout.map(whole_ms),
    })
}

fn find_step<M: Machine>(name: &str) -> Result<StepRef<M>> {
    M::STEPS.iter().find(|step| step.name() == name).copied().ok_or_else(|| {
        Failure::new(format!("`{}` at state version {} has no step `{name}`", M::NAME, M::STATE_VERSION))
            .code("unknown-step")
    })
}

/// Takes the state out of the context, since the step gets it by value.
fn decode_state<M: Machine>(context: &mut Context) -> Result<M> {
    let state = std::mem::take(&mut context.state);
    json::decode(&state).map_err(|error| {
        Failure::new(format!("the state at step `{}` cannot be read: {error}", context.step)).code("state-decode")
    })
}
