//! What an earlier run left when it was killed: hosts, a Postgres, files. A run begins with nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use gd_dev_postgres::Cluster;
use rustix::process::{Pid, Signal, kill_process};

/// The folder of the cluster in the folder of the run.
pub(crate) const CLUSTER: &str = "gd";

/// Ends the processes of an earlier run in this folder, and empties it.
pub(crate) fn clear(folder: &Path) -> anyhow::Result<()> {
    for note in ["host-a.pid", "host-b.pid"] {
        let pid = fs::read_to_string(folder.join(note)).ok().and_then(|text| text.trim().parse().ok());
        if let Some(pid) = pid.and_then(Pid::from_raw).filter(|pid| is_host(*pid)) {
            kill_process(pid, Signal::KILL).context("ending a host of an earlier soak")?;
        }
    }
    remove_cluster(folder)?;
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("emptying {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))
}

/// Stops the Postgres of a run in this folder, if it is there, and deletes it.
pub(crate) fn remove_cluster(folder: &Path) -> anyhow::Result<()> {
    Cluster::destroy(&folder.join(CLUSTER)).context("removing the Postgres of a soak")
}

/// Process ids are used again: a note alone does not say whose it is.
fn is_host(pid: Pid) -> bool {
    let output = Command::new("ps").args(["-o", "comm=", "-p", &pid.as_raw_nonzero().to_string()]).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == "gd-host")
}
