//! Endings that the host saw, and what becomes of the instance when no handler decides.

use crate::{Backoff, Descriptor, Form};

/// What an instance failed with, as callers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorInfo {
    /// The family: a fault's word, or what the guest chose.
    pub kind: String,
    /// For a person to read.
    pub message: String,
    /// Stable, for a program to read.
    pub code: Option<String>,
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The step returned an error.
    Error,
    /// Panic, trap or stack overflow.
    Trap,
    /// The guest asked for more memory than its limit and did not get on without it.
    MemoryLimit,
    /// The fuel limit was reached, on hosts that meter fuel.
    OutOfFuel,
    /// Wall-clock or CPU limit, also inside a host call.
    Timeout,
    /// The outcome breaks a rule or a size limit.
    InvalidOutcome,
    /// The component does not know the step that the instance stands at.
    UnknownStep,
    /// The component cannot decode the state.
    StateDecode,
}

impl FaultKind {
    /// The word that callers see.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Trap => "trap",
            Self::MemoryLimit => "memory-limit",
            Self::OutOfFuel => "out-of-fuel",
            Self::Timeout => "timeout",
            Self::InvalidOutcome => "invalid-outcome",
            Self::UnknownStep => "unknown-step",
            Self::StateDecode => "state-decode",
        }
    }

    /// How many faults in a row end a machine. Chosen: a trap may be bad luck, a full memory hardly is, a slow peer
    /// often is, and a wrong component is put right by a rollback that takes people a while.
    fn faults_max(self) -> u32 {
        match self {
            Self::Error | Self::InvalidOutcome => 1,
            Self::Trap => 5,
            Self::MemoryLimit | Self::OutOfFuel => 2,
            Self::Timeout | Self::UnknownStep | Self::StateDecode => 20,
        }
    }
}

/// A failed attempt: what happened, and what the guest said about trying again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// How it failed.
    pub kind: FaultKind,
    /// For a person to read; a panic's text is in it.
    pub message: String,
    /// The guest's own code, if it gave one.
    pub code: Option<String>,
    /// The guest says that another try may help (only [`FaultKind::Error`] says so).
    pub retryable: bool,
    /// How long the guest wants to wait before it, in milliseconds.
    pub delay_ms: Option<u64>,
}

impl Fault {
    /// A fault that the host saw, without a word of the guest about it.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: None, retryable: false, delay_ms: None }
    }

    /// The same fault with a stable code.
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// What callers see if the instance ends by it.
    pub fn info(&self, message_bytes_max: usize) -> ErrorInfo {
        ErrorInfo {
            kind: self.kind.word().into(),
            message: printable(&self.message, message_bytes_max),
            code: self.code.as_deref().map(|code| printable(code, crate::names::NAME_BYTES_MAX)),
        }
    }
}

/// Text that can be stored and shown: no NUL, and at most `bytes_max` bytes, cut at a character.
pub(crate) fn printable(text: &str, bytes_max: usize) -> String {
    let mut clean: String = text.chars().map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect();
    if clean.len() > bytes_max {
        let cut = (0..=bytes_max).rev().find(|&at| clean.is_char_boundary(at)).unwrap_or(0);
        clean.truncate(cut);
        clean.push('…');
    }
    clean
}

/// What the host does with a fault that no handler took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The same visit again, after this many milliseconds.
    RetryAfter(u64),
    /// The instance ends.
    Fail,
}

/// The default rule. `attempt` and `faults` are those of the attempt that failed: both count from 0, so
/// `faults` is the number of faults in a row *before* this one.
pub(crate) fn default_verdict(fault: &Fault, descriptor: &Descriptor, attempt: u32, faults: u32) -> Verdict {
    let backoff = descriptor.backoff;
    match descriptor.form {
        Form::Job => job_verdict(fault, descriptor, backoff, attempt),
        Form::Machine => machine_verdict(fault, descriptor, backoff, attempt, faults),
    }
}

