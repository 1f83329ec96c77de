//! One check and its verdict, and the report that they make.

use serde::Serialize;
use serde_json::json;

use super::super::clean;
use super::super::error::{Error, Exit};
use super::super::output::Output;
use crate::store;

/// What was looked at, what was found, and what to do about it.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    check: &'static str,
    verdict: Verdict,
    found: String,
    advice: Option<String>,
}

/// Whether it will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// It will.
    Ok,
    /// It will for now, or it could not be looked at.
    Warn,
    /// It will not: the exit code is 1.
    Fail,
}

impl Check {
    /// All is well.
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, found: found.into(), advice: None }
    }

    /// It works, but.
    pub(super) fn warn(check: &'static str, found: impl Into<String>, advice: &str) -> Self {
        Self { check, verdict: Verdict::Warn, found: found.into(), advice: some(advice) }
    }

    /// It does not work. No advice where what was found says what to do.
    pub(super) fn fail(check: &'static str, found: impl Into<String>, advice: &str) -> Self {
        Self { check, verdict: Verdict::Fail, found: found.into(), advice: some(advice) }
    }

    /// What a statement that failed comes to.
    pub(super) fn unread(check: &'static str, error: &store::Error) -> Self {
        Self::fail(check, error.to_string(), "")
    }

    fn lines(&self) -> String {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        let advice = self.advice.iter().map(|advice| format!("; {}", clean::line(advice))).collect::<String>();
        format!("{verdict:<4}  {:<18}  {}{advice}", self.check, clean::line(&self.found))
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// The checks so far. As a table each is printed at once, since some take seconds; as a document all at the end.
pub(super) struct Report<'a> {
    output: &'a Output,
    checks: Vec<Check>,
}

impl<'a> Report<'a> {
    /// Nothing was looked at yet.
    pub(super) fn new(output: &'a Output) -> Self {
        Self { output, checks: Vec::new() }
    }

    /// Takes a check.
    pub(super) fn add(&mut self, check: Check) -> Result<(), Error> {
        if self.output.is_table() {
            self.output.raw(&check.lines())?;
        }
        self.checks.push(check);
        Ok(())
    }

    /// Prints what was not printed yet, and says whether everything will do.
    pub(super) fn finish(self) -> Result<Exit, Error> {
        let failed = self.checks.iter().any(|check| check.verdict == Verdict::Fail);
        if !self.output.is_table() {
            self.output.text(&json!({ "ok": !failed, "checks": self.checks }).to_string(), |_| String::new())?;
        }
        Ok(if failed { Exit::Failed } else { Exit::Ok })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::cli::Format;
    use crate::cli::output::tests::captured;

    fn three(report: &mut Report<'_>) {
        report.add(Check::ok("database", "it answers")).unwrap();
        report.add(Check::warn("workers", "none is\nalive", "start one")).unwrap();
        report.add(Check::fail("fsync", "off", "")).unwrap();
    }

    #[test]
    fn each_check_is_a_line_and_one_that_fails_decides_the_exit_code() {
        let (output, out, _) = captured(Format::Table);
        let mut report = Report::new(&output);
        three(&mut report);
        assert_eq!(report.finish().unwrap(), Exit::Failed);
        let expected = "ok    database            it answers\nwarn  workers             none is alive; start one\n\
                        fail  fsync               off\n";
        assert_eq!(out.text(), expected);
    }

    #[test]
    fn a_warning_is_no_failure() {
        let (output, ..) = captured(Format::Table);
        let mut report = Report::new(&output);
        report.add(Check::warn("workers", "none", "start one")).unwrap();
        assert_eq!(report.finish().unwrap(), Exit::Ok);
    }

    #[test]
    fn as_json_it_is_one_document() {
        let (output, out, _) = captured(Format::Json);
        let mut report = Report::new(&output);
        three(&mut report);
        report.finish().unwrap();
        let document: Value = serde_json::from_str(&out.text()).unwrap();
        assert_eq!(document["ok"], json!(false));
        let verdicts: Vec<&Value> =
            document["checks"].as_array().unwrap().iter().map(|check| &check["verdict"]).collect();
        assert_eq!(verdicts, [&json!("ok"), &json!("warn"), &json!("fail")]);
    }
}
