//! A machine as the host calls it, natively.

use gd_guest::bindings::exports::gd::fsm::step::Guest;
use gd_guest::bindings::gd::fsm::types::{Context, Effect, Form, KeyChange, Migration, StepInfo, Target, Transition};
use gd_guest::component::MachineComponent;
use gd_guest::prelude::*;
use gd_guest::testing;

const SHIPPED: &str = "shipped";

#[derive(Serialize, Deserialize)]
struct Order {
    #[serde(default)]
    lines: Vec<String>,
    #[serde(default)]
    express: bool,
}

#[derive(Deserialize)]
struct OrderV1 {
    line: String,
}

#[derive(Deserialize)]
struct OrderV2 {
    lines: Vec<String>,
}

#[gd_guest::fsm(name = "order", queue = "orders", state_version = 3)]
impl Order {
    /// Where an order begins.
    #[initial]
    fn place(self, ctx: &Ctx) -> Step<Self> {
        match self.lines.len() {
            0 => stop("nothing was ordered").code("empty"),
            1 => Self::pack.call(self, ctx),
            2 => retry(self, seconds(2)),
            3 => Step::default_handling(),
            _ => schedule_children(Self::pack, self, [Start::new("supplier").key("supplier:7")]),
        }
    }

    fn pack(self, _ctx: &Ctx) -> Step<Self> {
        if self.express {
            next(Self::deliver, self)
                .delay(millis(5))
                .start(Start::new("courier").state(&json!({ "fast": true }))?)
                .send(SendSignal::to_key("desk", "packed").payload(&7)?.dedup_key("p"))
        } else {
            self.wait()
        }
    }

    fn deliver(self, ctx: &Ctx) -> Step<Self> {
        match ctx.awaited() {
            [] => stop("it was never shipped"),
            [shipped, ..] => done(json!({ "by": shipped.json::<String>()? })),
        }
    }

    #[handle]
    fn handle(self, fault: &Fault, _ctx: &Ctx) -> Step<Self> {
        match fault.kind {
            FaultKind::Trap => next(Self::deliver, self),
            _ => Step::default_handling(),
        }
    }

    #[migrate(from = 1)]
    fn from_v1(old: OrderV1, _at: &Parked) -> Result<Self> {
        Ok(Self { lines: vec![old.line], express: false })
    }

    #[migrate(from = 2)]
    fn from_v2(old: OrderV2, at: &Parked) -> Result<Migrated<Self>> {
        if at.awaits.is_empty() {
            return Err(Failure::new("finish it on the old version"));
        }
        let order = Self { lines: old.lines, express: false };
        Ok(Migrated::new(order).step(Self::deliver).awaits(SHIPPED).timeout(hours(1)))
    }

    fn wait(self) -> Step<Self> {
        await_signal([SHIPPED, "lost"], Self::deliver, self).timeout(hours(1))
    }
}

type Component = MachineComponent<Order>;

fn context(step: &str, state: &str) -> Context {
    Context { step: step.to_owned(), state: state.as_bytes().to_vec(), ..testing::context() }
}

fn run(step: &str, state: &str) -> Transition {
    Component::run(context(step, state)).unwrap().transition
}

#[test]
fn the_descriptor_says_what_the_author_wrote() {
    let descriptor = Component::describe();
    assert_eq!(
        (descriptor.fsm.as_str(), descriptor.form, descriptor.queue.as_deref()),
        ("order", Form::Machine, Some("orders"))
    );
    assert_eq!((descriptor.initial_step.as_str(), descriptor.state_version), ("place", 3));
    assert_eq!((descriptor.migrates_from, descriptor.has_handle), (vec![1, 2], true));
    assert_eq!(descriptor.state_content_type, "application/json");
    assert!(descriptor.sdk.starts_with("gd-guest "));
}

#[test]
fn the_graph_has_the_edges_of_steps_and_of_what_they_call() {
    let node = |name: &str, next: &[&str], awaits: &[&str]| StepInfo {
        name: name.to_owned(),
        next: next.iter().map(|&step| step.to_owned()).collect(),
        awaits: awaits.iter().map(|&name| name.to_owned()).collect(),
    };
    let expected = [
        node("place", &["pack", "deliver"], &["shipped", "lost"]),
        node("pack", &["deliver"], &["shipped", "lost"]),
        node("deliver", &[], &[]),
    ];
    assert_eq!(Component::describe().steps, expected);
}

