//! Names that callers give: checked at the edge, and queues by number.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use gd_core::valid_name;

use super::Error;
use crate::store::{self, Store};

/// Queue numbers that are known here; a queue's number never changes.
#[derive(Default)]
pub(super) struct Queues(Mutex<HashMap<String, i32>>);

impl Queues {
    pub(super) async fn number(&self, store: &Store, name: &str) -> Result<i32, store::Error> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        if let Some(number) = known {
            return Ok(number);
        }
        let number = store.intern_queue(name).await?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), number);
        Ok(number)
    }
}

/// # Errors
/// [`Error::InvalidName`], with what was named.
pub(super) fn check(what: &'static str, name: &str) -> Result<(), Error> {
    valid_name(name).map(drop).map_err(|reason| Error::InvalidName { what, reason })
}
