//! Building the wasm guests.

use std::path::PathBuf;

use anyhow::bail;

use crate::cargo;
use crate::workspace::Workspace;

const BUILD: [&str; 5] = ["build", "--profile", "guest", "--target", "wasm32-wasip2"];

/// Builds every guest of the examples and the tests; the files, in `target/wasm32-wasip2/guest/`.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<Vec<PathBuf>> {
    let (foreign, members): (Vec<_>, Vec<_>) =
        workspace.guests.iter().partition(|guest| guest.foreign_manifest.is_some());
    if !members.is_empty() {
        let packages = members.iter().flat_map(|guest| ["-p", &guest.name]);
        cargo::run(cargo::command(workspace).args(BUILD).args(packages))?;
    }
    for manifest in foreign.iter().filter_map(|guest| guest.foreign_manifest.as_ref()) {
        let mut command = cargo::command(workspace);
        command.args(BUILD).arg("--manifest-path").arg(manifest).arg("--target-dir").arg(&workspace.target);
        cargo::run(&mut command)?;
    }
    let files: Vec<PathBuf> = workspace.guests.iter().map(|guest| workspace.component(&guest.file)).collect();
    match files.iter().find(|file| !file.is_file()) {
        Some(missing) => bail!("cargo built the guests, but {} is not there", missing.display()),
        None => Ok(files),
    }
}
