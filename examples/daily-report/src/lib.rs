//! A report that is made once a day: whoever asks for it starts it under the key of its date, which stays taken after the end.
//!
//! ```console
//! gd-host start daily-report --state '{"date":"2030-01-31"}' --key report:2030-01-31 --scope done,failed
//! ```

use gd_guest::prelude::*;

/// A report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    date: String,
    /// What was sold, a number per sale.
    #[serde(default)]
    sales_cents: Vec<u64>,
    #[serde(default)]
    total_cents: u64,
}

#[gd_guest::fsm(name = "daily-report", queue = "reports")]
impl Report {
    #[initial]
    fn collect(mut self, _ctx: &Ctx) -> Step<Self> {
        if self.date.len() != "2030-01-31".len() {
            return stop(format!("{:?} is not a date", self.date)).code("no-date");
        }
        self.total_cents = self.sales_cents.iter().sum();
        next(Self::publish, self)
    }

    fn publish(self, ctx: &Ctx) -> Step<Self> {
        done(json!({ "date": self.date, "total_cents": self.total_cents, "key": ctx.correlation_key() }))
    }
}

#[cfg(test)]
mod tests {
    use gd_guest::{Transition, testing};

    use super::*;

    fn report(date: &str) -> Report {
        Report { date: date.into(), sales_cents: vec![250, 1_200], total_cents: 0 }
    }

    #[test]
    fn a_report_is_collected_and_published() {
        let outcome = Report::collect.call(report("2030-01-31"), &testing::ctx()).unwrap();
        assert_eq!(outcome.step(), Some("publish"));
        let published = Report::publish.call(outcome.state().unwrap().clone(), &testing::ctx()).unwrap();
        assert_eq!(
            published.result::<Value>().unwrap(),
            json!({ "date": "2030-01-31", "total_cents": 1_450, "key": null })
        );
    }

    #[test]
    fn a_report_of_no_day_stops() {
        let outcome = Report::collect.call(report("today"), &testing::ctx()).unwrap();
        let Transition::Stop(reason) = outcome.transition() else { panic!("{outcome:?}") };
        assert_eq!(reason.code.as_deref(), Some("no-date"));
    }
}
