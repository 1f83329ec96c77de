//! Outcomes as an engine would commit them.

use gd_core::{
    Await, Ending, Fault, FaultKind, Next, Position, ScheduleChildren, Scope, StartSpec, TenantId, Transition, Version,
    Visit, Wake, decide,
};
use gd_host::store::{Commit, HistoryLevel, NewInstance, Parent, Record, Riders};

use super::stage::{Held, limits, machine};

/// The commit of an attempt that ended so. The instance runs on where the outcome leaves the choice.
pub(crate) fn commit(held: &Held, ending: Ending) -> Commit {
    let position = Position { attempt: 0, faults: 0, awaited: held.handed.clone(), concurrency_key: None };
    Commit {
        id: held.id,
        claim: held.claim,
        decision: decide(&position, ending, &machine(), &limits()),
        tenant: TenantId(1),
        parent: None,
        round: 0,
        slot: None,
        riders: Riders::default(),
        run_on: true,
        takes_over: None,
        handed: held.handed.clone(),
        record: Record {
            visit: Visit(0),
            attempt: 0,
            version: Version(1),
            wake: Wake::Start,
            step: "run".into(),
            duration_us: 1,
            cpu_us: 1,
        },
        log: vec![],
        history: HistoryLevel::default(),
        input: vec![],
    }
}

/// How a commit is written: in the one statement of those that are plain, where it is, or with everything locked first.
pub(crate) type Way = fn(Commit) -> Commit;

/// As it stands.
pub(crate) fn short(commit: Commit) -> Commit {
    commit
}

/// Of an attempt that has logged something, which is never plain.
pub(crate) fn long(commit: Commit) -> Commit {
    Commit { log: b"[]".to_vec(), ..commit }
}

/// Goes on to another step, in place.
pub(crate) fn next(state: &str) -> Ending {
    Ending::Outcome(Transition::Next(Next::to("run", state)).into())
}

/// Goes on to another step, and lets others go first.
pub(crate) fn requeue(state: &str) -> Ending {
    Ending::Outcome(Transition::Next(Next { requeue: true, ..Next::to("run", state) }).into())
}

/// Starts one child, and parks until it has ended.
pub(crate) fn spawn(held: &Held, child: NewInstance) -> Commit {
    let spec = StartSpec {
        fsm: "staged".into(),
        step: None,
        state: vec![],
        queue: None,
        priority: 0,
        delay_ms: 0,
        correlation_key: None,
        scope: Scope::default(),
        unique: true,
        concurrency_key: None,
        rate_limit: None,
        weight: 1,
    };
    let (step, state) = ("run".into(), "new".into());
    let transition = Transition::ScheduleChildren(ScheduleChildren { step, state, children: vec![spec] });
    let parent = Some(Parent { id: held.id, round: 1, index: 0, depth: 1 });
    let riders = Riders { children: vec![NewInstance { parent, correlation_key: None, ..child }], effects: vec![] };
    Commit { riders, ..commit(held, Ending::Outcome(transition.into())) }
}

/// Parks for the signal `go`, for ever or with a deadline that is over at once.
pub(crate) fn park(timeout_ms: Option<u64>) -> Ending {
    let (names, step) = (vec!["go".into()], "run".into());
    Ending::Outcome(Transition::Await(Await { names, step, state: "new".into(), timeout_ms }).into())
}

/// Ends with a result; the inbox goes too.
pub(crate) fn done(result: &str) -> Ending {
    Ending::Outcome(Transition::Done(result.into()).into())
}

/// Fails by the host's decision; the inbox stays.
pub(crate) fn fault() -> Ending {
    Ending::Fault(Fault::new(FaultKind::Error, "it is broken"))
}
