//! Why a step, or a try of a job, could not do its work.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::bindings::gd::fsm::types as wire;
use crate::duration::whole_ms;

/// What functions of a workflow return when they can fail.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// A step's report that it could not do its work; committed as a fault, never as an outcome.
///
/// Every error type turns into one by `?`. Unless it says otherwise, a failure ends a state machine at once (a step that
/// wants another try says so with [`retry`](crate::retry) or [`Failure::retryable`]) and has a job tried again.
#[derive(Clone, PartialEq)]
pub struct Failure {
    message: String,
    code: Option<String>,
    again: Again,
}

/// Whether the host's retry rule applies.
#[derive(Clone, Copy, PartialEq)]
enum Again {
    /// As the form has it: a machine not, a job yes.
    ByForm,
    /// Yes, after this delay or else the rule's backoff.
    Yes(Option<Duration>),
    /// No.
    No,
}

impl Failure {
    /// A failure with a message for a person.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: None, again: Again::ByForm }
    }

    /// A stable word for programs, such as `card-declined`. `state-decode` and `unknown-step` are the host's.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Try again by the retry rule: backoff, and a bound on the number of tries.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.again = Again::Yes(None);
        self
    }

    /// Try again by the retry rule, but after this delay instead of its backoff.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.again = Again::Yes(Some(delay));
        self
    }

    /// Do not try again.
    #[must_use]
    pub fn permanent(mut self) -> Self {
        self.again = Again::No;
        self
    }

    /// The message for a person.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The word for programs, if one was given.
    pub fn code_name(&self) -> Option<&str> {
        self.code.as_deref()
    }

    pub(crate) fn into_wire(self, form: wire::Form) -> wire::Failure {
        let (retryable, delay) = match self.again {
            Again::ByForm => (form == wire::Form::Job, None),
            Again::Yes(delay) => (true, delay),
            Again::No => (false, None),
        };
        wire::Failure { message: self.message, code: self.code, retryable, delay_ms: delay.map(whole_ms) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{} ({code})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure: {self}")
    }
}

// `Failure` is no `Error` itself: that is what lets `?` take every error type.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::new(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seconds;

    fn retryable(failure: Failure, form: wire::Form) -> (bool, Option<u64>) {
        let failure = failure.into_wire(form);
        (failure.retryable, failure.delay_ms)
    }

    #[test]
    fn a_plain_failure_ends_a_machine_and_retries_a_job() {
        let failure = Failure::new("no stock").code("no-stock");
        assert_eq!(retryable(failure.clone(), wire::Form::Machine), (false, None));
        assert_eq!(retryable(failure, wire::Form::Job), (true, None));
    }

    #[test]
    fn a_failure_that_decides_for_itself_is_the_same_in_both_forms() {
        for form in [wire::Form::Machine, wire::Form::Job] {
            assert_eq!(retryable(Failure::new("busy").retryable(), form), (true, None));
            assert_eq!(retryable(Failure::new("busy").retry_after(seconds(2)), form), (true, Some(2_000)));
            assert_eq!(retryable(Failure::new("gone").permanent(), form), (false, None));
        }
    }

    #[test]
    fn any_error_becomes_a_failure_by_the_question_mark() {
        fn parse(text: &str) -> Result<u32> {
            Ok(text.parse()?)
        }
        assert_eq!(parse("seven").unwrap_err().message(), "invalid digit found in string");
    }
}
