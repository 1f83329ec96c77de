//! `cargo xtask bench`: figures of a release build.

use std::ffi::OsString;
use std::process::Command;

use crate::cargo;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Arguments of `gd-host bench`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORKLOAD and options")]
    args: Vec<OsString>,
}

/// Builds, then measures. The first build takes some ten minutes: it compiles wasmtime with every optimisation.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    cargo::run(cargo::command(workspace).args(["build", "--release", "--bin", "gd-host"]).args(workspace.selection()))?;
    let mut bench = Command::new(workspace.target.join("release/gd-host"));
    cargo::run(bench.arg("bench").args(&args.args).current_dir(&workspace.root))
}
