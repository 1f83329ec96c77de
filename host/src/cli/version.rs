//! `version`: which gd-host this binary is.

use super::error::{Error, Exit};
use super::output::Output;

/// Prints the version of this binary; asks no server.
pub(crate) fn version(output: &Output) -> Result<Exit, Error> {
    let version = env!("CARGO_PKG_VERSION");
    output.text(&format!(r#"{{"name":"gd-host","version":"{version}"}}"#), |_| format!("gd-host {version}"))?;
    Ok(Exit::Ok)
}
