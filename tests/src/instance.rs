//! An instance as tests look at it.

use std::ops::Deref;

use gd_core::Status;
use gd_host::store::{InstanceRow, InstanceSummary};
use serde_json::Value;

/// An instance with its payloads read as JSON.
#[derive(Debug)]
pub struct Instance(pub InstanceRow);

impl Deref for Instance {
    type Target = InstanceSummary;

    fn deref(&self) -> &InstanceSummary {
        &self.0.summary
    }
}

impl Instance {
    /// Its state.
    pub fn state(&self) -> Value {
        serde_json::from_slice(&self.0.state).expect("the state is JSON")
    }

    /// Its result, of an instance that is done.
    pub fn result(&self) -> Value {
        assert_eq!(self.status, Status::Done, "{:?}", self.error);
        serde_json::from_slice(self.0.result.as_deref().expect("who is done has a result")).expect("the result is JSON")
    }

    /// What a probe noted, one entry per step: in its result if it is done, else in its state.
    pub fn notes(&self) -> Vec<Value> {
        let notes = if self.status == Status::Done { self.result() } else { self.state() };
        notes["notes"].as_array().cloned().unwrap_or_default()
    }

    /// What it failed with: kind, message, code.
    pub fn failure(&self) -> (&str, &str, Option<&str>) {
        assert_eq!(self.status, Status::Failed, "{:?}", self.0.summary);
        let error = self.error.as_ref().expect("who failed has an error");
        (&error.kind, &error.message, error.code.as_deref())
    }
}

/// One field of every note.
pub fn column(notes: &[Value], field: &str) -> Value {
    notes.iter().map(|note| note[field].clone()).collect()
}
