//! What the history tells about a round: how many steps, and how long they took.

use gd_core::InstanceId;

use super::Error;
use super::psql::Session;
use super::samples::Samples;

/// Instances whose steps are looked at, where there are more: enough for a 99th percentile, and sorted in seconds.
const SAMPLE: u32 = 100_000;

/// Attempts of the instances from one on, in a stretch of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    /// The first instance that counts.
    pub(super) first: InstanceId,
    /// Seconds since the epoch, by the database's clock.
    pub(super) from: f64,
    /// The same, and no longer in it.
    pub(super) until: f64,
}

/// How long steps took: median and 99th percentile.
pub(super) struct Durations {
    /// In the sandbox, on average.
    pub(super) sandbox_cpu_us: f64,
    /// The same on the wall.
    pub(super) run_us: [f64; 2],
    /// From one commit of an instance to its next; none where every instance has but one step.
    pub(super) between_ms: Option<[f64; 2]>,
}

impl Stretch {
    /// Everything from this instance on.
    pub(super) fn since(first: InstanceId) -> Self {
        Self { first, from: 0.0, until: f64::from(u32::MAX) }
    }

    /// Steps that were committed.
    pub(super) async fn steps(&self, session: &mut Session) -> Result<f64, Error> {
        session.number(&format!("select count(*) from gd.attempt where {}", self.within())).await
    }

    /// How long they took.
    pub(super) async fn durations(&self, session: &mut Session) -> Result<Durations, Error> {
        let within = self.within();
        let share: f64 = session
            .number(&format!(
                "select ceil(greatest(1, (max(instance_id) - {}) / {SAMPLE}.0)) from gd.attempt where {within}",
                self.first
            ))
            .await?;
        let sql = format!(
            "with step as (
                select duration_us, cpu_us,
                       extract(epoch from at - lag(at) over (partition by instance_id order by claim)) * 1000 as between_ms
                from gd.attempt
                where {within} and instance_id % {share} = 0
            )
            select avg(cpu_us), percentile_disc(0.5) within group (order by duration_us),
                   percentile_disc(0.99) within group (order by duration_us),
                   coalesce(percentile_disc(0.5) within group (order by between_ms), -1),
                   coalesce(percentile_disc(0.99) within group (order by between_ms), -1)
            from step"
        );
        let [sandbox_cpu_us, run_50, run_99, between_50, between_99] = session.numbers(&sql).await?;
        let between_ms = (between_50 >= 0.0).then_some([between_50, between_99]);
        Ok(Durations { sandbox_cpu_us, run_us: [run_50, run_99], between_ms })
    }

    fn within(&self) -> String {
        let Self { first, from, until } = self;
        format!("instance_id >= {first} and at >= to_timestamp({from}) and at < to_timestamp({until})")
    }
}

impl Durations {
    /// The figures of a workload with many steps.
    pub(super) fn add(&self, samples: &mut Samples) {
        let Self { run_us, between_ms, .. } = self;
        for (at, percent) in ["p50", "p99"].into_iter().enumerate() {
            samples.add(format!("step_us_{percent}"), format!("a step in its sandbox, {percent}"), "us", run_us[at]);
        }
        for (at, percent) in ["p50", "p99"].into_iter().enumerate() {
            let label = format!("a step from commit to commit, {percent}");
            samples.add_known(format!("commit_to_commit_ms_{percent}"), label, "ms", between_ms.map(|ms| ms[at]));
        }
    }
}

/// Now, in seconds since the epoch, by the database's clock.
pub(super) async fn now(session: &mut Session) -> Result<f64, Error> {
    session.number("select extract(epoch from clock_timestamp())").await
}
