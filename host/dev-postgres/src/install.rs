//! Installing Postgres with the system's package manager, where the caller may.

use std::env;
use std::process::{Command, Stdio};

use crate::{Error, VERSION_MIN};

/// The commands that install Postgres here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    commands: &'static [&'static str],
    /// False: it needs root, and the caller is not.
    allowed: bool,
}

struct Manager {
    program: &'static str,
    needs_root: bool,
    commands: &'static [&'static str],
}

const MANAGERS: &[Manager] = &[
    Manager {
        program: "apt-get",
        needs_root: true,
        commands: &["apt-get update", "apt-get install -y --no-install-recommends postgresql"],
    },
    Manager { program: "dnf", needs_root: true, commands: &["dnf install -y postgresql-server postgresql"] },
    Manager { program: "apk", needs_root: true, commands: &["apk add postgresql postgresql-client"] },
    Manager { program: "brew", needs_root: false, commands: &["brew install postgresql@17"] },
];

impl Plan {
    pub(crate) fn for_this_machine() -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        let is_there = |program: &str| env::split_paths(&path).any(|dir| dir.join(program).is_file());
        Self::new(is_there, rustix::process::geteuid().is_root())
    }

    fn new(is_there: impl Fn(&str) -> bool, root: bool) -> Self {
        match MANAGERS.iter().find(|manager| is_there(manager.program)) {
            // Homebrew refuses root, the others refuse everybody else.
            Some(manager) => Self { commands: manager.commands, allowed: manager.needs_root == root },
            None => Self { commands: &[], allowed: false },
        }
    }

    /// Runs the plan, `progress` told of each command.
    pub(crate) fn run(&self, progress: &mut dyn FnMut(&str)) -> Result<(), Error> {
        if !self.allowed {
            return Err(self.not_installed());
        }
        for line in self.commands {
            progress(&format!("installing Postgres: {line}"));
            run_line(line)?;
        }
        Ok(())
    }

    /// The error that tells the one line to run.
    pub(crate) fn not_installed(&self) -> Error {
        let command = match self.commands {
            [] => format!("your package manager (Postgres {VERSION_MIN} or newer, server and client)"),
            commands if self.allowed => commands.join(" && "),
            commands => commands.iter().map(|line| format!("sudo {line}")).collect::<Vec<_>>().join(" && "),
        };
        Error::NotInstalled { minimum: VERSION_MIN, command }
    }
}

fn run_line(line: &str) -> Result<(), Error> {
    let failed = |reason: String| Error::Install { command: line.to_owned(), reason };
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    let output = command.output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let last_words = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(failed(format!("{}: {last_words}", output.status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(programs: &[&str], root: bool) -> String {
        Plan::new(|program| programs.contains(&program), root).not_installed().to_string()
    }

    #[test]
    fn who_may_not_install_is_told_the_line_to_run() {
        let text = message(&["apt-get"], false);
        assert!(
            text.contains("`sudo apt-get update && sudo apt-get install -y --no-install-recommends postgresql`"),
            "{text}"
        );
        assert!(message(&[], true).contains("your package manager"), "a machine without a known manager");
    }

    #[test]
    fn root_installs_with_the_system_manager_and_only_others_with_homebrew() {
        let allowed = |programs: &[&str], root| Plan::new(|program| programs.contains(&program), root).allowed;
        assert!(allowed(&["apt-get", "brew"], true));
        assert!(!allowed(&["dnf"], false));
        assert!(allowed(&["brew"], false));
        assert!(!allowed(&["brew"], true));
    }
}
