//! Running a host with its API until it is told to stop.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::api::{ApiToken, router};
use crate::cli::Kept;
use crate::config::Config;
use crate::engine::EngineConfig;
use crate::error::Error;
use crate::host::{Host, HostBuilder};
use crate::sandbox::{Compiler, Destination, EgressPolicy};

/// How long requests that are under way may take when the host stops; long polls are cut off.
const REQUESTS_DRAIN: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or SIGINT, then drains. `beside` gets the address and the host once requests are answered; what it goes on
/// to do is cut off when the host stops.
///
/// # Errors
/// Why it cannot start.
pub async fn serve(config: Config, beside: impl AsyncFnOnce(SocketAddr, Host)) -> Result<(), Error> {
    let stop = stop_signal();
    let destinations = config.allow_egress.iter().map(|text| text.parse()).collect::<Result<Vec<Destination>, _>>();
    let egress = EgressPolicy::allow(destinations.map_err(|error| Error::Config(format!("allow_egress: {error}")))?);
    let mut engine = EngineConfig { host: host_name(), ..EngineConfig::default() };
    engine.queues = config.queues;
    engine.maintenance = config.maintenance;
    engine.concurrency = config.concurrency.unwrap_or(engine.concurrency);
    engine.prefetch = config.prefetch.unwrap_or(engine.prefetch);
    engine.min_demand = config.min_demand.unwrap_or(engine.min_demand);
    engine.retention = config.retention.map_or(engine.retention, |Kept(kept)| kept);
    engine.lease = config.lease.unwrap_or(engine.lease);
    // Before any work is claimed: a taken port must not cost anybody an attempt.
    let refused = |source| Error::Listen { address: config.listen, source };
    let listener = TcpListener::bind(config.listen).await.map_err(refused)?;
    let builder = HostBuilder::new(config.database_url)
        .engine(engine)
        .egress(egress)
        .compiler(Compiler::this_binary())
        .drain(config.drain);
    let builder = config.limits.into_iter().fold(builder, |builder, (name, limit)| builder.default_limit(name, limit));
    let host = builder.start().await?;
    let address = listener.local_addr().map_err(refused)?;
    let beside = async {
        beside(address, host.clone()).await;
        std::future::pending::<()>().await;
    };
    let token = config.api_token.as_deref().map(ApiToken::new);
    let stopping = stop.clone();
    let server = axum::serve(listener, router(host.clone(), token))
        .with_graceful_shutdown(async move { stopping.cancelled().await });
    let cut_off = async {
        stop.cancelled().await;
        tokio::time::sleep(REQUESTS_DRAIN).await;
    };
    tokio::select! {
        served = server => served.map_err(refused)?,
        () = cut_off => {}
        () = host.failed() => {}
        () = beside => {}
    }
    let asked = stop.is_cancelled();
    tracing::info!("scheduler.drain: stopping");
    host.shut_down().await;
    if asked { Ok(()) } else { Err(Error::BrokeOff) }
}

/// Cancelled by SIGTERM or SIGINT.
#[expect(clippy::disallowed_methods, reason = "what listens for signals ends with the process, nothing waits for it")]
fn stop_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let stop = stop.clone();
        match signal(kind) {
            Ok(mut signals) => drop(tokio::spawn(async move {
                signals.recv().await;
                stop.cancel();
            })),
            Err(error) => tracing::warn!(%error, "a signal cannot be listened for"),
        }
    }
    stop
}

/// What this host calls itself in the list of workers.
fn host_name() -> String {
    let name = rustix::system::uname();
    format!("{}/{}", name.nodename().to_string_lossy(), std::process::id())
}
