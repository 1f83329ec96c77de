//! What the stories share: slots of concurrency keys, and tokens of buckets.

use gd_tests::Random;
use serde_json::{Value, json};

/// A rate limit as the hosts are told it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) name: &'static str,
    /// Tokens per period.
    pub(crate) allowed: i64,
    pub(crate) period_ms: i64,
    /// Tokens of a full bucket; no story draws more at once.
    pub(crate) burst: i64,
}

/// Concurrency limits that are set; a key of any other name has one slot.
const SLOTS: [(&str, usize); 2] = [("pair", 2), ("trio", 3)];
/// Few keys, so that each is wanted by many, and as often as it has slots.
const KEYS: [&str; 10] =
    ["solo:a", "solo:b", "plain", "pair:a", "pair:a", "pair:b", "pair:b", "trio:a", "trio:a", "trio:a"];
const RATES: [Rate; 2] = [
    Rate { name: "drip", allowed: 15, period_ms: 1_000, burst: 6 },
    Rate { name: "tight", allowed: 7, period_ms: 700, burst: 3 },
];
/// Partitions of each limit.
const PARTITIONS: [&str; 2] = ["a", "b"];

/// How many may hold this key at once.
pub(crate) fn slots(key: &str) -> usize {
    let name = key.split(':').next().unwrap_or_default();
    SLOTS.iter().find(|(limit, _)| *limit == name).map_or(1, |(_, slots)| *slots)
}

/// The limit that this bucket is one of.
pub(crate) fn rate(bucket: &str) -> Option<Rate> {
    let name = bucket.split(':').next().unwrap_or_default();
    RATES.into_iter().find(|rate| rate.name == name)
}

/// What sets them all: name and request.
pub(crate) fn settings() -> Vec<(&'static str, Value)> {
    let slots = SLOTS.iter().map(|(name, slots)| (*name, json!({ "kind": "concurrency", "slots": slots })));
    let rates = RATES.iter().map(|rate| {
        let Rate { name, allowed, period_ms, burst } = *rate;
        (name, json!({ "kind": "rate", "allowed": allowed, "period_ms": period_ms, "burst": burst }))
    });
    slots.chain(rates).collect()
}

pub(super) fn any_key(random: &mut Random) -> &'static str {
    KEYS[random.place(KEYS.len())]
}

/// A limit and a partition of it.
pub(super) fn any_bucket(random: &mut Random) -> (&'static str, &'static str) {
    (random.pick(&RATES).name, PARTITIONS[random.place(PARTITIONS.len())])
}

/// Tokens that one attempt draws.
pub(super) fn any_weight(random: &mut Random) -> u64 {
    random.between(1..=3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_slots_of_its_name_or_one_and_no_draw_is_more_than_a_bucket_holds() {
        assert_eq!(["pair:a", "trio:a", "solo:b", "plain"].map(slots), [2, 3, 1, 1]);
        assert!(RATES.iter().all(|rate| rate.burst >= 3));
        assert!(rate("drip:a").is_some() && rate("drop:a").is_none());
    }
}
