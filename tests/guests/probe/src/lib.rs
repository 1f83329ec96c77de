//! A machine that does what its state tells it to, good or bad, and reports what it saw on the way.
//!
//! The state holds a plan: a list of acts. Each step first notes what its context says, then follows the plan to the first act
//! that decides the step's outcome. When the plan is through, the instance is done and its notes are the result.

mod act;
mod misdeed;
mod note;

use std::sync::atomic::{AtomicU32, Ordering};

use gd_guest::prelude::*;

use act::Act;
use note::Note;

/// Tests patch the digits to make another version of the same machine.
static RELEASE: [u8; 18] = *b"probe-release:0001";

/// Steps that this memory has seen: more than one if an instance of the component were ever used twice.
static STEPS_IN_THIS_MEMORY: AtomicU32 = AtomicU32::new(0);

/// What is to be done, and what was seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Probe {
    #[serde(default)]
    plan: Vec<Act>,
    /// What the handler does instead of leaving a fault to the default.
    #[serde(default)]
    on_fault: Vec<Act>,
    #[serde(default)]
    notes: Vec<Note>,
    /// Ballast.
    #[serde(default)]
    pad: String,
}

#[gd_guest::fsm(name = "probe", queue = "probes")]
impl Probe {
    #[initial]
    fn run(mut self, ctx: &Ctx) -> Step<Self> {
        self.notes.push(Note::of(ctx, STEPS_IN_THIS_MEMORY.fetch_add(1, Ordering::Relaxed) + 1));
        act::follow(self, ctx)
    }

    fn other(self, ctx: &Ctx) -> Step<Self> {
        Self::run.call(self, ctx)
    }

    #[handle]
    fn handle(mut self, fault: &Fault, ctx: &Ctx) -> Step<Self> {
        if self.on_fault.is_empty() {
            return Step::default_handling();
        }
        if let Some(&Act::Again { until, ms }) = self.on_fault.first()
            && ctx.attempt() < until
        {
            return retry(self, millis(ms));
        }
        self.plan = std::mem::take(&mut self.on_fault);
        let memory = STEPS_IN_THIS_MEMORY.fetch_add(1, Ordering::Relaxed) + 1;
        self.notes.push(Note { fault: Some(fault.to_string()), faults: fault.faults, ..Note::of(ctx, memory) });
        act::follow(self, ctx)
    }
}

/// The digits of [`RELEASE`], read so that no compiler can know them.
fn release() -> String {
    String::from_utf8_lossy(&std::hint::black_box(&RELEASE)[14..]).into_owned()
}
