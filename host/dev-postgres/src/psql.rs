//! Talking to a cluster through its own `psql`, so that this crate needs no driver.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::account::forget_settings;
use crate::cluster::{PORT, ROLE};
use crate::{Cluster, Error};

impl Cluster {
    /// Where `database` is, in the form that libpq and sqlx read: `postgres:///NAME?host=SOCKET_DIR&user=gd&port=5432`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let host = percent_encoded(self.socket_dir().as_os_str().as_encoded_bytes());
        format!("postgres:///{}?host={host}&user={ROLE}&port={PORT}", percent_encoded(database.as_bytes()))
    }

    /// Makes an empty database. False when there was one of that name already, which is left as it is.
    ///
    /// # Errors
    /// [`Error::Program`] with the server's message.
    pub fn create_database(&self, name: &str) -> Result<bool, Error> {
        match self.query("postgres", &format!("create database {}", quoted(name))) {
            Ok(_) => Ok(true),
            Err(Error::Program { message, .. }) if message.contains("already exists") => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Drops a database with everything in it, connections included. Nothing happens when there is none.
    ///
    /// # Errors
    /// [`Error::Program`] with the server's message.
    pub fn drop_database(&self, name: &str) -> Result<(), Error> {
        self.query("postgres", &format!("drop database if exists {} with (force)", quoted(name))).map(drop)
    }

    /// Runs one statement; its rows as lines, columns parted by `|`.
    ///
    /// # Errors
    /// [`Error::Program`] with the server's message.
    pub fn query(&self, database: &str, sql: &str) -> Result<String, Error> {
        self.psql(database, &[OsStr::new("-c"), OsStr::new(sql)])
    }

    /// Runs a file of statements, all or nothing.
    ///
    /// # Errors
    /// [`Error::Program`] with the server's message for the first statement that fails.
    pub fn run_file(&self, database: &str, file: &Path) -> Result<(), Error> {
        self.psql(database, &[OsStr::new("-1"), OsStr::new("-f"), file.as_os_str()]).map(drop)
    }

    fn psql(&self, database: &str, args: &[&OsStr]) -> Result<String, Error> {
        let program = self.binaries().program("psql");
        let mut command = Command::new(&program);
        forget_settings(&mut command);
        command.args(["-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-U", ROLE, "-d", database]);
        command.arg("-h").arg(self.socket_dir()).arg("-p").arg(PORT.to_string()).args(args);
        command.env("PGOPTIONS", "--client-min-messages=warning");
        let output = command.stdin(Stdio::null()).output().map_err(Error::io("run", program))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
        }
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::Program { program: "psql", target: PathBuf::from(database), message })
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn percent_encoded(bytes: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    bytes.iter().map(|byte| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_odd_characters_survives_a_url() {
        assert_eq!(percent_encoded("/tmp/a b&c/é".as_bytes()), "/tmp/a%20b%26c/%C3%A9");
    }

    #[test]
    fn a_name_is_never_a_statement() {
        assert_eq!(quoted(r#"a"; drop database b; --"#), r#""a""; drop database b; --""#);
    }
}
