//! What the file of a workflow needs: `use gd_guest::prelude::*;`.

pub use serde::{Deserialize, Serialize};
pub use serde_json::{Value, json};

pub use crate::{
    Child, ChildStatus, Ctx, Failure, Fault, FaultKind, Job, Keep, Migrated, Parked, Result, SendSignal, Signal, Start,
    Step, StepExt, StepRef, Wake,
};
pub use crate::{await_signal, cancel, done, next, retry, schedule_children, stop};
pub use crate::{days, hours, millis, minutes, seconds};
pub use crate::{debug, error, info, trace, warn};
