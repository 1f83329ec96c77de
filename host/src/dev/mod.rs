//! `gd-host dev`: everything on this machine, with a private Postgres and no token.

mod deploy;
mod lines;
mod tail;
mod watch;

use std::path::Path;
use std::time::Duration;

use gd_dev_postgres::{Cluster, Options, StopMode};

use self::deploy::Running;
use self::lines::Lines;
use crate::cli::DevArgs;
use crate::config::Config;
use crate::engine::{Maintenance, Queues};
use crate::error::Error;
use crate::serve::serve;
use crate::{store, telemetry};

/// The database that `dev` makes in its cluster.
const DATABASE: &str = "gd";

/// Runs a host on a private Postgres (or on the one that was named) until it is told to stop; then stops that Postgres too.
///
/// # Errors
/// Why it cannot start, and what to do.
pub async fn dev(args: DevArgs) -> Result<(), Error> {
    let lines = Lines::start();
    if args.quiet {
        telemetry::start();
    } else {
        telemetry::start_with_tail(tail::layer(lines.clone()));
    }
    if !args.listen.ip().is_loopback() {
        return Err(Error::Config(format!(
            "dev has no token and so listens on this machine alone, not on {}; use `gd-host serve` for others",
            args.listen
        )));
    }
    let (database_url, cluster) = match &args.database_url {
        Some(url) => (url.clone(), None),
        None => {
            let cluster = private_postgres(&args.dir).await?;
            (cluster.url(DATABASE), Some(cluster))
        }
    };
    let served = run(args, database_url, &lines).await;
    lines.flush();
    if let Some(cluster) = cluster {
        let stopped = tokio::task::spawn_blocking(move || cluster.stop(StopMode::Fast)).await;
        if let Ok(Err(error)) = stopped {
            tracing::warn!(%error, "the private Postgres was not stopped");
        }
    }
    served
}

async fn run(args: DevArgs, database_url: String, lines: &Lines) -> Result<(), Error> {
    store::migrate(&database_url).await?;
    let config = Config {
        database_url,
        listen: args.listen,
        allow_egress: args.allow_egress.iter().map(ToString::to_string).collect(),
        queues: Queues::All,
        maintenance: Maintenance::On,
        concurrency: None,
        prefetch: None,
        min_demand: None,
        lease: None,
        drain: Duration::from_secs(5),
        api_token: None,
        limits: Vec::new(),
        retention: None,
    };
    serve(config, async |address, host| {
        lines.say(format!("gd-host is ready on http://{address}"));
        if args.files.is_empty() {
            lines.say("deploy a machine with: gd-host deploy FILE.wasm".to_owned());
        }
        let running = if args.pin { Running::Pin } else { Running::Adopt };
        let watched = args.files.iter().map(|file| deploy::keep_deployed(file, &host, running, lines));
        futures::future::join_all(watched).await;
    })
    .await
}

/// Finds or installs Postgres, and starts (or adopts) the cluster of this folder.
async fn private_postgres(dir: &Path) -> Result<Cluster, Error> {
    let options = Options::new(dir);
    let started = tokio::task::spawn_blocking(move || {
        let cluster = Cluster::start(&options, &mut |line| eprintln!("{line}"))?;
        cluster.create_database(DATABASE)?;
        Ok::<_, gd_dev_postgres::Error>(cluster)
    });
    let cluster = started.await.map_err(|error| Error::Config(format!("Postgres was not started: {error}")))??;
    Ok(cluster)
}
