//! What processes have cost so far, as Linux tells it in `/proc`. Elsewhere nothing is known.

use std::fs;
use std::time::Duration;

/// The unit of every time in `/proc`: `USER_HZ`, which is 100 on every architecture that Rust and Postgres share.
const TICKS_PER_SECOND: u32 = 100;

/// CPU time of this process, all threads, ended ones included.
pub(super) fn of_this_process() -> Option<Duration> {
    Some(duration(stat(std::process::id())?.own))
}

/// CPU time of one process.
pub(super) fn of_process(pid: u32) -> Option<Duration> {
    Some(duration(stat(pid)?.own))
}

/// CPU time of a postmaster and all its processes, those included that have ended.
pub(super) fn of_postgres(postmaster: u32) -> Option<Duration> {
    let root = stat(postmaster)?;
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let living: u64 = pids.filter_map(stat).filter(|stat| stat.parent == postmaster).map(|stat| stat.own).sum();
    Some(duration(root.own + root.ended_children + living))
}

/// CPU time of everything on this machine.
pub(super) fn of_machine() -> Option<Duration> {
    Some(duration(busy(&fs::read_to_string("/proc/stat").ok()?)?))
}

/// The parent of a process that is one of Postgres'.
pub(super) fn postmaster_of(pid: u32) -> Option<u32> {
    let backend = stat(pid)?;
    stat(backend.parent).filter(|parent| parent.name.starts_with("postgres")).map(|_| backend.parent)
}

/// Largest resident memory of this process since [`forget_peak`], in bytes.
pub(super) fn peak_memory() -> Option<u64> {
    line(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// Resident memory of this process now, in bytes.
pub(super) fn resident_memory() -> Option<u64> {
    line(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// Lets the peak of memory begin anew. Where that is not allowed, it stays that of the whole run.
pub(super) fn forget_peak() {
    let _not_allowed = fs::write("/proc/self/clear_refs", "5");
}

#[derive(Debug, PartialEq)]
struct Stat {
    name: String,
    parent: u32,
    own: u64,
    ended_children: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    parsed(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// `pid (name) state ppid …`, where the name may hold anything, brackets and spaces too.
fn parsed(text: &str) -> Option<Stat> {
    let (before, after) = text.rsplit_once(')')?;
    let name = before.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        name,
        parent: fields.get(1)?.parse().ok()?,
        own: ticks(11)? + ticks(12)?,
        ended_children: ticks(13)? + ticks(14)?,
    })
}

/// `cpu user nice system idle iowait irq softirq steal …`: all but idle, iowait, and guests, who are in user already.
fn busy(text: &str) -> Option<u64> {
    let fields = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let ticks: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, steal] = *ticks.first_chunk()?;
    Some(user + nice + system + irq + softirq + steal)
}

/// A line of a process' status that tells an amount of memory.
fn line(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

fn duration(ticks: u64) -> Duration {
    Duration::from_millis(ticks * u64::from(1_000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_it_calls_itself() {
        let line = "4242 (a) b (c) S 17 1 1 0 -1 4194560 100 0 3 0 250 50 7 3 20 0 1 0 99 1 2 3";
        let expected = Stat { name: "a) b (c".into(), parent: 17, own: 300, ended_children: 10 };
        assert_eq!(parsed(line), Some(expected));
        assert_eq!(parsed("4242 (short) S 17"), None);
        assert_eq!(parsed(""), None);
    }

    #[test]
    fn a_machine_that_idles_is_not_busy() {
        assert_eq!(busy("cpu  10 1 5 9000 70 2 3 4 600 0\ncpu0 1 2 3\n"), Some(25));
        assert_eq!(busy("intr 5"), None);
    }

    #[test]
    fn memory_is_in_bytes() {
        let status = "VmPeak:\t  9 kB\nVmHWM:\t     12 kB\nVmRSS:\t 3 kB\n";
        assert_eq!(line(status, "VmHWM:"), Some(12_288));
        assert_eq!(line(status, "VmRSS:"), Some(3_072));
        assert_eq!(line("Name: x\n", "VmHWM:"), None);
    }

    #[test]
    fn work_is_seen_as_time_of_this_process() {
        // Without `/proc` there is nothing to see, and reports leave these figures out.
        let (Some(before), Some(machine)) = (of_this_process(), of_machine()) else { return };
        let mut sum = 0_u64;
        while of_this_process().unwrap() < before + Duration::from_millis(50) {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(of_machine().unwrap() > machine);
        assert!(peak_memory().unwrap() > 1 << 20 && resident_memory().unwrap() > 1 << 20);
        assert!(of_process(std::process::id()).unwrap() >= before);
        assert_eq!(postmaster_of(std::process::id()), None);
    }
}
