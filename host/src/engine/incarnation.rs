//! Who this worker is at present.

use gd_core::WorkerId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// One life of this worker: from taking a lease to losing it.
#[derive(Clone, Debug)]
pub(super) struct Incarnation {
    /// The owner that it writes into what it claims.
    pub(super) worker: WorkerId,
    /// Cancelled when the lease is lost.
    pub(super) lost: CancellationToken,
    /// Cancelled with it, and when the host interrupts its guests.
    pub(super) interrupt: CancellationToken,
}

/// The present incarnation; `None` while there is no lease.
pub(super) type Incarnations = watch::Receiver<Option<Incarnation>>;

/// Waits for an incarnation that may work. `None` when the host is leaving.
pub(super) async fn living(incarnations: &mut Incarnations, closing: &CancellationToken) -> Option<Incarnation> {
    loop {
        let present = incarnations.borrow_and_update().clone();
        match present {
            Some(incarnation) if !incarnation.lost.is_cancelled() => return Some(incarnation),
            Some(_) | None => {}
        }
        tokio::select! {
            changed = incarnations.changed() => changed.ok()?,
            () = closing.cancelled() => return None,
        }
    }
}
