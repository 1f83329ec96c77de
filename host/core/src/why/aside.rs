//! What an instance waits for beside its turn: a slot of its key, tokens of its bucket, the last of its children.

use super::{Reason, time};
use crate::{Bucket, InstanceId, MICROTOKENS, Refill};

/// What a runnable instance stands aside for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aside {
    /// A slot of its concurrency key.
    Slot(WantsSlot),
    /// Tokens of its bucket.
    Tokens(WantsTokens),
}

/// An instance that waits for a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantsSlot {
    /// The concurrency key.
    pub key: String,
    /// How many may hold it at a time.
    pub slots: i64,
    /// The first three that hold it.
    pub holders: Vec<InstanceId>,
    /// How many come before it, counted up to 1,000.
    pub ahead: i64,
}

/// An instance that waits for tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantsTokens {
    /// `name` or `name:partition`.
    pub bucket: String,
    /// Tokens that it draws.
    pub weight: i32,
    /// The limit by that name; `None` where nobody set one.
    pub refill: Option<Refill>,
    /// What the bucket held when it was last drawn from; `None` where nobody has drawn yet: it is full.
    pub level: Option<Bucket>,
    /// The time, in microseconds.
    pub now_us: i64,
    /// How many come before it, counted up to 1,000.
    pub ahead: i64,
    /// Tokens that those draw.
    pub ahead_weight: i64,
    /// The first of those that asks for more than the bucket ever holds.
    pub stuck: Option<InstanceId>,
}

/// The children that a parent waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Joining {
    /// Children of the current round that have not ended.
    pub pending: i64,
    /// Children of that round that have.
    pub ended: i64,
}

impl Aside {
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Slot(slot) => slot.reason(),
            Self::Tokens(tokens) => tokens.reason(),
        }
    }
}

impl WantsSlot {
    fn reason(&self) -> Reason {
        let ids: Vec<String> = self.holders.iter().map(ToString::to_string).collect();
        let more = if self.slots > 3 && ids.len() == 3 { " and others" } else { "" };
        let slots = counted(self.slots, "slot", "slots");
        let held = match ids.as_slice() {
            [] => "nobody holds one at this moment".into(),
            [id] => format!("instance {id} holds one"),
            ids => format!("instances {}{more} hold one each", ids.join(", ")),
        };
        let sentence =
            format!("the concurrency key {:?} has {slots}: {held}; {}", self.key, before(self.ahead, "waits"));
        let hint = self.holders.first().map(|id| format!("gd-host why {id}"));
        Reason { hint, ..Reason::new("waiting-for-slot", sentence) }
    }
}

impl WantsTokens {
    fn reason(&self) -> Reason {
        let name = self.bucket.split(':').next().unwrap_or_default();
        let Some(refill) = &self.refill else {
            let sentence = format!("its step draws from the rate limit {name:?}, and nobody has set one by that name");
            return Reason::new("unknown-limit", sentence)
                .hint(format!("gd-host limit set {name} --allowed N --per 1s"));
        };
        let weight = counted(self.weight.into(), "token", "tokens");
        if i64::from(self.weight) > refill.burst {
            let sentence = format!(
                "it asks for {weight} of {:?} at once, and that bucket never holds more than {}: neither it nor what waits behind it goes on",
                self.bucket, refill.burst
            );
            return Reason::new("weight-over-burst", sentence).hint(format!(
                "gd-host limit set {name} --allowed {} --per {}ms --burst {}",
                refill.allowed, refill.period_ms, self.weight
            ));
        }
        let limit = format!("{} per {}, at most {} at once", refill.allowed, time(refill.period_ms), refill.burst);
        let sentence = format!(
            "it waits for {weight} of {:?} ({limit}); {}; {}",
            self.bucket,
            before(self.ahead, "waits"),
            self.due(refill)
        );
        let reason = Reason::new("waiting-for-tokens", sentence);
        match self.stuck {
            Some(id) => reason.hint(format!("gd-host why {id}")),
            None => reason,
        }
    }

    /// When it gets them, if those before it take theirs and nobody more urgent comes.
    fn due(&self, refill: &Refill) -> String {
        if let Some(id) = self.stuck {
            return format!("instance {id} before it asks for more than the bucket ever holds, and blocks it");
        }
        if refill.allowed <= 0 {
            return "the limit gives none, so that it waits until that is changed".into();
        }
        let level = self.level.unwrap_or_else(|| Bucket::full(refill, self.now_us)).filled(refill, self.now_us).level;
        let cost = i128::from(self.ahead_weight + i64::from(self.weight)) * i128::from(MICROTOKENS);
        let missing = (cost - i128::from(level)).max(0);
        let per_ms = i128::from(refill.allowed) * i128::from(MICROTOKENS);
        let ms = (missing * i128::from(refill.period_ms.max(1)) + per_ms - 1) / per_ms;
        match i64::try_from(ms).unwrap_or(i64::MAX) {
            0 => "the tokens are there, and it gets them within a moment".into(),
            ms => format!("it gets them in about {}", time(ms)),
        }
    }
}