fn job_verdict(fault: &Fault, descriptor: &Descriptor, backoff: Backoff, attempt: u32) -> Verdict {
    let wanted = match fault.kind {
        FaultKind::Error => fault.retryable,
        FaultKind::InvalidOutcome => false,
        FaultKind::Trap
        | FaultKind::MemoryLimit
        | FaultKind::OutOfFuel
        | FaultKind::Timeout
        | FaultKind::UnknownStep
        | FaultKind::StateDecode => true,
    };
    if wanted && attempt.saturating_add(1) < descriptor.max_attempts {
        Verdict::RetryAfter(fault.delay_ms.unwrap_or_else(|| backoff.delay_ms(attempt)))
    } else {
        Verdict::Fail
    }
}

fn machine_verdict(fault: &Fault, descriptor: &Descriptor, backoff: Backoff, attempt: u32, faults: u32) -> Verdict {
    if fault.kind == FaultKind::Error && fault.retryable {
        return job_verdict(fault, descriptor, backoff, attempt);
    }
    if faults.saturating_add(1) >= fault.kind.faults_max() {
        Verdict::Fail
    } else {
        Verdict::RetryAfter(backoff.delay_ms(attempt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Descriptor {
        Descriptor::for_tests(Form::Machine)
    }

    /// Faults in a row until the machine ends, each at the attempt of the same number.
    fn faults_until_end(kind: FaultKind) -> u32 {
        let fault = Fault::new(kind, "x");
        (0..100).find(|&n| default_verdict(&fault, &machine(), n, n) == Verdict::Fail).expect("ends") + 1
    }

    #[test]
    fn each_kind_ends_a_machine_at_its_own_count() {
        for (kind, expected) in [
            (FaultKind::Error, 1),
            (FaultKind::InvalidOutcome, 1),
            (FaultKind::Trap, 5),
            (FaultKind::MemoryLimit, 2),
            (FaultKind::OutOfFuel, 2),
            (FaultKind::Timeout, 20),
            (FaultKind::UnknownStep, 20),
            (FaultKind::StateDecode, 20),
        ] {
            assert_eq!(faults_until_end(kind), expected, "{kind:?}");
        }
    }

    #[test]
    fn a_retryable_error_follows_the_job_rule_with_the_delay_it_asked_for() {
        let mut fault = Fault::new(FaultKind::Error, "busy");
        fault.retryable = true;
        assert_eq!(default_verdict(&fault, &machine(), 0, 0), Verdict::RetryAfter(1_000));
        assert_eq!(default_verdict(&fault, &machine(), 18, 18), Verdict::RetryAfter(300_000));
        assert_eq!(default_verdict(&fault, &machine(), 19, 19), Verdict::Fail);
        fault.delay_ms = Some(7);
        assert_eq!(default_verdict(&fault, &machine(), 0, 0), Verdict::RetryAfter(7));
    }

    #[test]
    fn a_jobs_attempts_bound_every_kind_together() {
        let mut job = Descriptor::for_tests(Form::Job);
        job.max_attempts = 3;
        for kind in [FaultKind::Trap, FaultKind::MemoryLimit, FaultKind::Timeout, FaultKind::StateDecode] {
            let fault = Fault::new(kind, "x");
            assert_eq!(default_verdict(&fault, &job, 1, 0), Verdict::RetryAfter(2_000), "{kind:?}");
            assert_eq!(default_verdict(&fault, &job, 2, 0), Verdict::Fail, "{kind:?}");
        }
        let invalid = Fault::new(FaultKind::InvalidOutcome, "x");
        assert_eq!(default_verdict(&invalid, &job, 0, 0), Verdict::Fail);
    }

    #[test]
    fn a_message_is_cut_at_a_character_and_holds_no_nul() {
        assert_eq!(printable("a\0b", 10), "a\u{fffd}b");
        assert_eq!(printable("ééé", 3), "é…");
    }
}
