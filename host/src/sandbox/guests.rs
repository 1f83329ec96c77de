//! The threads that guests run on: their own, so that no crowd of them keeps the engine's beats and commits waiting.

use tokio::runtime::{Builder, Handle, Runtime};

use super::Error;

/// A runtime for guests. It is shut down without waiting, since every attempt was ended before.
pub(super) struct Guests {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Guests {
    /// As many threads as the machine has cores.
    pub(super) fn new() -> Result<Self, Error> {
        let runtime =
            Builder::new_multi_thread().thread_name("gd-guest").enable_all().build().map_err(Error::Thread)?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// What to spawn attempts on.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Guests {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
