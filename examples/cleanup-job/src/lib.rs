//! A job that removes what is old: one function, tried again with growing pauses until it succeeds or its tries are used up.

use gd_guest::prelude::*;

/// What to clean up.
#[derive(Debug, Deserialize)]
pub struct Args {
    folder: String,
    older_than_days: u32,
    /// Tries for which the storage is not there, to see how a job is tried again.
    #[serde(default)]
    storage_away: u32,
}

#[gd_guest::job(name = "cleanup-job", queue = "jobs", max_attempts = 5, base_ms = 200, cap_ms = 5_000)]
fn cleanup(args: Args, ctx: &Ctx) -> Job<Value> {
    if args.folder.is_empty() {
        return cancel("there is no folder to clean up");
    }
    if ctx.attempt() < args.storage_away {
        return Err(Failure::new("the storage does not answer").code("storage-away"));
    }
    info!("removed what was older than {} days in {}", args.older_than_days, args.folder);
    Ok(json!({ "folder": args.folder, "tries": ctx.attempt() + 1 }))
}
