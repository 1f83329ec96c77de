//! Where the engine's events go: structured log lines on standard error, spans, and metrics.

pub mod metrics;

use tracing_subscriber::EnvFilter;

/// What is shown by default. A guest's failed call is the guest's affair, and the migrator's chatter nobody's.
const DEFAULT: &str = "info,wasmtime_wasi_http=error,sqlx::postgres::notice=warn";

/// Sends events to standard error, as text on a terminal and as JSON lines elsewhere. `GD_LOG` chooses what, in the syntax of
/// `RUST_LOG`; default `info` but for chatter.
pub fn start() {
    let filter = EnvFilter::try_from_env("GD_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process keeps the first one's choice.
    let _ = if terminal { lines.with_target(false).try_init() } else { lines.json().try_init() };
}
