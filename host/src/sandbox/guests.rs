//! The threads that guests run on: their own, so that no crowd of them keeps the engine's beats and commits waiting.

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::Error;

/// A runtime for guests. It is shut down without waiting, since every attempt was ended before.
pub(super) struct Guests(Option<Runtime>);

impl Guests {
    /// As many threads as the machine has cores.
    pub(super) fn new() -> Result<Self, Error> {
        let runtime =
            Builder::new_multi_thread().thread_name("gd-guest").enable_all().build().map_err(Error::Thread)?;
        Ok(Self(Some(runtime)))
    }

    /// Runs a guest there. Dropping what comes back ends it at its next pause. `None` when its task panicked, which is a bug of
    /// the sandbox.
    pub(super) async fn run<T: Send + 'static>(&self, guest: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let mut task = AbortOnDrop(self.0.as_ref()?.spawn(guest));
        (&mut task.0).await.ok()
    }
}

impl Drop for Guests {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
