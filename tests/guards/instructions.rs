//! How many instructions the pure rules take, as callgrind counts them.

use std::process::Command;

use crate::ALONE;
use crate::bounds::INSTRUCTIONS;
use crate::figures::Figures;

/// Plays in the shorter of two runs; the longer one has twice as many.
const PLAYS: u64 = 500;
/// With its path as cargo knows it, so that it is built anew before it is counted.
const PURE: &str = env!("CARGO_BIN_EXE_pure");

#[test]
fn the_pure_rules_take_few_instructions() {
    let _alone = ALONE.blocking_lock();
    let mut figures = Figures::default();
    for (operation, max) in INSTRUCTIONS {
        let difference = instructions(operation, 2 * PLAYS) - instructions(operation, PLAYS);
        figures.at_most(&format!("instructions per {operation}"), difference as f64 / PLAYS as f64, max);
    }
    figures.hold();
}

/// Of a whole run that makes as many inputs as every other.
fn instructions(operation: &str, played: u64) -> u64 {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", PURE, operation]);
    command.args([2 * PLAYS, played].map(|number| number.to_string()));
    // The loader reads the environment: its length must not matter.
    let ran = command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).output();
    let output = ran.unwrap_or_else(|error| {
        panic!("valgrind cannot be run ({error}); `cargo xtask test` installs it, or says how to")
    });
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    assert!(output.status.success(), "{operation}: {said}");
    collected.unwrap_or_else(|| panic!("{operation}: callgrind does not say what it collected: {said}"))
}
