//! What a fresh machine lacks: the wasm target, a Postgres, Valgrind.

mod valgrind;

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use gd_dev_postgres::Binaries;

use crate::cargo;
use crate::ui::note;
use crate::workspace::Workspace;

const WASM_TARGET: &str = "wasm32-wasip2";

/// Adds the wasm target to the toolchain of the repository when it is missing. (rustup ignores `targets` of
/// rust-toolchain.toml where automatic installation is off.)
pub(crate) fn wasm_target(workspace: &Workspace) -> anyhow::Result<()> {
    if has_wasm_target(workspace)? {
        return Ok(());
    }
    note(&format!("adding the target {WASM_TARGET}"));
    let mut command = Command::new("rustup");
    command.args(["target", "add", WASM_TARGET]).current_dir(&workspace.root);
    cargo::run(&mut command).with_context(|| format!("the toolchain lacks {WASM_TARGET}; add it to your Rust by hand"))
}

/// Postgres' programs, installed when they are missing and we may. Nothing to do when `GD_DATABASE_URL` names a server.
pub(crate) fn postgres() -> anyhow::Result<()> {
    if env::var_os("GD_DATABASE_URL").is_some() {
        note("Postgres: the one of GD_DATABASE_URL");
        return Ok(());
    }
    let found = Binaries::find_or_install(&mut |text| note(text))?;
    note(&format!("Postgres {}: {}", found.major(), found.dir().display()));
    Ok(())
}

/// Valgrind, installed when it is missing and we may.
pub(crate) fn valgrind() -> anyhow::Result<()> {
    valgrind::find_or_install()
}

fn has_wasm_target(workspace: &Workspace) -> anyhow::Result<bool> {
    let mut command = Command::new("rustc");
    command.args(["--print", "target-libdir", "--target", WASM_TARGET]).current_dir(&workspace.root);
    let output = command.output().context("running rustc")?;
    if !output.status.success() {
        bail!("this Rust does not know {WASM_TARGET}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}
