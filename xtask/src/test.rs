//! `cargo xtask test`: everything that must hold before a change is taken.

use std::time::{Duration, Instant};

use comfy_table::Table;

use crate::ui::{seconds, stage};
use crate::workspace::Workspace;
use crate::{cargo, guests, setup, sqlx};

/// The stages in order; the first that fails ends the run.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let mut times = Times::default();
    let selection = workspace.selection();
    let cargo = |args: &[&str]| {
        let (before, after) = args.split_at(args.iter().position(|arg| *arg == "--").unwrap_or(args.len()));
        cargo::run(cargo::command(workspace).args(before).args(&selection).args(after))
    };
    times.stage("set-up", || {
        setup::postgres()?;
        setup::valgrind()?;
        setup::wasm_target(workspace)
    })?;
    times.stage("format", || cargo::run(cargo::command(workspace).args(["fmt", "--all", "--check"])))?;
    times.stage("lints", || cargo(&["clippy", "--all-targets", "--", "-D", "warnings"]))?;
    times.stage("statements", || sqlx::run(workspace, &sqlx::Args { check: true }))?;
    times.stage("build", || cargo(&["build"]))?;
    times.stage("guests", || guests::build(workspace).map(drop))?;
    times.stage("tests", || cargo(&["test"]))?;
    times.print();
    print_first_line(workspace, "conformance.txt");
    print_first_line(workspace, "seeded-defects.txt");
    Ok(())
}

/// What the tests wrote in a report: how much of the catalogue they show, how many of the defects that they put into the statements the
/// checks have seen.
fn print_first_line(workspace: &Workspace, report: &str) {
    let report = std::fs::read_to_string(workspace.target.join(report)).unwrap_or_default();
    report.lines().take(1).for_each(|line| println!("{line}"));
}

#[derive(Default)]
struct Times(Vec<(&'static str, Duration)>);

impl Times {
    fn stage(&mut self, name: &'static str, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        let begun = Instant::now();
        stage(name, work)?;
        self.0.push((name, begun.elapsed()));
        Ok(())
    }

    fn print(&self) {
        let mut table = Table::new();
        table.load_preset(comfy_table::presets::NOTHING);
        for (name, time) in &self.0 {
            table.add_row([(*name).to_owned(), "ok".to_owned(), seconds(*time)]);
        }
        let total = self.0.iter().map(|(_, time)| *time).sum();
        table.add_row(["everything".to_owned(), "ok".to_owned(), seconds(total)]);
        println!("{table}");
    }
}
