//! Steps of several weights, each for one thing that `gd-host bench` measures: which one runs is up to where an instance starts.
//!
//! ```text
//! idle ──▶ done, with nothing done
//! fan ──children at idle──▶ join ──▶ done, with how many came to their end
//! park ──signal go──▶ answer ──▶ done, with what the signal carried
//! nap, spin ──▶ done, after waiting in a host call, or after burning CPU
//! grow ──▶ shrink ──▶ done, with a large state between
//! ```

use std::hint::black_box;
use std::time::Instant;

use gd_guest::prelude::*;

/// How heavy the step is. Each looks at its own field alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Children of `fan`.
    #[serde(default, skip_serializing_if = "is_zero")]
    children: u32,
    /// How long `nap` and `spin` take, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    ms: u32,
    /// Bytes of the state that `grow` makes, all but a few of them in `ballast`.
    #[serde(default, skip_serializing_if = "is_zero")]
    bytes: u32,
    /// Makes the state as large as one likes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    ballast: String,
}

/// What `park` waits for.
const GO: &str = "go";
/// Bytes of a state with a ballast beside the ballast.
const AROUND: usize = 64;
/// Rounds of reckoning between two looks at the clock.
const ROUNDS: u32 = 10_000;

#[gd_guest::fsm(name = "load", queue = "load")]
impl Load {
    #[initial]
    fn idle(self, _ctx: &Ctx) -> Step<Self> {
        done(())
    }

    fn fan(self, _ctx: &Ctx) -> Step<Self> {
        let children = (0..self.children).map(|_| Start::new("load").step("idle"));
        schedule_children(Self::join, Self::default(), children)
    }

    fn join(self, ctx: &Ctx) -> Step<Self> {
        done(ctx.children().iter().filter(|child| child.is_done()).count())
    }

    fn park(self, _ctx: &Ctx) -> Step<Self> {
        await_signal(GO, Self::answer, self)
    }

    fn answer(self, ctx: &Ctx) -> Step<Self> {
        match ctx.received(GO) {
            Some(go) => done(go.json::<Value>()?),
            None => stop("nobody said go").code("no-go"),
        }
    }

    fn nap(self, _ctx: &Ctx) -> Step<Self> {
        std::thread::sleep(millis(self.ms.into()));
        done(())
    }

    fn spin(self, _ctx: &Ctx) -> Step<Self> {
        let begun = Instant::now();
        let mut sum = 0_u32;
        while begun.elapsed() < millis(self.ms.into()) {
            sum = (0..ROUNDS).fold(sum, |sum, round| black_box(sum.wrapping_mul(31).wrapping_add(round)));
        }
        done(sum)
    }

    fn grow(self, _ctx: &Ctx) -> Step<Self> {
        let ballast = "x".repeat((self.bytes as usize).saturating_sub(AROUND));
        next(Self::shrink, Self { ballast, ..self })
    }

    fn shrink(self, _ctx: &Ctx) -> Step<Self> {
        done(self.ballast.len())
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests;
