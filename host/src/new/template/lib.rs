//! Somebody is greeted and asked for a reply, and reminded where none comes.
//!
//! ```text
//! greet ──▶ (reply) ──▶ hear ──▶ part ──▶ done
//!   ▲                    │
//!   └────── timeout ─────┘
//! ```
//!
//! The host commits the state after every step. A step that fails, or whose host dies, runs again
//! from the state before it.

use gd_guest::prelude::*;

/// The signal that is awaited.
const REPLY: &str = "reply";
/// Reminders before it is given up.
const REMINDERS_MAX: u32 = 2;

/// A greeting: what it was started with, and how far it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Greeting {
    name: String,
    #[serde(default = "patience_ms")]
    patience_ms: u64,
    #[serde(default)]
    reminders: u32,
    #[serde(default)]
    heard: Option<String>,
}

/// Until the next reminder: an hour, unless an instance is started with another time.
fn patience_ms() -> u64 {
    3_600_000
}

#[gd_guest::fsm(name = "{{name}}")]
impl Greeting {
    #[initial]
    fn greet(self, _ctx: &Ctx) -> Step<Self> {
        info!(reminders = self.reminders, "hello {}", self.name);
        let patience = millis(self.patience_ms);
        await_signal(REPLY, Self::hear, self).timeout(patience)
    }

    fn hear(mut self, ctx: &Ctx) -> Step<Self> {
        let Some(reply) = ctx.received(REPLY) else {
            if self.reminders == REMINDERS_MAX {
                return stop("no reply came").code("no-reply");
            }
            self.reminders += 1;
            return next(Self::greet, self);
        };
        let words: String = reply.json()?;
        info!("{} says: {words}", self.name);
        self.heard = Some(words);
        next(Self::part, self)
    }

    fn part(self, _ctx: &Ctx) -> Step<Self> {
        done(json!({ "name": self.name, "heard": self.heard, "reminders": self.reminders }))
    }
}

#[cfg(test)]
mod tests;
