//! Who `initdb` and `postgres` run as: the caller, or, since they refuse root, an unprivileged user.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Error;

/// The user of the cluster's processes and the owner of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Account {
    /// The calling user, who is not root.
    Caller,
    /// The user that root drops to.
    User { name: String, uid: u32, gid: u32 },
}

impl Account {
    /// `postgres`, else `nobody`, when the caller is root. A uid without an entry in the user list would not do:
    /// `initdb` looks itself up.
    pub(crate) fn choose() -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Caller);
        }
        let list = fs::read_to_string("/etc/passwd").map_err(Error::io("read", "/etc/passwd"))?;
        ["postgres", "nobody"].iter().find_map(|name| entry(&list, name)).ok_or(Error::NoAccount)
    }

    /// How to call it in a message.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Caller => "the calling user",
            Self::User { name, .. } => name,
        }
    }

    pub(crate) fn uid(&self) -> u32 {
        match self {
            Self::Caller => rustix::process::geteuid().as_raw(),
            Self::User { uid, .. } => *uid,
        }
    }

    /// A program to run as this user, detached from the caller's terminal, folder and Postgres settings.
    /// (Dropping the uid as root also drops the supplementary groups.)
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Self::User { uid, gid, .. } = self {
            command.uid(*uid).gid(*gid);
        }
        forget_settings(&mut command);
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// Can this user enter `dir`, that is, every folder above it as well? Tried, not computed from mode bits.
    pub(crate) fn can_enter(&self, dir: &Path) -> bool {
        let mut command = self.command("true");
        command.current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Makes `dir` if it is missing, for this user alone.
    pub(crate) fn make_private_dir(&self, dir: &Path) -> Result<(), Error> {
        if !dir.is_dir() {
            fs::DirBuilder::new().mode(0o700).create(dir).map_err(Error::io("create", dir))?;
        }
        self.own(dir)
    }

    /// Gives `path` to this user.
    pub(crate) fn own(&self, path: &Path) -> Result<(), Error> {
        match self {
            Self::Caller => Ok(()),
            Self::User { uid, gid, .. } => {
                chown(path, Some(*uid), Some(*gid)).map_err(Error::io("change the owner of", path))
            }
        }
    }
}

/// Postgres' programs read `PG*` variables; the caller's are about another server. A locale that is not installed
/// makes `initdb` fail, so ours is always `C`.
pub(crate) fn forget_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C");
}

fn entry(list: &str, wanted: &str) -> Option<Account> {
    list.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, ..] = fields.as_slice() else { return None };
        (*name == wanted).then_some(())?;
        Some(Account::User { name: wanted.to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_by_its_whole_name() {
        let list = "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:7::/:/bin/sh\npostgres:x:101:104:,,,:/var:/bin/sh\n";
        assert_eq!(entry(list, "postgres"), Some(Account::User { name: "postgres".into(), uid: 101, gid: 104 }));
        assert_eq!(entry(list, "nobody"), None);
    }
}
