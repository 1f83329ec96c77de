//! Machines and jobs that the kit is tried on.

use gd_guest::prelude::*;

#[derive(Serialize, Deserialize)]
pub(crate) struct Counter {
    target: u32,
    #[serde(default)]
    count: u32,
}

#[gd_guest::fsm(name = "counter", queue = "counting")]
impl Counter {
    #[initial]
    fn tick(mut self, _ctx: &Ctx) -> Step<Self> {
        if self.count == self.target {
            return done(self.count);
        }
        self.count += 1;
        next(Self::tick, self)
    }
}

/// Counter to `target`.
pub(crate) fn counter(target: u32) -> Start {
    Start::new("counter").state(&json!({ "target": target })).unwrap()
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Approval {}

#[gd_guest::fsm(name = "approval")]
impl Approval {
    #[initial]
    fn ask(self, _ctx: &Ctx) -> Step<Self> {
        await_signal("approved", Self::decide, self).timeout(hours(1))
    }

    fn decide(self, ctx: &Ctx) -> Step<Self> {
        match (ctx.awaited(), ctx.wake()) {
            ([first, ..], _) => done(first.json::<String>()?),
            ([], Wake::Timeout) => stop("nobody answered").code("no-answer"),
            ([], wake) => stop(format!("woken by {wake:?}")),
        }
    }
}

/// An approval under this key.
pub(crate) fn approval(key: &str) -> Start {
    Start::new("approval").key(key)
}

/// The answer that it waits for.
pub(crate) fn approved(key: &str) -> SendSignal {
    SendSignal::to_key(key, "approved").payload(&"yes").unwrap()
}

/// Starts a counter for each target, and sums up.
#[derive(Serialize, Deserialize)]
pub(crate) struct Fan {
    targets: Vec<u32>,
}

#[gd_guest::fsm(name = "fan")]
impl Fan {
    #[initial]
    fn out(self, _ctx: &Ctx) -> Step<Self> {
        let children: Vec<Start> = self.targets.iter().map(|target| counter(*target)).collect();
        schedule_children(Self::sum, self, children)
    }

    fn sum(self, ctx: &Ctx) -> Step<Self> {
        let counts = ctx.children().iter().map(Child::result::<u32>).collect::<Result<Vec<_>>>()?;
        done(counts.iter().sum::<u32>())
    }
}

/// Tries twice again, an hour apart, and gives up.
#[derive(Serialize, Deserialize)]
pub(crate) struct Stubborn {
    #[serde(default)]
    tries: u32,
}

#[gd_guest::fsm(name = "stubborn")]
impl Stubborn {
    #[initial]
    fn knock(mut self, _ctx: &Ctx) -> Step<Self> {
        self.tries += 1;
        if self.tries < 3 { retry(self, hours(1)) } else { stop("nobody opens").code("closed") }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Args {
    #[serde(default)]
    panics: bool,
}

#[gd_guest::job(name = "flaky", max_attempts = 3)]
pub(crate) fn flaky(args: Args, ctx: &Ctx) -> Job<u32> {
    assert!(!args.panics, "this is a mistake");
    if ctx.attempt() < 2 { Err(Failure::new("not yet")) } else { Ok(ctx.attempt()) }
}
