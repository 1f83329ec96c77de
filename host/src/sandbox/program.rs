//! A component made ready to run: compiled, linked, described.

use std::sync::Arc;

use gd_core::Descriptor;
use tokio_util::sync::CancellationToken;
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, TypedFunc};

use super::attempt::Attempt;
use super::bindings::FsmPre;
use super::bindings::gd::fsm::types as wit;
use super::engine::Core;
use super::entry::{self, Answer};
use super::run::{self, Called};
use super::{Desk, Error, Inspection, NoDesk, StepLimits, convert};

/// What every component exports.
const STEP_INTERFACE: &str = "gd:fsm/step@0.1.0";

/// A version's code. Cheap to clone is the `Arc` around it; each attempt makes a fresh instance of it.
pub struct Program {
    pre: InstancePre<Attempt>,
    run: ComponentExportIndex,
    handle: ComponentExportIndex,
    /// What the component says of itself.
    pub descriptor: Descriptor,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("descriptor", &self.descriptor).finish_non_exhaustive()
    }
}

impl Program {
    /// Runs a step in an instance of its own.
    pub(super) async fn run(
        &self,
        store: &mut Store<Attempt>,
        context: &wit::Context,
    ) -> wasmtime::Result<Answer<wit::Outcome>> {
        let instance = self.pre.instantiate_async(&mut *store).await?;
        let run = entry::run(&instance, &mut *store, self.run)?;
        Ok(run.call_async(store, (context,)).await?.0)
    }

    /// Asks the handler in an instance of its own.
    pub(super) async fn handle(
        &self,
        store: &mut Store<Attempt>,
        fault: &wit::Fault,
        context: &wit::Context,
    ) -> wasmtime::Result<Answer<Option<wit::Outcome>>> {
        let instance = self.pre.instantiate_async(&mut *store).await?;
        let handle: TypedFunc<(&wit::Fault, &wit::Context), (Answer<Option<wit::Outcome>>,)> =
            instance.get_typed_func(&mut *store, self.handle)?;
        Ok(handle.call_async(store, (fault, context)).await?.0)
    }
}

/// Links a compiled component and asks it to describe itself, in an instance of its own.
pub(super) async fn prepare(core: &Core, component: &Component, inspection: &Inspection) -> Result<Program, Error> {
    let linker = if inspection.wants_http { &core.with_http } else { &core.plain };
    if inspection.wants_http && core.egress.denies_all() {
        return Err(Error::EgressNotGranted);
    }
    let pre = linker.instantiate_pre(component).map_err(|error| Error::DoesNotLink(format!("{error:#}")))?;
    let pre = FsmPre::new(pre).map_err(|error| Error::DoesNotLink(format!("{error:#}")))?;
    let descriptor = describe(core, &pre).await?;
    descriptor.validate().map_err(Error::Descriptor)?;
    let step = component.get_export_index(None, STEP_INTERFACE);
    let function = |name: &str| {
        let found = step.as_ref().and_then(|step| component.get_export_index(Some(step), name));
        found.ok_or_else(|| Error::DoesNotLink(format!("it exports no function {name} of {STEP_INTERFACE}")))
    };
    let (run, handle) = (function("run")?, function("handle")?);
    Ok(Program { pre: pre.instance_pre().clone(), run, handle, descriptor })
}

async fn describe(core: &Core, pre: &FsmPre<Attempt>) -> Result<Descriptor, Error> {
    let limits = StepLimits::for_describe();
    let _turn = core.describes.acquire().await;
    let desk: Arc<dyn Desk> = Arc::new(NoDesk);
    let (called, ..) = run::in_fresh_instance(core, (&limits, &CancellationToken::new(), &desk), async |store| {
        // Looks up all of the interface: whatever has other types than the contract's is refused here.
        let fsm = pre.instantiate_async(&mut *store).await?;
        fsm.gd_fsm_step().call_describe(store).await
    })
    .await;
    match called {
        Called::Returned(described) => convert::descriptor(described).map_err(Error::UnknownExtra),
        Called::Faulted(fault) => Err(Error::DescribeFailed(fault.message)),
        Called::Interrupted => Err(Error::DescribeFailed("it was interrupted".into())),
    }
}
