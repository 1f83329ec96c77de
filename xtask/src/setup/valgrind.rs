//! Valgrind, which counts the instructions of the pure rules: looked for, or installed with the system's package manager.

use std::env;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::ui::note;

/// By the manager's program. Homebrew has it for few machines, so that it is not asked.
const MANAGERS: [(&str, &[&str]); 3] = [
    ("apt-get", &["apt-get update", "apt-get install -y --no-install-recommends valgrind"]),
    ("dnf", &["dnf install -y valgrind"]),
    ("apk", &["apk add valgrind"]),
];

/// Sees to it that `valgrind` runs.
pub(super) fn find_or_install() -> anyhow::Result<()> {
    if let Some(version) = version() {
        note(&format!("Valgrind: {version}"));
        return Ok(());
    }
    let lines = lines(is_there);
    if lines.is_empty() || !rustix::process::geteuid().is_root() {
        bail!(not_installed(lines));
    }
    for line in lines {
        note(&format!("installing Valgrind: {line}"));
        run(line).with_context(|| not_installed(lines))?;
    }
    if version().is_none() {
        bail!("Valgrind was installed, but `valgrind --version` does not run; look what it says");
    }
    Ok(())
}

/// What it says of itself, if it runs.
fn version() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn is_there(program: &str) -> bool {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|dir| dir.join(program).is_file())
}

/// The commands of the first manager that is here.
fn lines(is_there: impl Fn(&str) -> bool) -> &'static [&'static str] {
    MANAGERS.iter().find(|(program, _)| is_there(program)).map_or(&[], |(_, lines)| *lines)
}

/// The one line that says what to do.
fn not_installed(lines: &[&str]) -> String {
    let command = match lines {
        [] => "your package manager".to_owned(),
        lines => {
            let lines: Vec<String> = lines.iter().map(|line| format!("sudo {line}")).collect();
            format!("`{}`", lines.join(" && "))
        }
    };
    format!("no Valgrind was found, which the tests count instructions with; install it with {command}")
}

fn run(line: &str) -> anyhow::Result<()> {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    let output = command.output().with_context(|| format!("running `{line}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        bail!("`{line}` failed ({}): {last}", output.status);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_valgrind_is_told_the_line_to_run() {
        let message = |programs: &[&str]| not_installed(lines(|program| programs.contains(&program)));
        let apt = message(&["apt-get", "brew"]);
        let line = "`sudo apt-get update && sudo apt-get install -y --no-install-recommends valgrind`";
        assert!(apt.contains(line), "{apt}");
        assert!(message(&["dnf"]).contains("`sudo dnf install -y valgrind`"));
        assert!(
            message(&["brew"]).contains("your package manager"),
            "a machine that it cannot be installed on from here"
        );
    }
}
