//! Under what conditions a figure was measured, and whether it says anything under these.

use serde_json::{Value, json};

use super::Error;
use super::psql::Session;
use super::samples::Samples;

/// Fewer transactions of pgbench than this, and the machine is too busy or its disk too slow for the figures to be compared.
const TPS_MIN: f64 = 4_000.0;
/// More CPU of others than this, and they have taken part in the figures.
const OTHERS_PERCENT_MAX: f64 = 10.0;
/// The settings of the server that figures depend on; the first ones must be on.
const SETTINGS: [&str; 7] =
    ["fsync", "synchronous_commit", "full_page_writes", "wal_level", "shared_buffers", "max_wal_size", "autovacuum"];
const MUST_BE_ON: usize = 3;

/// Machine, server and build.
pub(super) struct Conditions {
    at: String,
    cores: usize,
    postgres: String,
    settings: Vec<(&'static str, String)>,
    release: bool,
}

impl Conditions {
    /// Asks the server, and this process.
    pub(super) async fn find(session: &mut Session) -> Result<Self, Error> {
        let mut settings = Vec::new();
        for name in SETTINGS {
            settings.push((name, session.ask(&format!("show {name}")).await?));
        }
        Ok(Self {
            at: session.ask("select to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')").await?,
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            postgres: session.ask("show server_version").await?,
            settings,
            release: !cfg!(debug_assertions),
        })
    }

    /// Why the figures say little, each reason a sentence; none when they can be compared.
    pub(super) fn doubts(&self, samples: &Samples) -> Vec<String> {
        let mut doubts = Vec::new();
        if !self.release {
            doubts.push("this is a debug build: build with --release".to_owned());
        }
        for (name, value) in self.settings.iter().take(MUST_BE_ON).filter(|(_, value)| value != "on") {
            doubts.push(format!("{name} is {value}: a commit is not durable"));
        }
        match samples.median("pgbench_tps") {
            None => doubts.push("pgbench was left out: nothing tells how fast this machine is".to_owned()),
            Some(tps) if tps < TPS_MIN => {
                doubts.push(format!("pgbench made {tps:.0} transactions per second, fewer than {TPS_MIN:.0}"));
            }
            Some(_) => {}
        }
        if let Some(percent) = samples.median("other_cpu_percent").filter(|percent| *percent > OTHERS_PERCENT_MAX) {
            doubts.push(format!("others used {percent:.0} % of the CPU meanwhile"));
        }
        doubts
    }

    pub(super) fn json(&self) -> Value {
        let settings: serde_json::Map<String, Value> =
            self.settings.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        json!({
            "at": self.at,
            "gd_host": env!("CARGO_PKG_VERSION"),
            "build": self.build(),
            "cores": self.cores,
            "postgres": self.postgres,
            "settings": settings,
        })
    }

    /// For people.
    pub(super) fn line(&self) -> String {
        let Self { at, cores, postgres, settings, .. } = self;
        let settings: Vec<String> = settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let build = self.build();
        format!(
            "gd-host {} ({build}), {cores} cores, {at}\nPostgreSQL {postgres}: {}",
            env!("CARGO_PKG_VERSION"),
            settings.join(", ")
        )
    }

    fn build(&self) -> &'static str {
        if self.release { "release" } else { "debug" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Conditions {
        pub(in crate::bench) fn of_tests() -> Self {
            let settings = SETTINGS.map(|name| (name, "on".to_owned())).to_vec();
            Self { at: "2030-01-31T09:00:00Z".into(), cores: 2, postgres: "15.18".into(), settings, release: true }
        }
    }

    fn samples(tps: f64, others: f64) -> Samples {
        let mut samples = Samples::default();
        samples.add("pgbench_tps", "", "1/s", tps);
        samples.add("other_cpu_percent", "", "%", others);
        samples
    }

    #[test]
    fn a_quiet_quick_machine_leaves_no_doubt() {
        assert_eq!(Conditions::of_tests().doubts(&samples(4_000.0, 10.0)), Vec::<String>::new());
    }

    #[test]
    fn whatever_spoils_a_figure_is_a_doubt() {
        let check = |conditions: Conditions, samples: Samples, part: &str| {
            let doubts = conditions.doubts(&samples);
            assert!(doubts.len() == 1 && doubts[0].contains(part), "{part}: {doubts:?}");
        };
        let good = Conditions::of_tests;
        check(good(), samples(3_999.0, 0.0), "3999");
        check(good(), samples(9_000.0, 11.0), "11 %");
        check(good(), Samples::default(), "left out");
        check(Conditions { release: false, ..good() }, samples(9_000.0, 0.0), "debug");
        for (at, name) in SETTINGS.iter().enumerate().take(MUST_BE_ON) {
            let mut forgetful = good();
            forgetful.settings[at].1 = "off".into();
            check(forgetful, samples(9_000.0, 0.0), name);
        }
    }
}
