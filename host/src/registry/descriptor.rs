//! A descriptor as it stands in the database: JSON that later builds must still read.

use gd_core::{Backoff, Descriptor, Form, StepInfo};
use serde::{Deserialize, Serialize};

/// The stored form of [`Descriptor`]. Fields are only ever added, with a default.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields of gd_core::Descriptor")]
pub struct DescriptorDoc {
    pub fsm: String,
    pub form: FormDoc,
    pub initial_step: String,
    pub steps: Vec<StepDoc>,
    pub queue: Option<String>,
    pub state_version: u32,
    pub migrates_from: Vec<u32>,
    pub has_handle: bool,
    pub max_attempts: u32,
    pub backoff_base_ms: u64,
    pub backoff_cap_ms: u64,
    pub state_content_type: String,
    pub state_schema: Option<String>,
    pub sdk: String,
}

/// The stored form of [`Form`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormDoc {
    Machine,
    Job,
}

/// The stored form of [`StepInfo`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepDoc {
    pub name: String,
    pub next: Vec<String>,
    pub awaits: Vec<String>,
}

impl From<&Descriptor> for DescriptorDoc {
    fn from(descriptor: &Descriptor) -> Self {
        let d = descriptor.clone();
        Self {
            fsm: d.fsm,
            form: match d.form {
                Form::Machine => FormDoc::Machine,
                Form::Job => FormDoc::Job,
            },
            initial_step: d.initial_step,
            steps: d.steps.into_iter().map(|s| StepDoc { name: s.name, next: s.next, awaits: s.awaits }).collect(),
            queue: d.queue,
            state_version: d.state_version,
            migrates_from: d.migrates_from,
            has_handle: d.has_handle,
            max_attempts: d.max_attempts,
            backoff_base_ms: d.backoff.base_ms,
            backoff_cap_ms: d.backoff.cap_ms,
            state_content_type: d.state_content_type,
            state_schema: d.state_schema,
            sdk: d.sdk,
        }
    }
}

impl From<DescriptorDoc> for Descriptor {
    fn from(d: DescriptorDoc) -> Self {
        Self {
            fsm: d.fsm,
            form: match d.form {
                FormDoc::Machine => Form::Machine,
                FormDoc::Job => Form::Job,
            },
            initial_step: d.initial_step,
            steps: d.steps.into_iter().map(|s| StepInfo { name: s.name, next: s.next, awaits: s.awaits }).collect(),
            queue: d.queue,
            state_version: d.state_version,
            migrates_from: d.migrates_from,
            has_handle: d.has_handle,
            max_attempts: d.max_attempts,
            backoff: Backoff { base_ms: d.backoff_base_ms, cap_ms: d.backoff_cap_ms },
            state_content_type: d.state_content_type,
            state_schema: d.state_schema,
            sdk: d.sdk,
        }
    }
}
