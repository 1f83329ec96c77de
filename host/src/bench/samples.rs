//! What was measured, round by round.

use std::time::Duration;

use super::stats::{Spread, percentile};

/// Figures of a round that are shown at once: those of pgbench, and the two that the workload is about.
const HEADLINES: usize = 4;

/// A figure of a report.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Metric {
    /// Its name in JSON.
    pub(super) key: String,
    /// What people read.
    pub(super) label: String,
    /// Of its value.
    pub(super) unit: &'static str,
}

/// Figures in the order in which they came, each with a value per round.
#[derive(Debug, Default)]
pub(super) struct Samples(Vec<(Metric, Vec<f64>)>);

impl Samples {
    /// One more value.
    pub(super) fn add(&mut self, key: impl Into<String>, label: impl Into<String>, unit: &'static str, value: f64) {
        let metric = Metric { key: key.into(), label: label.into(), unit };
        match self.0.iter_mut().find(|(known, _)| *known == metric) {
            Some((_, values)) => values.push(value),
            None => self.0.push((metric, vec![value])),
        }
    }

    /// One more value, where there is one.
    pub(super) fn add_known(
        &mut self,
        key: impl Into<String>,
        label: impl Into<String>,
        unit: &'static str,
        value: Option<f64>,
    ) {
        if let Some(value) = value {
            self.add(key, label, unit, value);
        }
    }

    /// The values of another round.
    pub(super) fn append(&mut self, round: Self) {
        for (metric, values) in round.0 {
            match self.0.iter_mut().find(|(known, _)| *known == metric) {
                Some((_, known)) => known.extend(values),
                None => self.0.push((metric, values)),
            }
        }
    }

    /// The same figures as those of one part among others: `key` goes before every key, `label` before every label.
    pub(super) fn of(self, key: &str, label: &str) -> Self {
        let named = |metric: Metric| Metric {
            key: format!("{key}_{}", metric.key),
            label: if metric.label.is_empty() { metric.label } else { format!("{label}: {}", metric.label) },
            unit: metric.unit,
        };
        Self(self.0.into_iter().map(|(metric, values)| (named(metric), values)).collect())
    }

    /// What the rounds came to.
    pub(super) fn spreads(&self) -> impl Iterator<Item = (&Metric, Spread)> {
        self.0.iter().filter_map(|(metric, values)| Some((metric, Spread::of(values)?)))
    }

    /// The first figures of a single round, on one line.
    pub(super) fn line(&self) -> String {
        let figure =
            |(metric, spread): (&Metric, Spread)| format!("{} {:.2} {}", metric.label, spread.median, metric.unit);
        self.spreads().take(HEADLINES).map(figure).collect::<Vec<_>>().join(", ")
    }

    /// Median and 99th percentile of times, in milliseconds and in commits.
    pub(super) fn add_times(&mut self, key: &str, label: &str, times: &[Duration], commit: Option<Duration>) {
        let millis: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1_000.0).collect();
        for percent in [50, 99] {
            let Some(millis) = percentile(&millis, percent) else { continue };
            self.add(format!("{key}_ms_p{percent}"), format!("{label}, p{percent}"), "ms", millis);
            let commits = commit.map(|commit| millis / 1_000.0 / commit.as_secs_f64());
            self.add_known(format!("{key}_commits_p{percent}"), "", "commits", commits);
        }
    }

    /// The median of one figure.
    pub(super) fn median(&self, key: &str) -> Option<f64> {
        self.spreads().find(|(metric, _)| metric.key == key).map(|(_, spread)| spread.median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_come_together_figure_by_figure() {
        let round = |tps: f64, cpu: Option<f64>| {
            let mut samples = Samples::default();
            samples.add("tps", "pgbench", "1/s", tps);
            samples.add_known("cpu", "CPU", "us", cpu);
            samples
        };
        let mut all = Samples::default();
        for samples in [round(3.0, None), round(1.0, Some(7.0)), round(2.0, Some(8.0))] {
            all.append(samples);
        }
        let spreads: Vec<_> = all.spreads().map(|(metric, spread)| (&*metric.key, spread.median, spread.max)).collect();
        assert_eq!(spreads, [("tps", 2.0, 3.0), ("cpu", 7.5, 8.0)]);
        assert_eq!(all.median("cpu"), Some(7.5));
        assert_eq!(all.median("wal"), None);
        let part = all.of("small", "the small one");
        assert_eq!(part.median("small_cpu"), Some(7.5));
        assert_eq!(part.spreads().next().unwrap().0.label, "the small one: pgbench");
    }
}
