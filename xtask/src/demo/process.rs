//! A child process that leaves a note of itself, so that the next demo can find one that was left behind.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

/// The log of a process, appended to over restarts.
pub(super) fn log(path: &Path) -> anyhow::Result<File> {
    File::options().create(true).append(true).open(path).with_context(|| format!("opening {}", path.display()))
}

/// The last lines of a log, for an error message.
pub(super) fn tail(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n  ")
}

/// Starts a program that is not tied to this one's terminal input, and notes its pid in `note`.
pub(super) fn spawn(command: &mut Command, note: &Path) -> anyhow::Result<Child> {
    let child = command.stdin(Stdio::null()).spawn();
    let child = child.with_context(|| format!("starting {}", command.get_program().to_string_lossy()))?;
    fs::write(note, child.id().to_string()).with_context(|| format!("writing {}", note.display()))?;
    Ok(child)
}

/// Waits for the end of a child. None when it does not come in time.
pub(super) fn wait(child: &mut Child, longest: Duration) -> anyhow::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + longest;
    loop {
        match child.try_wait().context("waiting for a child process")? {
            Some(status) => return Ok(Some(status)),
            None if Instant::now() > deadline => return Ok(None),
            None => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Asks a process to end.
pub(super) fn terminate(pid: u32) {
    signal(pid, Signal::TERM);
}

/// Ends the process of a note if it is still the program of that name: politely, then at once.
pub(super) fn end_noted(note: &PathBuf, name: &str) -> anyhow::Result<()> {
    let Some(pid) = fs::read_to_string(note).ok().and_then(|text| text.trim().parse().ok()) else { return Ok(()) };
    let begun = Instant::now();
    let mut told = false;
    while is_program(pid, name) {
        match begun.elapsed().as_secs() {
            0..10 if !told => terminate(pid),
            0..10 => {}
            10..15 => signal(pid, Signal::KILL),
            _ => bail!("{name} (pid {pid}) of an earlier demo does not end; end it with `kill -9 {pid}`"),
        }
        told = true;
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // One that is gone already needs no signal.
        let _already_gone = kill_process(pid, signal);
    }
}

/// Pids are used again: a note alone does not say that the process is ours.
fn is_program(pid: u32, name: &str) -> bool {
    let output = Command::new("ps").args(["-o", "stat=,comm=", "-p", &pid.to_string()]).output();
    let Ok(output) = output else { return false };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Linux cuts a name after 15 bytes.
    let short = name.get(..15).unwrap_or(name);
    !text.trim_start().starts_with('Z') && text.contains(short)
}
