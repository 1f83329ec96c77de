//! A job that fails as often as its arguments say.

use gd_guest::prelude::*;

/// What the job is asked to do.
#[derive(Debug, Deserialize)]
pub struct Args {
    /// Tries that fail before one succeeds.
    #[serde(default)]
    fails: u32,
    /// Whether those panic instead of returning an error.
    #[serde(default)]
    panics: bool,
    /// Gives up at once.
    #[serde(default)]
    cancel: bool,
    /// A number that comes back doubled.
    #[serde(default)]
    n: u64,
}

#[gd_guest::job(name = "chore", max_attempts = 3, base_ms = 10, cap_ms = 20)]
fn chore(args: Args, ctx: &Ctx) -> Job<Value> {
    if args.cancel {
        return cancel("nothing to do");
    }
    if ctx.attempt() < args.fails {
        assert!(!args.panics, "try {} panics", ctx.attempt());
        return Err(Failure::new(format!("try {} fails", ctx.attempt())));
    }
    Ok(json!({ "attempt": ctx.attempt(), "doubled": args.n * 2, "key": ctx.idempotency_key() }))
}
