//! Reading what a child left behind.

use serde::de::DeserializeOwned;

use crate::bindings::gd::fsm::more;
use crate::{Child, ChildStatus, Failure, Result, json};

impl Child {
    /// Whether it ended with a result.
    pub fn is_done(&self) -> bool {
        self.status == ChildStatus::Done
    }

    /// The result of a child that is done, as a `T`.
    ///
    /// # Errors
    /// The failure `child-not-done`, or `child-decode` if its result is no `T`.
    pub fn result<T: DeserializeOwned>(&self) -> Result<T> {
        let Some(output) = self.output.as_deref() else {
            return Err(Failure::new(format!("child {} gave no result: it is {:?}", self.id, self.status))
                .code("child-not-done"));
        };
        // Beyond the context's cap the host leaves a payload out. No JSON text is empty, so nothing else looks like it.
        let paged = if output.is_empty() { page(self, more::child_output) } else { None };
        self.read(paged.as_deref().unwrap_or(output), "result")
    }

    /// Its last committed state, as a `T`.
    ///
    /// # Errors
    /// The failure `child-decode` if its state is no `T`.
    pub fn last_state<T: DeserializeOwned>(&self) -> Result<T> {
        let paged = if self.state.is_empty() { page(self, more::child_state) } else { None };
        self.read(paged.as_deref().unwrap_or(&self.state), "state")
    }

    fn read<T: DeserializeOwned>(&self, payload: &[u8], what: &str) -> Result<T> {
        json::decode(payload).map_err(|error| {
            Failure::new(format!("the {what} of child {} cannot be read: {error}", self.id)).code("child-decode")
        })
    }
}

fn page(child: &Child, read: fn(u32, u32) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    if cfg!(target_arch = "wasm32") { read(child.index, child.round) } else { None }
}
