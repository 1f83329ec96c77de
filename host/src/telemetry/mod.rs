//! Where the engine's events go: structured log lines on standard error, spans, and metrics.

pub mod metrics;

use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// What is shown by default. A guest's failed call is the guest's affair, and the migrator's chatter nobody's.
const DEFAULT: &str = "info,wasmtime_wasi_http=error,sqlx::postgres::notice=warn";

/// What `dev` leaves out of the log, since its tail shows it.
const SHOWN_BY_THE_TAIL: &str = "gd_host::engine::events=error";

/// Sends events to standard error, as text on a terminal and as JSON lines elsewhere. `GD_LOG` chooses what, in the syntax of
/// `RUST_LOG`; default `info` but for chatter. What is not shown is not even made: without another layer beside, the filter is everybody's.
pub fn start() {
    // A second start in one process keeps the first one's choice.
    let _ = tracing_subscriber::registry().with(lines(DEFAULT)).try_init();
}

/// The same beside a layer that shows the steps of instances, which are left out of the log by default.
pub fn start_with_tail<L: Layer<Registry> + Send + Sync>(tail: L) {
    let lines = lines(&format!("{DEFAULT},{SHOWN_BY_THE_TAIL}"));
    let _ = tracing_subscriber::registry().with(tail).with(lines).try_init();
}

fn lines<S: Subscriber + for<'span> LookupSpan<'span>>(default: &str) -> impl Layer<S> + Send + Sync {
    let filter = EnvFilter::try_from_env("GD_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = if terminal { lines.with_target(false).boxed() } else { lines.json().boxed() };
    lines.with_filter(filter)
}
