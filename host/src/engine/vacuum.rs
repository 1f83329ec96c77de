//! Vacuums the tables that a busy host litters. Every instance that goes through leaves dead rows behind, some thousand a second; autovacuum
//! comes by once a minute unless somebody has told it otherwise, and until then every new row makes the table longer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;

/// Time between looks.
const LOOK: Duration = Duration::from_secs(1);
/// Claims of this host, in parts of the dead rows that are too many, before it asks the server. A host that does little asks nothing.
const CLAIMS_SHARE: u64 = 16;
/// Live rows count as well, so that large tables, whose indexes take long to read, are vacuumed less often.
const LIVE_SHARE: f64 = 0.05;
/// How many times as long as it took a vacuum is not repeated: it costs a twentieth of a core at most.
const REST: u32 = 20;
/// How long it is not repeated where dead rows are left, since somebody's open snapshot might still see them. Chosen: as autovacuum.
const HELD_UP: Duration = Duration::from_secs(60);

pub(super) async fn run(shared: Arc<Shared>, closing: CancellationToken) {
    let (mut claims_seen, mut pause) = (0, LOOK);
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = closing.cancelled() => return,
        }
        pause = LOOK;
        let claims = shared.claimed.load(Ordering::Relaxed);
        if claims - claims_seen < u64::from(shared.config.vacuum_dead_rows) / CLAIMS_SHARE {
            continue;
        }
        claims_seen = claims;
        tokio::select! {
            vacuumed = vacuum(&shared) => match vacuumed {
                Ok(rest) => pause = LOOK.max(rest),
                Err(error) => tracing::warn!(%error, "vacuum: not now; autovacuum comes by as well"),
            },
            () = closing.cancelled() => return,
        }
    }
}

/// Vacuums what has to be, and says for how long nothing has to be afterwards.
async fn vacuum(shared: &Shared) -> Result<Duration, crate::store::Error> {
    let tables = shared.store.littered(shared.config.vacuum_dead_rows, LIVE_SHARE).await?;
    if tables.is_empty() {
        return Ok(Duration::ZERO);
    }
    let began = Instant::now();
    shared.store.vacuum(&tables).await?;
    let took = began.elapsed();
    let left = shared.store.littered(shared.config.vacuum_dead_rows, LIVE_SHARE).await?;
    tracing::debug!(?tables, ?took, ?left, "vacuum");
    Ok(if left.is_empty() { took * REST } else { HELD_UP })
}
