//! What the person at the terminal sees: a line per stage, with its time; a bar that moves on a terminal alone.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Runs one stage: its name before, its time after.
pub(crate) fn stage<T>(name: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    eprintln!("==> {name}");
    let begun = Instant::now();
    let result = work();
    match &result {
        Ok(_) => eprintln!("    {name}: ok, {}", seconds(begun.elapsed())),
        Err(_) => eprintln!("    {name}: FAILED after {}", seconds(begun.elapsed())),
    }
    result
}

/// One line of news within a stage.
pub(crate) fn note(text: &str) {
    eprintln!("    {text}");
}

/// A bar of `length` on a terminal; nothing in a pipe.
pub(crate) fn bar(name: &str, length: usize) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length as u64).with_message(name.to_owned());
    let style = ProgressStyle::with_template("    {msg} {wide_bar} {pos}/{len} {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// As people read it: `12.3 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
