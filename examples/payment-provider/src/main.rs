//! The command `payment-provider`: one local HTTP server, its address on the first line of its output.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use payment_provider::{Invoices, Latency, Ledger, Provider, router};
use tokio::net::TcpListener;

/// A payment provider that records every call and misbehaves as the invoices file says.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The log of every call (NDJSON); read at the start, so that a restart forgets nothing.
    #[arg(long)]
    log: PathBuf,
    /// The invoices and the scenario of each (NDJSON); one that is not in it is charged without trouble.
    #[arg(long)]
    invoices: PathBuf,
    /// How long a charge takes, in milliseconds; the same for every call about one invoice.
    #[arg(long, default_value = "200..1200")]
    latency_ms: Latency,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let provider = Provider::new(Invoices::read(&args.invoices)?, Ledger::open(&args.log)?, args.latency_ms);
    let listener = TcpListener::bind(args.listen).await.with_context(|| format!("listening on {}", args.listen))?;
    let mut output = std::io::stdout();
    writeln!(output, "http://{}", listener.local_addr()?)
        .and_then(|()| output.flush())
        .context("printing the address")?;
    axum::serve(listener, router(Arc::new(provider))).await.context("serving")
}
