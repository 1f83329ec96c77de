//! The Postgres under the bench: a private one, new and tuned as a careful operator would, or one that was named.

use std::path::{Path, PathBuf};
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

/// What a server runs with that counts statements.
const STATEMENTS: (&str, &str) = ("shared_preload_libraries", "pg_stat_statements");
/// Where a server listens that says nothing else.
const PORT: u16 = 5432;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Address {
    /// At a unix socket.
    Socket(PathBuf),
    /// At a port of a host.
    Host(String, u16),
}

/// A server, and the programs to talk to it.
pub(super) struct Server {
    binaries: Binaries,
    /// Names some database of it.
    url: Url,
    /// Where the private one is.
    private: Option<Private>,
}

/// A private server's folders.
struct Private {
    /// Ours, which is deleted in the end.
    dir: PathBuf,
    /// That of its data.
    data: PathBuf,
}

impl Server {
    /// Makes a private server in `dir`, in place of what an earlier bench may have left there; or takes the named one.
    /// The private one counts statements where that is wanted.
    pub(super) async fn start(
        dir: &Path,
        url: Option<&str>,
        statements: bool,
        progress: &Progress,
    ) -> Result<Self, Error> {
        if let Some(url) = url {
            let binaries = Binaries::find()?;
            return Ok(Self { binaries, url: parsed(url)?, private: None });
        }
        progress.doing("making a Postgres cluster");
        let dir = dir.to_owned();
        let cluster = blocking({
            let dir = dir.clone();
            move || {
                Cluster::destroy(&dir)?;
                let settings = SETTINGS.iter().chain(statements.then_some(&STATEMENTS));
                let options = settings.fold(Options::new(&dir), |options, (name, value)| options.with(name, value));
                Cluster::start(&options, &mut |_| ())
            }
        })
        .await?;
        let private = Private { dir, data: cluster.data_dir() };
        Ok(Self {
            binaries: cluster.binaries().clone(),
            url: parsed(&cluster.url("postgres"))?,
            private: Some(private),
        })
    }

    /// Where a database of it is, for the host, psql and pgbench alike.
    pub(super) fn url(&self, database: &str) -> String {
        let mut url = self.url.clone();
        url.set_path(database);
        url.into()
    }

    /// Where it listens.
    pub(super) fn address(&self) -> Result<Address, Error> {
        address(&self.url)
    }

    /// Where a database of it is for whoever comes by another port of this machine.
    pub(super) fn url_by(&self, database: &str, port: u16) -> Result<String, Error> {
        let mut url = by(&self.url, port)?;
        url.set_path(database);
        Ok(url.into())
    }

    /// The folder of a private server's data.
    pub(super) fn data_dir(&self) -> Option<&Path> {
        self.private.as_ref().map(|private| &*private.data)
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
        match self.private {
            Some(Private { dir, .. }) => blocking(move || Cluster::destroy(&dir)).await,
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

/// The host of a URL may stand in its query, where it may be the folder of a socket.
fn address(url: &Url) -> Result<Address, Error> {
    let in_query = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let port = match in_query("port") {
        Some(port) => port.parse().map_err(|_| Error::Url(format!("its port is {port:?}")))?,
        None => url.port().unwrap_or(PORT),
    };
    let named = url.host_str().filter(|host| !host.is_empty()).map(str::to_owned);
    match in_query("host").or(named).unwrap_or_else(|| "localhost".into()) {
        folder if folder.starts_with('/') => Ok(Address::Socket(Path::new(&folder).join(format!(".s.PGSQL.{port}")))),
        host => Ok(Address::Host(host, port)),
    }
}

/// The same URL, but for the port of this machine that it leads to.
fn by(url: &Url, port: u16) -> Result<Url, Error> {
    let mut by = url.clone();
    let kept: Vec<(String, String)> =
        url.query_pairs().into_owned().filter(|(key, _)| key != "host" && key != "port").collect();
    by.query_pairs_mut().clear().extend_pairs(kept);
    let cannot = || Error::Url("its host cannot be replaced".into());
    by.set_host(Some("127.0.0.1")).map_err(|_| cannot())?;
    by.set_port(Some(port)).map_err(|()| cannot())?;
    Ok(by)
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

    #[test]
    fn a_server_is_found_by_its_url_and_by_another_port() {
        let check = |url: &str, expected: Address, by_port: &str| {
            let url = parsed(url).unwrap();
            assert_eq!(address(&url).unwrap(), expected);
            assert_eq!(String::from(by(&url, 7).unwrap()), by_port);
        };
        let host = |host: &str, port| Address::Host(host.into(), port);
        let socket = Address::Socket("/a b/s/.s.PGSQL.5433".into());
        check("postgres:///x?host=/a%20b/s&user=gd&port=5433", socket, "postgres://127.0.0.1:7/x?user=gd");
        check("postgres://me:pw@db.example:6432/x", host("db.example", 6432), "postgres://me:pw@127.0.0.1:7/x?");
        check(
            "postgresql://localhost/x?sslmode=require",
            host("localhost", 5432),
            "postgresql://127.0.0.1:7/x?sslmode=require",
        );
    }
}
