//! Whole instances in a native test: no wasm, no database, and a clock that moves when it is told to.

#[cfg(test)]
mod against_model;
mod convert;
mod drain;
mod http;
mod input;
mod instance;
mod program;
mod repeat;
mod row;
mod run;
mod tally;
mod world;

pub use gd_core::Status;

pub use drain::{Drain, TooManySteps};
pub use http::Call;
pub(crate) use http::answer;
pub use instance::{Instance, Past};
pub use repeat::Unrepeatable;
pub use tally::Tally;

use crate::component::Workflow;
use crate::http::{Error, Response};
use http::Outside;
use program::{Program, Programs};
use row::Row;
use world::World;

/// A host in memory for the workflows of a test. What becomes of a step is decided by the very rules of the engine: signals,
/// visits, retries and backoff, handlers, joins, keys and effects. A panic is a trap.
///
/// Steps run one at a time, so nobody waits for a concurrency key, and rate limits let everybody through. Ids and times are the
/// same in every run.
///
/// ```
/// use gd_guest::prelude::*;
/// use gd_guest::testing::{Harness, Status};
///
/// #[derive(Serialize, Deserialize)]
/// struct Parcel {
///     address: String,
/// }
///
/// #[gd_guest::fsm(name = "parcel")]
/// impl Parcel {
///     #[initial]
///     fn pack(self, _ctx: &Ctx) -> Step<Self> {
///         await_signal("picked_up", Self::hand_over, self).timeout(hours(1))
///     }
///
///     fn hand_over(self, ctx: &Ctx) -> Step<Self> {
///         match ctx.awaited() {
///             [] => stop("nobody picked it up").code("not-picked-up"),
///             [..] => done(self.address),
///         }
///     }
/// }
///
/// # fn main() -> gd_guest::Result<()> {
/// let mut harness = Harness::new::<Parcel>();
/// harness.start(Start::new("parcel").key("P-1").state(&json!({ "address": "Main St" }))?);
/// harness.start(Start::new("parcel").key("P-2").state(&json!({ "address": "Side St" }))?);
/// assert_eq!(harness.drain().awaits, 2);
///
/// harness.signal(SendSignal::to_key("P-1", "picked_up"));
/// harness.advance(hours(1));
/// harness.drain();
/// harness.by_key("P-1").assert_result("Main St");
/// harness.by_key("P-2").assert_status(Status::Failed).assert_error("not-picked-up");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Harness {
    world: World,
    outside: Outside,
    crashes: Crashes,
    unrepeatable: Vec<Unrepeatable>,
}

/// Whether attempts are lost before their commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crashes {
    Nowhere,
    Everywhere,
}

impl Harness {
    /// A harness that knows this machine or job, with nothing started in it. The type of a job `tidy_up` is `TidyUpJob`.
    pub fn new<W: Workflow>() -> Self {
        let world = World::new(crate::testing::context().now_ms);
        let (outside, crashes) = (Outside::default(), Crashes::Nowhere);
        Self { world, outside, crashes, unrepeatable: Vec::new() }.with::<W>()
    }

    /// Adds another workflow, for children and what is started beside an outcome.
    ///
    /// # Panics
    /// If there is one of that name, or it could not be deployed.
    #[must_use]
    pub fn with<W: Workflow>(mut self) -> Self {
        self.world.programs.add::<W>();
        self
    }

    /// Answers the HTTP calls of steps. Without it there is no network natively. What is answered is up to the test, and so is
    /// to look at what was asked: `call.header("idempotency-key")`.
    #[must_use]
    pub fn answer_http(mut self, answer: impl FnMut(&Call<'_>) -> Result<Response, Error> + 'static) -> Self {
        self.outside.answered_by(Box::new(answer));
        self
    }

    /// From here on every attempt is lost before its commit, as if its worker had died, and the step runs again from the same
    /// state: one attempt more, woken by [`Wake::Recovered`](crate::Wake::Recovered). The second is committed. Where it answers
    /// otherwise than the first, [`Harness::unrepeatable`] tells.
    pub fn crash_everywhere(&mut self) -> &mut Self {
        self.crashes = Crashes::Everywhere;
        self
    }

    /// Steps that answered otherwise when they ran again after a crash.
    pub fn unrepeatable(&self) -> &[Unrepeatable] {
        &self.unrepeatable
    }

    /// Asserts that all steps answered the same when they ran again after a crash.
    #[track_caller]
    pub fn assert_repeatable(&self) -> &Self {
        assert!(
            self.crashes == Crashes::Everywhere,
            "nothing crashed; say `harness.crash_everywhere()` before the drain"
        );
        let told: String = self.unrepeatable.iter().map(|step| format!("\n{step}")).collect();
        let advice = "what must be the same after a crash belongs into the state, committed by a step before";
        assert!(told.is_empty(), "not repeatable:{told}\n{advice}");
        self
    }

    /// The instance of this id.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn instance(&self, id: &str) -> Instance<'_> {
        let found = self.instances().find(|instance| instance.id() == id);
        found.unwrap_or_else(|| panic!("there is no instance with the id `{id}`. {}", self.told()))
    }

    /// The newest instance of this correlation key, live or ended.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn by_key(&self, key: &str) -> Instance<'_> {
        let found = self.instances().filter(|instance| instance.row.key.as_deref() == Some(key)).last();
        found.unwrap_or_else(|| panic!("there is no instance with the key `{key}`. {}", self.told()))
    }

    /// All instances, oldest first.
    pub fn instances(&self) -> impl Iterator<Item = Instance<'_>> {
        self.world.rows.values().map(|row| Instance { row, now_ms: self.world.now_ms })
    }

    fn told(&self) -> String {
        let told: String = self.instances().map(|instance| format!("\n  {instance}")).collect();
        if told.is_empty() {
            "Nothing was started: `harness.start(…)`".to_owned()
        } else {
            format!("There are:{told}")
        }
    }
}
