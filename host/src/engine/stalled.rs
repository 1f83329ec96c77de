//! Tries again to load versions that this host could not: their instances are not claimed meanwhile, and cost nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::telemetry::metrics as names;

/// Time between tries. Chosen: a repaired component is found soon, and a broken one is not compiled all the time.
const INTERVAL: Duration = Duration::from_secs(5);

pub(super) async fn run(shared: Arc<Shared>, closing: CancellationToken) {
    let stalled = metrics::gauge!(names::STALLED);
    loop {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = closing.cancelled() => return,
        }
        let mut left = 0;
        for (fsm, version) in shared.registry.stalled() {
            let loaded = tokio::select! {
                loaded = shared.registry.try_again(fsm, version) => loaded,
                () = closing.cancelled() => return,
            };
            left += u32::from(!loaded);
            if loaded {
                tracing::info!(fsm, %version, "version.resumed: it can be loaded again");
                shared.wakes.look();
            }
        }
        stalled.set(f64::from(left));
    }
}
