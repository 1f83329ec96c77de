//! What every token bucket may have given away, after every commit.

use std::collections::{BTreeMap, HashMap};

use gd_core::MICROTOKENS;

use crate::story::limits::{self, Rate};

/// What is rounded off the time up to which a bucket is filled: less than a microsecond, and the clock's own.
const ROUNDING_US: i64 = 2;

/// The buckets, counted by the tokens that instances were granted, whatever the bucket's own row says of itself.
///
/// Each is the bucket that the limit describes: it begins full, earns its rate for the time between two grants, and pays for each. It
/// stays at or above nothing if and only if there is no window, of all that begin and end with a grant, in which more was granted than
/// the burst and what the window earns.
///
/// A grant has the time up to which its bucket's row says that it was filled, which lies between the last commit of a grant from it
/// and its own commit: the lock of the row is held that long.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    buckets: HashMap<String, Bucket>,
    /// Tokens that the transaction grants.
    granted: BTreeMap<String, i64>,
    /// What the transaction writes to the rows of buckets.
    written: HashMap<String, Row>,
    pub(super) grants: u64,
    pub(super) tokens: i64,
    /// The least that a window would still have allowed, in millionths of a token.
    pub(super) least: Option<i64>,
    /// The longest time from the moment up to which a bucket was filled to the commit of its grant.
    pub(super) late_us_max: i64,
}

/// A row of gd.bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Millionths of a token.
    pub(super) level: i64,
    /// Up to when it was filled.
    pub(super) at_us: i64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    rate: Rate,
    /// Millionths of a token, times the milliseconds of the period: whole numbers without any rounding.
    level: i128,
    at_us: i64,
    /// When the last grant from it was committed.
    committed_us: i64,
}

impl Buckets {
    pub(super) fn write(&mut self, key: &str, row: Row) {
        self.written.insert(key.to_owned(), row);
    }

    pub(super) fn grant(&mut self, key: &str, weight: i64) {
        *self.granted.entry(key.to_owned()).or_default() += weight;
        self.grants += 1;
        self.tokens += weight;
    }

    /// What is wrong once the transaction has committed.
    pub(super) fn commit(&mut self, committed_us: i64) -> Vec<String> {
        let written = std::mem::take(&mut self.written);
        let mut broken: Vec<String> = written.iter().filter_map(|(key, row)| row.impossible(key)).collect();
        for (key, tokens) in std::mem::take(&mut self.granted) {
            let Some(row) = written.get(&key) else {
                broken.push(format!("{tokens} tokens of {key} are granted, and the bucket is not charged"));
                continue;
            };
            broken.extend(self.pay(&key, tokens, *row, committed_us).err());
        }
        broken
    }

    fn pay(&mut self, key: &str, tokens: i64, row: Row, committed_us: i64) -> Result<(), String> {
        let Some(rate) = limits::rate(key) else { return Err(format!("{key} is a bucket of no limit")) };
        let bucket = self.buckets.entry(key.to_owned()).or_insert_with(|| Bucket::full(rate, row.at_us));
        let (earliest, at) = (bucket.at_us.max(bucket.committed_us - ROUNDING_US), row.at_us);
        bucket.committed_us = committed_us;
        if at < earliest || at > committed_us {
            return Err(format!("{key} is filled up to {at} us, not between {earliest} and {committed_us}"));
        }
        self.late_us_max = self.late_us_max.max(committed_us - row.at_us);
        let left = bucket.pay(tokens, row.at_us);
        self.least = Some(self.least.map_or(left, |least| least.min(left)));
        if left < 0 {
            return Err(format!("{key} is overdrawn by {} millionths of a token with a grant of {tokens}", -left));
        }
        if row.level > left {
            return Err(format!("{key} says that it holds {}, and {left} is all that it may", row.level));
        }
        Ok(())
    }
}

impl Row {
    /// Says so if no bucket of this key may ever hold what it holds.
    fn impossible(&self, key: &str) -> Option<String> {
        let burst = limits::rate(key).map_or(0, |rate| rate.burst);
        let holds = self.level;
        (!(0..=burst * MICROTOKENS).contains(&holds)).then(|| format!("{key} holds {holds}, and its burst is {burst}"))
    }
}

impl Bucket {
    fn full(rate: Rate, at_us: i64) -> Self {
        Self { rate, level: Self::full_level(rate), at_us, committed_us: i64::MIN / 2 }
    }

    fn full_level(rate: Rate) -> i128 {
        i128::from(rate.burst) * i128::from(MICROTOKENS) * i128::from(rate.period_ms)
    }

    /// What is left in millionths of a token, rounded down. What is overdrawn is told once: the bucket goes on empty.
    fn pay(&mut self, tokens: i64, at_us: i64) -> i64 {
        let period = i128::from(self.rate.period_ms);
        let earned = i128::from(at_us - self.at_us) * i128::from(self.rate.allowed) * 1_000;
        let level = (self.level + earned).min(Self::full_level(self.rate));
        let left = level - i128::from(tokens) * i128::from(MICROTOKENS) * period;
        (self.level, self.at_us) = (left.max(0), at_us);
        i64::try_from(left.div_euclid(period)).unwrap_or(i64::MIN)
    }
}
