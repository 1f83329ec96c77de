//! An approval: so many people must say yes, one no is enough, and it ends by itself when nobody answers in time.
//!
//! ```text
//! ask ──▶ (approve | reject) ──▶ count ──▶ ... until enough have approved
//! ```

use gd_guest::prelude::*;

/// What is to be approved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    what: String,
    /// How many must approve.
    needed: usize,
    /// How long each answer may take.
    patience_ms: u64,
}

/// What the signals carry.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    by: String,
}

const APPROVE: &str = "approve";
const REJECT: &str = "reject";

#[gd_guest::fsm(name = "approval", queue = "approvals")]
impl Request {
    #[initial]
    fn ask(self, _ctx: &Ctx) -> Step<Self> {
        let patience = millis(self.patience_ms);
        await_signal([APPROVE, REJECT], Self::count, self).timeout(patience)
    }

    fn count(self, ctx: &Ctx) -> Step<Self> {
        if let Some(no) = ctx.received(REJECT) {
            let Answer { by } = no.json()?;
            return stop(format!("{by} rejected {}", self.what)).code("rejected");
        }
        // Signals stay in the inbox while the step awaits again, so the pack grows; one person counts once.
        let yes = ctx.awaited().iter().map(|signal| signal.json::<Answer>()).collect::<Result<Vec<_>>>()?;
        let mut people: Vec<String> = yes.into_iter().map(|answer| answer.by).collect();
        people.sort();
        people.dedup();
        if people.len() >= self.needed {
            return done(json!({ "what": self.what, "approved_by": people }));
        }
        if ctx.wake() == Wake::Timeout {
            return stop(format!("only {} of {} approved in time", people.len(), self.needed)).code("no-answer");
        }
        let patience = millis(self.patience_ms);
        await_signal([APPROVE, REJECT], Self::count, self).timeout(patience)
    }
}

#[cfg(test)]
mod tests {
    use gd_guest::{Transition, testing};

    use super::*;

    fn request() -> Request {
        Request { what: "a trip".into(), needed: 2, patience_ms: 1_000 }
    }

    fn yes(by: &str) -> Signal {
        testing::signal(APPROVE, json!({ "by": by }))
    }

    fn stopped(ctx: &Ctx) -> Option<String> {
        match Request::count.call(request(), ctx).unwrap().transition() {
            Transition::Stop(reason) => reason.code.clone(),
            _ => None,
        }
    }

    #[test]
    fn two_different_people_are_enough() {
        let once = Request::count.call(request(), &testing::woken_by([yes("Ada"), yes("Ada")])).unwrap();
        assert!(matches!(once.transition(), Transition::Await { .. }), "{once:?}");
        let both = Request::count.call(request(), &testing::woken_by([yes("Ada"), yes("Bo")])).unwrap();
        assert_eq!(both.result::<Value>().unwrap(), json!({ "what": "a trip", "approved_by": ["Ada", "Bo"] }));
    }

    #[test]
    fn a_no_or_nobody_in_time_ends_it() {
        let no = testing::signal(REJECT, json!({ "by": "Bo" }));
        assert_eq!(stopped(&testing::woken_by([yes("Ada"), no])).as_deref(), Some("rejected"));
        assert_eq!(stopped(&testing::timed_out()).as_deref(), Some("no-answer"));
    }
}
