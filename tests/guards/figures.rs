//! Figures beside their bounds.

use std::io::Write;

/// What was counted. All of it is shown before any of it is judged.
#[derive(Default)]
pub(crate) struct Figures {
    broken: Vec<String>,
}

impl Figures {
    /// A figure that may be this high.
    pub(crate) fn at_most(&mut self, what: &str, counted: f64, max: f64) {
        self.judge(what, counted, ("at most", max), counted <= max);
    }

    /// A figure that may be this low.
    pub(crate) fn at_least(&mut self, what: &str, counted: f64, min: f64) {
        self.judge(what, counted, ("at least", min), counted >= min);
    }

    fn judge(&mut self, what: &str, counted: f64, (which, bound): (&str, f64), holds: bool) {
        let line = format!("guard: {what}: {counted:.2} ({which} {bound})");
        // Not `println!`, which the harness keeps to itself where a test passes.
        writeln!(std::io::stderr(), "{line}").ok();
        if !holds {
            self.broken.push(line);
        }
    }

    /// Fails where a bound is broken.
    pub(crate) fn hold(self) {
        assert!(
            self.broken.is_empty(),
            "the hot path costs more than its bounds; find out why, or change tests/guards/bounds.rs and say why:\n{}",
            self.broken.join("\n")
        );
    }
}
