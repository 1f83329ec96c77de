//! Deployed versions: taken in, stored, routed, and loaded when a step needs one.

mod deploy;
mod descriptor;
mod error;
mod history;
mod programs;
mod route;

use crate::sandbox::Sandbox;
use crate::store::Store;

pub use deploy::Deployed;
pub(crate) use deploy::hex;
pub use descriptor::DescriptorDoc;
pub use error::Error;
pub use programs::Loaded;
pub use route::Routed;

/// The versions of one host. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    store: Store,
    sandbox: Sandbox,
    programs: programs::Programs,
    levels: history::Levels,
}

impl Registry {
    /// A registry with nothing loaded yet.
    pub fn new(store: Store, sandbox: Sandbox) -> Self {
        Self { store, sandbox, programs: programs::Programs::default(), levels: history::Levels::default() }
    }
}