#[test]
fn a_step_goes_on_with_its_state_as_json_and_its_effects_beside_it() {
    let outcome = Component::run(context("pack", r#"{"lines":["tea"],"express":true}"#)).unwrap();
    let Transition::Next(next) = outcome.transition else { panic!("{outcome:?}") };
    assert_eq!(
        (next.step.as_str(), next.state.as_slice()),
        ("deliver", br#"{"lines":["tea"],"express":true}"#.as_slice())
    );
    assert_eq!((next.delay_ms, next.weight, next.requeue), (Some(5), 1, false));
    assert_eq!(next.concurrency_key, KeyChange::Keep);
    let [Effect::Start(start), Effect::Signal(signal)] = outcome.effects.as_slice() else {
        panic!("{:?}", outcome.effects)
    };
    assert_eq!(
        (start.fsm.as_str(), start.state.as_slice(), start.unique),
        ("courier", br#"{"fast":true}"#.as_slice(), true)
    );
    assert_eq!(signal.target, Target::Key("desk".to_owned()));
    assert_eq!((signal.payload.as_slice(), signal.dedup_key.as_deref()), (b"7".as_slice(), Some("p")));
}

#[test]
fn each_kind_of_outcome_crosses_the_border() {
    let Transition::Await(parked) = run("place", r#"{"lines":["tea"]}"#) else { panic!() };
    assert_eq!(
        (parked.names, parked.step.as_str(), parked.timeout_ms),
        (vec!["shipped".to_owned(), "lost".to_owned()], "deliver", Some(3_600_000))
    );
    let Transition::Retry(retry) = run("place", r#"{"lines":["tea","cup"]}"#) else { panic!() };
    assert_eq!(retry.delay_ms, 2_000);
    let Transition::ScheduleChildren(fan_out) = run("place", r#"{"lines":["a","b","c","d"]}"#) else { panic!() };
    assert_eq!((fan_out.step.as_str(), fan_out.children.len()), ("pack", 1));
    let Transition::Stop(reason) = run("place", "") else { panic!() };
    assert_eq!(
        (reason.kind.as_str(), reason.message.as_str(), reason.code.as_deref()),
        ("stop", "nothing was ordered", Some("empty"))
    );
    let woken = Context { awaited: vec![testing::signal(SHIPPED, "van")], ..context("deliver", "{}") };
    let Transition::Done(result) = Component::run(woken).unwrap().transition else { panic!() };
    assert_eq!(result, br#"{"by":"van"}"#);
}

#[test]
fn a_state_or_a_step_that_is_not_ours_is_reported_by_code() {
    let failure = Component::run(context("place", "[1")).unwrap_err();
    assert_eq!((failure.code.as_deref(), failure.retryable), (Some("state-decode"), false));
    let failure = Component::run(context("weigh", "{}")).unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("unknown-step"));
    assert_eq!(failure.message, "`order` at state version 3 has no step `weigh`");
}

#[test]
fn a_signal_that_cannot_be_read_fails_the_step() {
    let woken = Context { awaited: vec![testing::signal(SHIPPED, 7)], ..context("deliver", "{}") };
    assert_eq!(Component::run(woken).unwrap_err().code.as_deref(), Some("signal-decode"));
}

#[test]
fn only_a_handler_may_leave_the_decision_to_the_host() {
    let failure = Component::run(context("place", r#"{"lines":["a","b","c"]}"#)).unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("invalid-option"));
    let fault = |kind| testing::fault(kind, "it broke");
    assert_eq!(Component::handle(fault(FaultKind::Timeout), context("pack", "{}")).unwrap(), None);
    let decided = Component::handle(fault(FaultKind::Trap), context("pack", "{}")).unwrap().unwrap();
    let Transition::Next(next) = decided.transition else { panic!("{decided:?}") };
    assert_eq!(next.step, "deliver");
}

#[test]
fn a_handler_is_not_asked_about_a_state_that_cannot_be_read() {
    assert_eq!(Component::handle(testing::fault(FaultKind::Trap, "it broke"), context("pack", "[1")).unwrap(), None);
}

fn migration(from: u32, step: &str, state: &str, awaits: &[&str]) -> Migration {
    Migration {
        from_state_version: from,
        step: step.to_owned(),
        state: state.as_bytes().to_vec(),
        awaits: awaits.iter().map(|&name| name.to_owned()).collect(),
    }
}

#[test]
fn a_migration_of_the_state_alone_leaves_step_and_awaits() {
    let migrated = Component::migrate(migration(1, "pack", r#"{"line":"tea"}"#, &[])).unwrap();
    assert_eq!(
        (migrated.step.as_str(), migrated.state.as_slice()),
        ("pack", br#"{"lines":["tea"],"express":false}"#.as_slice())
    );
    assert_eq!((migrated.awaits, migrated.timeout_ms), (None, None));
}

#[test]
fn a_migration_may_move_the_step_and_what_is_awaited() {
    let migrated = Component::migrate(migration(2, "sent", r#"{"lines":[]}"#, &["sent"])).unwrap();
    assert_eq!(
        (migrated.step.as_str(), migrated.awaits, migrated.timeout_ms),
        ("deliver", Some(vec![SHIPPED.to_owned()]), Some(3_600_000))
    );
}

#[test]
fn a_migration_that_cannot_be_done_is_refused_with_the_reason() {
    let code = |refused: Migration| Component::migrate(refused).unwrap_err().code;
    assert_eq!(code(migration(7, "pack", "{}", &[])).as_deref(), Some("no-migration"));
    assert_eq!(code(migration(1, "pack", "{}", &[])).as_deref(), Some("state-decode"));
    assert_eq!(code(migration(1, "weigh", r#"{"line":"tea"}"#, &[])).as_deref(), Some("unknown-step"));
    assert_eq!(code(migration(2, "pack", r#"{"lines":[]}"#, &[])), None);
}
