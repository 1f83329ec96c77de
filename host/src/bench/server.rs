//! The Postgres under the bench: a private one, new and tuned as a careful operator would, or one that was named.

use std::path::Path;
use std::process::Stdio;

use gd_dev_postgres::{Binaries, Cluster, Options};
use reqwest::Url;
use tokio::process::Command;

use super::Error;
use super::progress::Progress;

/// What differs from Postgres' own defaults, and from those of `gd-host dev`. Nothing that makes a commit less durable.
const SETTINGS: [(&str, &str); 5] = [
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("wal_level", "replica"),
    ("shared_buffers", "1GB"),
    ("max_wal_size", "4GB"),
];

/// A server, and the programs to talk to it.
pub(super) struct Server {
    binaries: Binaries,
    /// Names some database of it.
    url: Url,
    /// Where the private one is.
    dir: Option<std::path::PathBuf>,
}

impl Server {
    /// Makes a private server in `dir`, in place of what an earlier bench may have left there; or takes the named one.
    pub(super) async fn start(dir: &Path, url: Option<&str>, progress: &Progress) -> Result<Self, Error> {
        if let Some(url) = url {
            let binaries = Binaries::find()?;
            return Ok(Self { binaries, url: parsed(url)?, dir: None });
        }
        progress.doing("making a Postgres cluster");
        let dir = dir.to_owned();
        let cluster = blocking({
            let dir = dir.clone();
            move || {
                Cluster::destroy(&dir)?;
                let options =
                    SETTINGS.iter().fold(Options::new(&dir), |options, (name, value)| options.with(name, value));
                Cluster::start(&options, &mut |_| ())
            }
        })
        .await?;
        Ok(Self { binaries: cluster.binaries().clone(), url: parsed(&cluster.url("postgres"))?, dir: Some(dir) })
    }

    /// Where a database of it is, for the host, psql and pgbench alike.
    pub(super) fn url(&self, database: &str) -> String {
        let mut url = self.url.clone();
        url.set_path(database);
        url.into()
    }

    /// Where the named database is, or for a private server the one that is always there.
    pub(super) fn own_database(&self) -> String {
        self.url.path().trim_start_matches('/').to_owned()
    }

    /// One of Postgres' programs, without settings of the caller's that are about another server.
    pub(super) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.program(name));
        for name in ["PGOPTIONS", "PGSERVICE", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE"] {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    /// The folder of the programs.
    pub(super) fn programs(&self) -> &Path {
        self.binaries.dir()
    }

    /// Stops and deletes a private server; a named one is left as it is.
    pub(super) async fn end(self) -> Result<(), Error> {
        match self.dir {
            Some(dir) => blocking(move || Cluster::destroy(&dir)).await,
            None => Ok(()),
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, gd_dev_postgres::Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(std::io::Error::other).map_err(Error::system("start or stop Postgres"))??)
}

fn parsed(url: &str) -> Result<Url, Error> {
    let parsed = Url::parse(url).map_err(|error| Error::Url(error.to_string()))?;
    match parsed.scheme() {
        "postgres" | "postgresql" => Ok(parsed),
        other => Err(Error::Url(format!("it begins with {other}://, not with postgres://"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_of_the_same_server_keeps_everything_but_the_name() {
        let server = |url: &str| {
            parsed(url).map(|mut url| {
                url.set_path("x");
                String::from(url)
            })
        };
        let check = |url: &str, expected: &str| assert_eq!(server(url).unwrap(), expected);
        check("postgres:///postgres?host=/a%20b/s&user=gd&port=5432", "postgres:///x?host=/a%20b/s&user=gd&port=5432");
        check("postgres://me@db.example:6432/app?sslmode=require", "postgres://me@db.example:6432/x?sslmode=require");
        check("postgresql://localhost", "postgresql://localhost/x");
        assert!(server("mysql://localhost/app").unwrap_err().to_string().contains("mysql://"));
    }
}