impl Joining {
    pub(super) fn reason(self, id: &str) -> Reason {
        let Self { pending, ended } = self;
        let of = counted(pending + ended, "child", "children");
        Reason::new("awaiting-children", format!("it waits until its last child ends: {pending} of {of} have not yet"))
            .hint(format!("gd-host tree {id}"))
    }
}

pub(super) fn reserved(key: &str) -> Reason {
    let sentence =
        format!("a slot of the concurrency key {key:?} is reserved for it; it waits for its turn in its queue");
    Reason::new("slot-reserved", sentence)
}

/// How many come before an instance, in words.
pub(super) fn before(count: i64, verb: &str) -> String {
    match count {
        0 => format!("nothing {verb} before it"),
        1 => format!("1 instance {verb} before it"),
        1_000.. => "1,000 instances or more are before it".into(),
        many => format!("{many} instances are before it"),
    }
}

fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(reason: &Reason, word: &str, part: &str) {
        assert_eq!(reason.word, word, "{reason:?}");
        assert!(reason.sentence.contains(part), "{reason:?}");
    }

    fn slot() -> WantsSlot {
        WantsSlot { key: "shop:7".into(), slots: 1, holders: vec![InstanceId(4)], ahead: 2 }
    }

    fn tokens() -> WantsTokens {
        let refill = Refill { allowed: 10, period_ms: 1_000, burst: 20, since_us: 0 };
        let level = Some(Bucket { level: 2 * MICROTOKENS, at_us: 0 });
        WantsTokens {
            bucket: "mail:eu".into(),
            weight: 1,
            refill: Some(refill),
            level,
            now_us: 0,
            ahead: 0,
            ahead_weight: 0,
            stuck: None,
        }
    }

    #[test]
    fn who_waits_for_a_slot_learns_who_holds_it_and_who_comes_first() {
        let reason = slot().reason();
        says(&reason, "waiting-for-slot", "\"shop:7\" has 1 slot: instance 4 holds one; 2 instances are before it");
        assert_eq!(reason.hint.as_deref(), Some("gd-host why 4"));
        let many = WantsSlot { slots: 5, holders: vec![InstanceId(1), InstanceId(2), InstanceId(3)], ..slot() };
        says(&many.reason(), "waiting-for-slot", "has 5 slots: instances 1, 2, 3 and others hold one each");
        let free = WantsSlot { holders: vec![], ahead: 0, ..slot() };
        says(&free.reason(), "waiting-for-slot", "nobody holds one at this moment; nothing waits before it");
    }

    #[test]
    fn who_waits_for_tokens_learns_the_limit_and_about_when() {
        says(&tokens().reason(), "waiting-for-tokens", "1 token of \"mail:eu\" (10 per 1.0 s, at most 20 at once)");
        says(&tokens().reason(), "waiting-for-tokens", "the tokens are there");
        let behind = WantsTokens { ahead: 5, ahead_weight: 11, weight: 2, ..tokens() };
        says(&behind.reason(), "waiting-for-tokens", "5 instances are before it; it gets them in about 1.1 s");
        says(&WantsTokens { now_us: 600_000, ..behind }.reason(), "waiting-for-tokens", "in about 500 ms");
        let fresh = WantsTokens { level: None, ahead_weight: 29, ..tokens() };
        says(&fresh.reason(), "waiting-for-tokens", "in about 1.0 s");
    }

    #[test]
    fn what_can_never_be_granted_says_so() {
        let unknown = WantsTokens { refill: None, ..tokens() };
        says(&unknown.reason(), "unknown-limit", "nobody has set one");
        assert_eq!(unknown.reason().hint.as_deref(), Some("gd-host limit set mail --allowed N --per 1s"));
        let fat = WantsTokens { weight: 21, ..tokens() }.reason();
        says(&fat, "weight-over-burst", "never holds more than 20");
        assert_eq!(fat.hint.as_deref(), Some("gd-host limit set mail --allowed 10 --per 1000ms --burst 21"));
        let stuck = WantsTokens { stuck: Some(InstanceId(9)), ahead: 1, ..tokens() };
        says(&stuck.reason(), "waiting-for-tokens", "instance 9 before it asks for more");
        let closed = WantsTokens { refill: Some(Refill { allowed: 0, ..tokens().refill.unwrap() }), ..tokens() };
        says(&closed.reason(), "waiting-for-tokens", "the limit gives none");
    }

    #[test]
    fn a_parent_says_how_many_children_it_waits_for() {
        says(&Joining { pending: 3, ended: 2 }.reason("7"), "awaiting-children", "3 of 5 children have not yet");
    }
}
