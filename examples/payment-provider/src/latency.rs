//! How long a charge takes: the same every time for the same invoice.

use std::str::FromStr;
use std::time::Duration;

use crate::Scenario;

/// A range of milliseconds, both ends included; written `200..1200`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    shortest_ms: u64,
    longest_ms: u64,
}

impl Latency {
    /// For every charge of `invoice`: somewhere in the range, three times that when it is slow.
    #[must_use]
    pub fn of(&self, invoice: &str, scenario: Scenario) -> Duration {
        let span = self.longest_ms - self.shortest_ms + 1;
        let usual = self.shortest_ms + fnv1a(invoice) % span;
        Duration::from_millis(if scenario == Scenario::Slow { usual * 3 } else { usual })
    }
}

impl FromStr for Latency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
        match parsed {
            Some((shortest_ms, longest_ms)) if shortest_ms <= longest_ms && longest_ms < 3_600_000 => {
                Ok(Self { shortest_ms, longest_ms })
            }
            Some(_) | None => Err(format!("`{text}` is not a range of milliseconds such as 200..1200")),
        }
    }
}

/// FNV-1a, finished with a mix so that neighbouring numbers land far apart.
pub(crate) fn fnv1a(text: &str) -> u64 {
    let hash =
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invoice_takes_the_same_time_whenever_it_is_charged() {
        let range: Latency = "200..1200".parse().unwrap();
        let usual = range.of("INV-0001", Scenario::Ok);
        assert_eq!(usual, range.of("INV-0001", Scenario::Flaky));
        assert_eq!(usual * 3, range.of("INV-0001", Scenario::Slow));
        assert!((200..=1200).contains(&usual.as_millis()));
    }

    #[test]
    fn invoices_spread_over_the_range() {
        let range: Latency = "0..999".parse().unwrap();
        let all: Vec<u128> = (0..400).map(|n| range.of(&format!("INV-{n:04}"), Scenario::Ok).as_millis()).collect();
        let quick = all.iter().filter(|ms| **ms < 500).count();
        assert!((140..=260).contains(&quick), "{quick} of 400 in the lower half");
    }

    #[test]
    fn a_range_that_is_none_is_refused() {
        for text in ["", "5", "9..3", "a..b", "1..99999999999"] {
            assert!(text.parse::<Latency>().is_err(), "{text}");
        }
    }
}
