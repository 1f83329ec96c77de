//! `gd-host inspect`: what a component is, without a server.

use std::path::Path;

use anyhow::Context;
use gd_core::{Form, Limits};

use crate::sandbox::{Compiler, Destination, EgressPolicy, Sandbox};

/// Prints what a component says of itself and what it imports.
///
/// # Errors
/// Which rule it breaks.
pub async fn inspect(file: &Path) -> anyhow::Result<()> {
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let size = bytes.len();
    // Nothing is called here but describe(), which reaches nobody: that HTTP is imported is shown, not refused.
    let shown: Destination = "inspect.invalid:80".parse().map_err(anyhow::Error::msg)?;
    let sandbox = Sandbox::new(1, EgressPolicy::allow(vec![shown]), Limits::default(), Compiler::this_binary())?;
    let (program, inspection) = sandbox.load(bytes).await?;
    let descriptor = program.descriptor;
    let form = match descriptor.form {
        Form::Machine => "machine",
        Form::Job => "job",
    };
    println!("{} ({form}, {} KiB, {})", descriptor.fsm, size.div_ceil(1024), descriptor.sdk);
    println!("state version {}, {}", descriptor.state_version, descriptor.state_content_type);
    println!("queue {}", descriptor.queue.as_deref().unwrap_or("default"));
    println!("steps");
    for step in &descriptor.steps {
        let initial = if step.name == descriptor.initial_step { " (initial)" } else { "" };
        let next = if step.next.is_empty() { String::new() } else { format!(" -> {}", step.next.join(", ")) };
        let awaits = if step.awaits.is_empty() { String::new() } else { format!(" awaits {}", step.awaits.join(", ")) };
        println!("  {}{initial}{next}{awaits}", step.name);
    }
    println!("imports");
    for import in &inspection.imports {
        println!("  {import}");
    }
    for warning in &inspection.warnings {
        println!("warning: {warning}");
    }
    Ok(())
}
