//! The cluster's processes, seen from outside: which one is the postmaster, is it ready, what did a dead one leave.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::Error;
use crate::home::Home;

/// How long the backends of a killed postmaster may take to go once they are told. Postgres itself refuses to start
/// beside them.
const ORPHANS_WAIT: Duration = Duration::from_secs(5);

/// How long a stop may take: it writes every dirty page out.
const STOP_WAIT: Duration = Duration::from_secs(60);

/// A living postmaster of a known data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Postmaster {
    pub(crate) pid: Pid,
    /// It says itself that it accepts connections.
    pub(crate) says_ready: bool,
}

impl Postmaster {
    /// The one that serves `home` now.
    pub(crate) fn running(home: &Home) -> Option<Self> {
        let noted = noted(home)?;
        is_server_of(noted.pid, &home.data()).then_some(noted)
    }

    /// Ready to be connected to.
    pub(crate) fn is_ready(&self, home: &Home) -> bool {
        self.says_ready && UnixStream::connect(home.socket_file()).is_ok()
    }
}

/// Sends `signal` to the postmaster of `home` and waits until it is gone; nothing happens when there is none.
pub(crate) fn stop(home: &Home, signal: Signal) -> Result<(), Error> {
    let begun = Instant::now();
    let mut told = None;
    while let Some(postmaster) = Postmaster::running(home) {
        if told != Some(postmaster.pid) {
            told = kill_process(postmaster.pid, signal).is_ok().then_some(postmaster.pid);
        }
        if begun.elapsed() > STOP_WAIT {
            return Err(Error::Stop { pid: postmaster.pid.as_raw_nonzero().get(), waited: STOP_WAIT });
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Clears what a killed postmaster left: its backends, the socket's lock, a note of its pid that now means another process.
///
/// Postgres copes with a stale note by itself, except when the pid is taken again (as after a restart of a
/// container) or is a zombie's.
pub(crate) fn clear_leftovers(home: &Home) -> Result<(), Error> {
    let data = home.data();
    let begun = Instant::now();
    while !orphans(&data).is_empty() && begun.elapsed() < ORPHANS_WAIT {
        // Without a postmaster nobody may trust the shared memory they hold: the quick exit loses nothing.
        for pid in orphans(&data) {
            let _already_gone = kill_process(pid, Signal::QUIT);
        }
        thread::sleep(Duration::from_millis(20));
    }
    // The socket's folder is this cluster's alone, so its lock cannot be anybody else's.
    remove_if_there(&home.socket_lock())?;
    match noted(home) {
        Some(stale) if test_kill_process(stale.pid).is_ok() => remove_if_there(&note_file(home)),
        Some(_) | None => Ok(()),
    }
}

fn remove_if_there(file: &Path) -> Result<(), Error> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", file)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn note_file(home: &Home) -> PathBuf {
    home.data().join("postmaster.pid")
}

/// What `postmaster.pid` says: the pid in line 1, the status in line 8.
fn noted(home: &Home) -> Option<Postmaster> {
    let text = fs::read_to_string(note_file(home)).ok()?;
    let mut lines = text.lines();
    let pid = Pid::from_raw(lines.next()?.trim().parse().ok()?)?;
    Some(Postmaster { pid, says_ready: lines.nth(6).is_some_and(|status| status.trim() == "ready") })
}

/// Does `pid` live, and serve `data`? A zombie does not.
fn is_server_of(pid: Pid, data: &Path) -> bool {
    if !has_proc() {
        return is_named_postgres(pid);
    }
    let proc = PathBuf::from(format!("/proc/{pid}", pid = pid.as_raw_nonzero()));
    // Every process of a cluster works in its data folder.
    let in_data = fs::read_link(proc.join("cwd")).is_ok_and(|cwd| cwd == data);
    in_data && fs::read_to_string(proc.join("comm")).is_ok_and(|name| name.trim() == "postgres")
}

/// The processes of `data` when its postmaster is known to be dead. Empty where the system has no `/proc`.
fn orphans(data: &Path) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    pids.filter(|pid| has_proc() && is_server_of(*pid, data)).collect()
}

fn has_proc() -> bool {
    Path::new("/proc/self/cwd").exists()
}

fn is_named_postgres(pid: Pid) -> bool {
    let pid = pid.as_raw_nonzero().to_string();
    let output = Command::new("ps").args(["-o", "comm=", "-p", &pid]).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("postgres"))
}
