//! Postgres' programs: where they are on this machine.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, install};

/// The oldest major version whose SQL the host uses.
pub const VERSION_MIN: u32 = 15;

/// A folder with `postgres`, `initdb` and `psql` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    dir: PathBuf,
    major: u32,
}

impl Binaries {
    /// The first of: `GD_PG_BIN`; the folders that packages use, newest version first; `PATH`.
    ///
    /// # Errors
    /// [`Error::ConfiguredBinaries`] when `GD_PG_BIN` is set and of no use, [`Error::NotInstalled`] when there is no
    /// version from [`VERSION_MIN`] on.
    pub fn find() -> Result<Self, Error> {
        match Self::all()?.into_iter().next() {
            Some(found) => Ok(found),
            None => Err(install::Plan::for_this_machine().not_installed()),
        }
    }

    /// As [`Binaries::find`]; when there are none, installs Postgres with the system's package manager, as far as the
    /// caller may (root, or Homebrew). `progress` is told before each long piece of work.
    ///
    /// # Errors
    /// Those of [`Binaries::find`], the line to run in them; [`Error::Install`] when the package manager failed.
    pub fn find_or_install(progress: &mut dyn FnMut(&str)) -> Result<Self, Error> {
        if let Some(found) = Self::all()?.into_iter().next() {
            return Ok(found);
        }
        install::Plan::for_this_machine().run(progress)?;
        Self::find()
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The major version, such as 15.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The path of one program in the folder.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Every usable folder, best first.
    pub(crate) fn all() -> Result<Vec<Self>, Error> {
        if let Some(path) = env::var_os("GD_PG_BIN").filter(|value| !value.is_empty()).map(PathBuf::from) {
            return Self::at(&path)
                .map(|found| vec![found])
                .map_err(|reason| Error::ConfiguredBinaries { path, reason });
        }
        let mut found: Vec<Self> = packaged_dirs().iter().filter_map(|dir| Self::at(dir).ok()).collect();
        found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
        found.extend(path_dirs().iter().filter_map(|dir| Self::at(dir).ok()));
        Ok(found)
    }

    fn at(dir: &Path) -> Result<Self, String> {
        if let Some(missing) = ["postgres", "initdb", "psql"].iter().find(|name| !dir.join(name).is_file()) {
            return Err(format!("there is no `{missing}` in it"));
        }
        let output = Command::new(dir.join("postgres")).arg("--version").output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        match major_version(&text) {
            Some(major) if major >= VERSION_MIN => Ok(Self { dir: dir.to_owned(), major }),
            Some(major) => Err(format!("it is Postgres {major}, older than {VERSION_MIN}")),
            None => Err(format!("`postgres --version` answered {text:?}")),
        }
    }
}

/// Where the packages of Debian, PGDG, Alpine, SUSE and Homebrew put the server's programs.
fn packaged_dirs() -> Vec<PathBuf> {
    let nested = |parent: &str, prefix: &str, rest: &str| {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
        named.map(|entry| entry.path().join(rest)).collect::<Vec<_>>()
    };
    [
        nested("/usr/lib/postgresql", "", "bin"),
        nested("/usr", "pgsql-", "bin"),
        nested("/usr/libexec", "postgresql", ""),
        nested("/usr/lib", "postgresql", "bin"),
        nested("/opt/homebrew/opt", "postgresql", "bin"),
        nested("/usr/local/opt", "postgresql", "bin"),
    ]
    .concat()
}

/// The folders of `PATH` that hold a `postgres`, links followed: a lone link to the server has no `initdb` beside it.
fn path_dirs() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let servers = env::split_paths(&path).filter_map(|dir| dir.join("postgres").canonicalize().ok());
    servers.filter_map(|server| server.parent().map(Path::to_owned)).collect()
}

fn major_version(text: &str) -> Option<u32> {
    let digits = |word: &str| word.chars().take_while(char::is_ascii_digit).collect::<String>();
    text.split_whitespace().find_map(|word| digits(word).parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_every_build_of_postgres() {
        let rows = [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some(15)),
            ("postgres (PostgreSQL) 17beta2", Some(17)),
            ("postgres (PostgreSQL) 9.6.24", Some(9)),
            ("something else", None),
        ];
        for (text, expected) in rows {
            assert_eq!(major_version(text), expected, "{text}");
        }
    }

    #[test]
    fn a_folder_without_the_programs_says_which_one_is_missing() {
        assert_eq!(Binaries::at(Path::new("/nonexistent")), Err("there is no `postgres` in it".into()));
    }
}
