//! What is printed in the end: a table for people, or one line of JSON.

use std::ops::RangeInclusive;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde_json::{Map, Value, json};

use super::conditions::Conditions;
use super::samples::Samples;
use super::statements::Statement;
use crate::cli::{Trouble, Workload};

/// The outcome of one run.
pub(super) struct Report {
    /// What was run.
    pub(super) workload: Workload,
    /// What went wrong in every second half of a round.
    pub(super) trouble: Option<Trouble>,
    /// Instances of one round.
    pub(super) instances: u32,
    /// Bytes of their state.
    pub(super) state_bytes: u32,
    /// Rounds that count.
    pub(super) rounds: u32,
    /// How long each is, where that was laid down.
    pub(super) seconds: Option<u32>,
    /// Bytes of the component.
    pub(super) component_bytes: usize,
    /// Where it was run.
    pub(super) conditions: Conditions,
    /// What was measured.
    pub(super) samples: Samples,
    /// The statements that cost the server most, where they were counted.
    pub(super) statements: Option<Vec<Statement>>,
}

impl Report {
    /// One line of JSON. The median of every figure stands at its top as well, as a plain number, where nothing else has its name.
    pub(super) fn json(&self) -> String {
        let figures: Map<String, Value> = self
            .samples
            .spreads()
            .map(|(metric, spread)| {
                let [median, min, max] = [spread.median, spread.min, spread.max].map(rounded);
                (metric.key.clone(), json!({ "median": median, "min": min, "max": max, "unit": metric.unit }))
            })
            .collect();
        let doubts = self.conditions.doubts(&self.samples);
        let statements = self.statements.as_ref().map(|all| all.iter().map(Statement::json).collect::<Vec<_>>());
        let mut report = json!({
            "workload": self.workload.name(),
            "trouble": self.trouble.map(Trouble::name),
            "conclusive": doubts.is_empty(),
            "doubts": doubts,
            "instances": self.instances,
            "state_bytes": self.state_bytes,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "component_bytes": self.component_bytes,
            "conditions": self.conditions.json(),
            "figures": figures,
            "statements": statements,
        });
        if let Some(top) = report.as_object_mut() {
            for (metric, spread) in self.samples.spreads() {
                top.entry(metric.key.clone()).or_insert_with(|| json!(rounded(spread.median)));
            }
        }
        report.to_string()
    }

    /// A heading, a table, and what there is to doubt.
    pub(super) fn table(&self) -> String {
        let Self { workload, instances, state_bytes, rounds, .. } = self;
        let seconds = self.seconds.map(|seconds| format!(" of {seconds} s")).unwrap_or_default();
        let trouble = self.trouble.map(|trouble| format!(", trouble: {}", trouble.name())).unwrap_or_default();
        let mut text = format!(
            "{} {instances} instances, {state_bytes} bytes of state, {rounds} rounds{seconds}{trouble}\n{}\n\n{}",
            workload.name(),
            self.conditions.line(),
            figures(&self.samples)
        );
        if let Some(statements) = &self.statements {
            text.push_str(&format!("\n\n{}", of_statements(statements)));
        }
        let doubts = self.conditions.doubts(&self.samples);
        if !doubts.is_empty() {
            text.push_str("\n\nnot conclusive:");
        }
        for doubt in doubts {
            text.push_str(&format!("\n  {doubt}"));
        }
        text
    }
}

fn figures(samples: &Samples) -> String {
    let rows = samples.spreads().map(|(metric, spread)| {
        let [median, min, max] = [spread.median, spread.min, spread.max].map(shown);
        vec![metric.label.clone(), median, min, max, metric.unit.to_owned()]
    });
    aligned(&["", "median", "min", "max", ""], rows, 1..=3)
}

fn of_statements(statements: &[Statement]) -> String {
    let rows = statements.iter().map(|statement| {
        let Statement { calls, rows_each, ms_each, us_per_step, wal_bytes_per_step, .. } = *statement;
        let numbers = [calls, rows_each, ms_each, us_per_step, wal_bytes_per_step].map(shown);
        [statement.name.clone()].into_iter().chain(numbers).collect()
    });
    aligned(&["statement", "calls", "rows each", "ms each", "us/step", "WAL B/step"], rows, 1..=5)
}

/// A table without lines, the columns in `numbers` aligned to the right.
fn aligned(heads: &[&str], rows: impl Iterator<Item = Vec<String>>, numbers: RangeInclusive<usize>) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(heads);
    rows.for_each(|row| {
        table.add_row(row);
    });
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if numbers.contains(&at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Three digits that count, or all of those before the point, in groups.
fn shown(value: f64) -> String {
    let places = match value.abs() {
        large if large >= 100.0 => 0,
        medium if medium >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.places$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// To three places after the point.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut samples = Samples::default();
        for steps in [20_000.123_4, 19_000.0, 21_000.0] {
            samples.add("pgbench_tps", "pgbench", "1/s", 8_000.0);
            samples.add("steps_per_s", "steps", "1/s", steps);
        }
        Report {
            workload: Workload::W1,
            trouble: None,
            instances: 1_000,
            state_bytes: 200,
            rounds: 3,
            seconds: None,
            component_bytes: 7,
            conditions: Conditions::of_tests(),
            samples,
            statements: None,
        }
    }

    #[test]
    fn a_number_shows_as_many_digits_as_mean_something() {
        for (value, expected) in [
            (1_234_567.8, "1,234,568"),
            (123.4, "123"),
            (99.94, "99.9"),
            (12.34, "12.3"),
            (0.126, "0.13"),
            (0.0, "0.00"),
        ] {
            assert_eq!(shown(value), expected);
        }
    }

    #[test]
    fn json_is_one_line_with_every_figure() {
        let text = report().json();
        assert!(!text.contains('\n'));
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["workload"], "W1");
        let expected = json!({ "median": 20_000.123, "min": 19_000.0, "max": 21_000.0, "unit": "1/s" });
        assert_eq!(value["figures"]["steps_per_s"], expected);
        assert_eq!((&value["steps_per_s"], &value["rounds"]), (&json!(20_000.123), &json!(3)));
        assert_eq!(value["conclusive"], value["doubts"].as_array().unwrap().is_empty());
    }

    #[test]
    fn a_table_is_aligned_and_says_under_what_conditions() {
        let text = report().table();
        assert!(text.starts_with("W1 1000 instances, 200 bytes of state, 3 rounds\n"), "{text}");
        assert!(
            text.contains("\npgbench   8,000   8,000   8,000  1/s\nsteps    20,000  19,000  21,000  1/s"),
            "{text}"
        );
        let claim = Statement {
            name: "claim.sql".into(),
            calls: 1_840.0,
            rows_each: 11.0,
            ms_each: 0.44,
            us_per_step: 7.7,
            wal_bytes_per_step: 92.0,
        };
        let text = Report { statements: Some(vec![claim]), seconds: Some(60), ..report() }.table();
        assert!(text.contains("3 rounds of 60 s\n"), "{text}");
        assert!(text.contains("\nclaim.sql  1,840       11.0     0.44     7.70        92.0"), "{text}");
    }
}
