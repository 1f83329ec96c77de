//! What an earlier demo left: a host, a provider, a Postgres, files. A demo begins with nothing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use gd_dev_postgres::Cluster;

use super::process;

/// How deep below the demo's folder a cluster may be.
const DEPTH_MAX: usize = 4;

/// Ends the processes of an earlier demo and empties its folder.
pub(super) fn clear(dir: &Path) -> anyhow::Result<()> {
    if !dir.exists() {
        return Ok(());
    }
    process::end_noted(&dir.join("host.pid"), "gd-host")?;
    process::end_noted(&dir.join("provider.pid"), "payment-provider")?;
    for cluster in clusters(dir, 0) {
        Cluster::destroy(&cluster)
            .with_context(|| format!("removing the Postgres of an earlier demo in {}", cluster.display()))?;
    }
    fs::remove_dir_all(dir).with_context(|| format!("emptying {}", dir.display()))
}

/// Clusters below `dir` that run now.
pub(super) fn running_clusters(dir: &Path) -> Vec<PathBuf> {
    clusters(dir, 0).into_iter().filter(|dir| matches!(Cluster::running(dir), Ok(Some(_)))).collect()
}

fn clusters(dir: &Path, depth: usize) -> Vec<PathBuf> {
    if dir.join("postgres.lock").is_file() {
        return vec![dir.to_owned()];
    }
    if depth == DEPTH_MAX {
        return Vec::new();
    }
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.flat_map(|entry| clusters(&entry.path(), depth + 1)).collect()
}
