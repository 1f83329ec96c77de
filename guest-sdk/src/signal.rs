//! Reading a signal.

use serde::de::DeserializeOwned;

use crate::{Failure, Result, Signal, json};

impl Signal {
    /// The payload as a `T`. No payload at all reads as `{}`, or as `null`.
    ///
    /// # Errors
    /// The failure `signal-decode`, which `?` makes the step's; a step that would rather ignore such a signal matches on it.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        json::decode(&self.payload).map_err(|error| {
            Failure::new(format!("signal {} `{}` cannot be read: {error}", self.id, self.name)).code("signal-decode")
        })
    }
}
