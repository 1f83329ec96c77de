//! The pure rules of the engine: values in, values out.
//!
//! This crate knows no database, no sandbox, no clock and no randomness, and it has no dependencies. Whatever the
//! engine has to *decide* is decided here, so that it can be tested by the million; the engine only carries it out.

#![forbid(unsafe_code)]

mod backoff;
mod bucket;
mod children;
mod decide;
mod descriptor;
mod fault;
mod ids;
mod inbox;
mod lanes;
mod limits;
pub mod model;
mod names;
mod outcome;
mod run_ahead;
mod scope;
mod spec;
mod status;
mod why;

pub use backoff::Backoff;
pub use bucket::{Bucket, Due, MICROTOKENS, Refill};
pub use children::{Child, ChildStatus, EffectOutcome, EffectResult};
pub use decide::{
    Change, Decision, Draws, Ending, LONE_STARTS_MAX, LOSSES_MAX, Position, Then, crash_loop, decide, unstorable,
};
pub use descriptor::{Descriptor, DescriptorError, Form, StepInfo};
pub use fault::{ErrorInfo, Fault, FaultKind};
pub use ids::{Claim, InstanceId, SignalId, TenantId, Version, Visit, WorkerId};
pub use inbox::{Inbox, Signal};
pub use lanes::{Lane, Lanes, Room};
pub use limits::Limits;
pub use names::{InvalidName, valid_name};
pub use outcome::{Await, InvalidOutcome, Next, Outcome, Retry, ScheduleChildren, Transition};
pub use run_ahead::RunAhead;
pub use scope::Scope;
pub use spec::{Effect, KeyChange, RateLimit, SignalSpec, StartSpec, Target, WEIGHT_MAX};
pub use status::{AttemptOutcome, Status, Wake};
pub use why::{Aside, Facts, Joining, Owner, Reason, WantsSlot, WantsTokens, why};
