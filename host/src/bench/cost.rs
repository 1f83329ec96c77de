//! What a piece of work has cost: CPU of the host, of Postgres, and of everybody else.

use std::time::{Duration, Instant};

use super::proc;

/// A moment before, to be compared with one after.
pub(super) struct Before {
    at: Instant,
    postmaster: Option<u32>,
    cpu: Cpu,
}

/// The difference. What the system does not tell is none.
pub(super) struct Cost {
    /// Time on the wall.
    pub(super) took: Duration,
    /// CPU of this process: the host, and whoever calls it from within.
    pub(super) host: Option<Duration>,
    /// CPU of all processes of Postgres.
    pub(super) postgres: Option<Duration>,
    /// CPU of others on this machine, in percent of all cores.
    pub(super) others_percent: Option<f64>,
}

#[derive(Clone, Copy)]
struct Cpu {
    host: Option<Duration>,
    postgres: Option<Duration>,
    machine: Option<Duration>,
}

impl Before {
    /// Now.
    pub(super) fn now(postmaster: Option<u32>) -> Self {
        let cpu = Cpu::now(postmaster);
        Self { at: Instant::now(), postmaster, cpu }
    }

    /// What it came to until now.
    pub(super) fn cost(&self) -> Cost {
        let took = self.at.elapsed();
        let (before, after) = (self.cpu, Cpu::now(self.postmaster));
        let grown = |pick: fn(&Cpu) -> Option<Duration>| Some(pick(&after)?.saturating_sub(pick(&before)?));
        let (host, postgres) = (grown(|cpu| cpu.host), grown(|cpu| cpu.postgres));
        let machine = grown(|cpu| cpu.machine);
        Cost { took, host, postgres, others_percent: others(took, machine, host, postgres) }
    }
}

impl Cost {
    /// Microseconds of the host for each of so many pieces of work.
    pub(super) fn host_us_per(&self, pieces: f64) -> Option<f64> {
        self.host.map(|cpu| cpu.as_secs_f64() * 1e6 / pieces)
    }

    /// The same of Postgres.
    pub(super) fn postgres_us_per(&self, pieces: f64) -> Option<f64> {
        self.postgres.map(|cpu| cpu.as_secs_f64() * 1e6 / pieces)
    }

    /// CPU of the host and of Postgres, each in percent of one core.
    pub(super) fn percent_of_a_core(&self) -> [Option<f64>; 2] {
        [self.host, self.postgres].map(|cpu| Some(cpu?.as_secs_f64() / self.took.as_secs_f64() * 100.0))
    }
}

impl Cpu {
    fn now(postmaster: Option<u32>) -> Self {
        Self {
            host: proc::of_this_process(),
            postgres: postmaster.and_then(proc::of_postgres),
            machine: proc::of_machine(),
        }
    }
}

fn others(
    took: Duration,
    machine: Option<Duration>,
    host: Option<Duration>,
    postgres: Option<Duration>,
) -> Option<f64> {
    let cores = std::thread::available_parallelism().ok()?.get();
    let ours = host? + postgres?;
    Some(machine?.saturating_sub(ours).as_secs_f64() / (took.as_secs_f64() * cores as f64) * 100.0)
}
