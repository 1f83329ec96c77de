//! `cargo xtask soak`: builds everything and hands over to the driver, a program of the tests.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::ui::stage;
use crate::workspace::Workspace;
use crate::{cargo, guests, setup};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What the driver takes; `cargo xtask soak --help` has it explain itself.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    driver: Vec<OsString>,
}

/// The driver's exit code: 0 kept, 1 broken, 3 inconclusive.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    stage("set-up", || setup::postgres().and_then(|()| setup::wasm_target(workspace)))?;
    stage("building the hosts and the driver", || {
        cargo::run(cargo::command(workspace).arg("build").args(workspace.selection()))
    })?;
    stage("building the guests", || guests::build(workspace))?;
    let program = workspace.program("soak");
    let status = Command::new(&program).args(&args.driver).status();
    let status = status.with_context(|| format!("running {}", program.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}
