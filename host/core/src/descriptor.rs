//! What a component says of itself, read once at deploy.

use std::collections::BTreeSet;
use std::fmt;

use crate::Backoff;
use crate::names::{InvalidName, valid_name};

/// Steps that one FSM may declare. Chosen: far above what people draw, and small enough to keep in memory.
const STEPS_MAX: usize = 1_000;

/// Bytes of a state's schema. Chosen: a start reads the descriptor, so that it must stay small.
const SCHEMA_BYTES_MAX: usize = 64 << 10;

/// Whether the component is a machine of many steps or a job of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Steps, transitions, signals.
    Machine,
    /// One step, tried until it succeeds or its attempts are used up.
    Job,
}

/// One declared step, with the edges that tools draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepInfo {
    /// The step's name.
    pub name: String,
    /// Steps it may go on to. For drawing, never for validation.
    pub next: Vec<String>,
    /// Signal names it may await. For drawing, never for validation.
    pub awaits: Vec<String>,
}

/// A component's own description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The FSM's name: what `start` is called with.
    pub fsm: String,
    /// Machine or job.
    pub form: Form,
    /// Where an instance begins that names no step.
    pub initial_step: String,
    /// Every step; a transition to any other is refused before the commit.
    pub steps: Vec<StepInfo>,
    /// The queue of instances that name none.
    pub queue: Option<String>,
    /// The author's number of the state's shape; migrations speak of it.
    pub state_version: u32,
    /// State versions that the component can migrate from.
    pub migrates_from: Vec<u32>,
    /// Whether faults are handed to the component first.
    pub has_handle: bool,
    /// Executions in all before a retryable error (and every fault of a job) is final. Default 20.
    pub max_attempts: u32,
    /// Waits between them.
    pub backoff: Backoff,
    /// Media type of state, results and payloads.
    pub state_content_type: String,
    /// JSON schema of the state, if the author gave one.
    pub state_schema: Option<String>,
    /// Name and version of the SDK that built it.
    pub sdk: String,
}

/// Why a descriptor is refused at deploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DescriptorError {
    /// A name breaks the rule for names.
    Name {
        /// Which field.
        field: &'static str,
        /// What stands there.
        name: String,
        /// The rule.
        reason: InvalidName,
    },
    /// The initial step is not one of the declared steps.
    InitialStepUnknown(String),
    /// A step stands in the list twice.
    StepTwice(String),
    /// The list of steps is empty or longer than allowed; holds its length.
    StepCount(usize),
    /// The retry policy allows no attempt at all.
    NoAttempts,
    /// The state's schema is too long or holds a NUL; holds its length in bytes.
    Schema(usize),
    /// A step lists more edges than there can be steps; holds the step.
    TooManyEdges(String),
}

impl fmt::Display for DescriptorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { field, name, reason } => write!(f, "{field} {name:?} is not a valid name: {reason}"),
            Self::InitialStepUnknown(step) => write!(f, "the initial step {step:?} is not in its list of steps"),
            Self::StepTwice(step) => write!(f, "the step {step:?} is in its list twice"),
            Self::StepCount(count) => write!(f, "it declares {count} steps; from 1 to {STEPS_MAX} are allowed"),
            Self::Schema(bytes) => {
                write!(f, "its state schema is {bytes} bytes; at most {SCHEMA_BYTES_MAX} are allowed, and no NUL")
            }
            Self::TooManyEdges(step) => write!(f, "the step {step:?} lists more than {STEPS_MAX} edges"),
            Self::NoAttempts => write!(f, "its retry policy allows 0 attempts; at least 1 is needed"),
        }
    }
}

impl std::error::Error for DescriptorError {}

impl Descriptor {
    /// Whether the component declares this step.
    pub fn has_step(&self, step: &str) -> bool {
        self.steps.iter().any(|known| known.name == step)
    }

    /// Checks that the description does not contradict itself.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self) -> Result<(), DescriptorError> {
        checked("fsm", &self.fsm)?;
        if let Some(queue) = &self.queue {
            checked("queue", queue)?;
        }
        if self.steps.is_empty() || self.steps.len() > STEPS_MAX {
            return Err(DescriptorError::StepCount(self.steps.len()));
        }
        let mut seen = BTreeSet::new();
        for step in &self.steps {
            checked("step", &step.name)?;
            if !seen.insert(step.name.as_str()) {
                return Err(DescriptorError::StepTwice(step.name.clone()));
            }
            edges(step)?;
        }
        for (field, text) in [("sdk", &self.sdk), ("state content type", &self.state_content_type)] {
            checked(field, text)?;
        }
        if let Some(schema) = &self.state_schema
            && (schema.len() > SCHEMA_BYTES_MAX || schema.contains('\0'))
        {
            return Err(DescriptorError::Schema(schema.len()));
        }
        if !seen.contains(self.initial_step.as_str()) {
            return Err(DescriptorError::InitialStepUnknown(self.initial_step.clone()));
        }
        if self.max_attempts == 0 {
            return Err(DescriptorError::NoAttempts);
        }
        Ok(())
    }
}

fn edges(step: &StepInfo) -> Result<(), DescriptorError> {
    if step.next.len() + step.awaits.len() > STEPS_MAX {
        return Err(DescriptorError::TooManyEdges(step.name.clone()));
    }
    step.next.iter().try_for_each(|name| checked("next step", name))?;
    step.awaits.iter().try_for_each(|name| checked("awaited signal", name))
}

fn checked(field: &'static str, name: &str) -> Result<(), DescriptorError> {
    match valid_name(name) {
        Ok(_) => Ok(()),
        Err(reason) => Err(DescriptorError::Name { field, name: name.chars().take(64).collect(), reason }),
    }
}

#[cfg(test)]
impl Descriptor {
    /// A descriptor with the steps `a`, `b` and `c`.
    pub(crate) fn for_tests(form: Form) -> Self {
        let step = |name: &str| StepInfo { name: name.into(), next: vec![], awaits: vec![] };
        Self {
            fsm: "m".into(),
            form,
            initial_step: "a".into(),
            steps: vec![step("a"), step("b"), step("c")],
            queue: None,
            state_version: 1,
            migrates_from: vec![],
            has_handle: false,
            max_attempts: 20,
            backoff: Backoff::default(),
            state_content_type: "application/json".into(),
            state_schema: None,
            sdk: "test".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(break_it: impl FnOnce(&mut Descriptor), expected: Result<(), DescriptorError>) {
        let mut descriptor = Descriptor::for_tests(Form::Machine);
        break_it(&mut descriptor);
        assert_eq!(descriptor.validate(), expected);
    }

    #[test]
    fn a_descriptor_that_contradicts_itself_is_refused() {
        check(|_| (), Ok(()));
        check(|d| d.initial_step = "z".into(), Err(DescriptorError::InitialStepUnknown("z".into())));
        check(|d| d.steps.clear(), Err(DescriptorError::StepCount(0)));
        check(|d| d.steps[1].name = "a".into(), Err(DescriptorError::StepTwice("a".into())));
        check(|d| d.max_attempts = 0, Err(DescriptorError::NoAttempts));
        check(
            |d| d.fsm = "a\0".into(),
            Err(DescriptorError::Name { field: "fsm", name: "a\0".into(), reason: InvalidName::ControlCharacter }),
        );
    }
}
