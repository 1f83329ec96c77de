//! A component made ready to run: compiled, linked, described.

use std::sync::Arc;

use gd_core::Descriptor;
use tokio_util::sync::CancellationToken;
use wasmtime::component::Component;

use super::attempt::Attempt;
use super::bindings::FsmPre;
use super::engine::Core;
use super::run::{self, Called};
use super::{Desk, Error, Inspection, NoDesk, StepLimits, convert};

/// A version's code. Cheap to clone is the `Arc` around it; each attempt makes a fresh instance of it.
pub struct Program {
    pub(super) pre: FsmPre<Attempt>,
    /// What the component says of itself.
    pub descriptor: Descriptor,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("descriptor", &self.descriptor).finish_non_exhaustive()
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
    Ok(Program { pre, descriptor })
}

async fn describe(core: &Core, pre: &FsmPre<Attempt>) -> Result<Descriptor, Error> {
    let limits = StepLimits::for_describe();
    let _turn = core.describes.acquire().await;
    let desk: Arc<dyn Desk> = Arc::new(NoDesk);
    let (called, ..) =
        run::in_fresh_instance(core, pre, (&limits, &CancellationToken::new(), &desk), async |fsm, store| {
            fsm.gd_fsm_step().call_describe(store).await
        })
        .await;
    match called {
        Called::Returned(described) => convert::descriptor(described).map_err(Error::UnknownExtra),
        Called::Faulted(fault) => Err(Error::DescribeFailed(fault.message)),
        Called::Interrupted => Err(Error::DescribeFailed("it was interrupted".into())),
    }
}
