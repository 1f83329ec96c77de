//! Shows how busy this host is, and keeps the histograms short.

use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::slots::Load;
use crate::telemetry::metrics as names;

/// Time between looks.
const INTERVAL: Duration = Duration::from_secs(1);

pub(super) async fn run(shared: Arc<Shared>, closing: CancellationToken) {
    loop {
        for load in shared.slots.loads() {
            show(&load);
        }
        names::upkeep();
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = closing.cancelled() => return,
        }
    }
}

fn show(load: &Load<'_>) {
    let Load { queue, in_flight, buffer, concurrency } = load;
    gauge!(names::IN_FLIGHT, "queue" => (*queue).to_owned()).set(f64::from(*in_flight));
    gauge!(names::BUFFER, "queue" => (*queue).to_owned()).set(f64::from(*buffer));
    gauge!(names::CONCURRENCY, "queue" => (*queue).to_owned()).set(f64::from(*concurrency));
    tracing::trace!(queue, in_flight, buffer, concurrency, "scheduler.saturation");
}
