//! News for other hosts: work in a lane, an instance that has settled or was cancelled. Collected, and sent on a connection of its own,
//! never within a transaction that writes: a notification holds a lock of the whole server until its commit is on disk.
//!
//! Nothing depends on a notice: scans and looks find everything a little later.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gd_core::{InstanceId, Lane};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::waits::Waits;
use crate::store::Error;
use crate::telemetry::metrics as names;

/// Shortest time between two sends: what comes up meanwhile goes together.
const PAUSE: Duration = Duration::from_millis(20);
/// Waits after a connection broke: first and longest.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// Bytes of one notification; the server takes fewer than 8,000.
const BYTES_MAX: usize = 7_500;
/// Notices that wait to be sent at most; what comes on top is left to scans and looks.
const WAITING_MAX: usize = 10_000;
/// How long another host's interest in an instance is remembered: as long as a caller may wait.
const WATCHED: Duration = Duration::from_secs(60);

/// One piece of news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Notice {
    /// A lane may have work.
    Work(Lane),
    /// Somebody on the sender's host waits for this instance.
    Watch(InstanceId),
    /// It has ended or parked.
    Settled(InstanceId),
    /// Somebody waits for tokens.
    Tokens,
    /// It was ended by an operator: whoever runs it may stop.
    Interrupt(InstanceId),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Work(Lane { tenant, queue, priority }) => write!(f, "l{tenant}.{queue}.{priority}"),
            Self::Watch(id) => write!(f, "w{id}"),
            Self::Settled(id) => write!(f, "s{id}"),
            Self::Tokens => write!(f, "t"),
            Self::Interrupt(id) => write!(f, "i{id}"),
        }
    }
}

impl FromStr for Notice {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, rest) = text.split_at_checked(1).ok_or(())?;
        let id = || rest.parse().map_err(drop);
        match kind {
            "l" => {
                let mut parts = rest.splitn(3, '.');
                let mut part = || parts.next().ok_or(());
                let (tenant, queue, priority) = (part()?, part()?, part()?);
                let number = |text: &str| text.parse().map_err(drop);
                Ok(Self::Work(Lane {
                    tenant: number(tenant)?,
                    queue: number(queue)?,
                    priority: priority.parse().map_err(drop)?,
                }))
            }
            "w" => Ok(Self::Watch(id()?)),
            "s" => Ok(Self::Settled(id()?)),
            "t" if rest.is_empty() => Ok(Self::Tokens),
            "i" => Ok(Self::Interrupt(id()?)),
            _ => Err(()),
        }
    }
}

/// Where news for other hosts is left. Cheap to clone; costs nothing while there is no other host.
#[derive(Clone, Default)]
pub(crate) struct Notices(Arc<Inner>);

#[derive(Default)]
struct Inner {
    waiting: Mutex<BTreeSet<Notice>>,
    notify: Notify,
    /// Whether other hosts live, as of the last beat.
    company: AtomicBool,
    /// Instances that callers on other hosts wait for, and until when that is remembered.
    watched: Mutex<HashMap<InstanceId, Instant>>,
}

impl Notices {
    /// Says whether there is anybody to tell.
    pub(super) fn others_live(&self, others: bool) {
        self.0.company.store(others, Ordering::Relaxed);
    }

    pub(super) fn leave(&self, notice: Notice) {
        if !self.0.company.load(Ordering::Relaxed) {
            return;
        }
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING_MAX {
            waiting.insert(notice);
            self.0.notify.notify_one();
        }
    }

    /// Tells of a settled instance, if anybody elsewhere waits for it.
    pub(super) fn settled(&self, id: InstanceId) {
        let watched = self.0.watched.lock().unwrap_or_else(PoisonError::into_inner).remove(&id).is_some();
        if watched {
            self.leave(Notice::Settled(id));
        }
    }

    fn watch(&self, id: InstanceId, now: Instant) {
        let mut watched = self.0.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.len() >= WAITING_MAX {
            watched.retain(|_, until| *until > now);
        }
        if watched.len() < WAITING_MAX {
            watched.insert(id, now + WATCHED);
        }
    }

    /// One notification's text, in front the name of its sender; empty when there is nothing to tell.
    fn take(&self, sender: &str) -> String {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = sender.to_owned();
        while let Some(notice) = waiting.first().copied() {
            let piece = format!(" {notice}");
            if text.len() + piece.len() > BYTES_MAX {
                break;
            }
            text.push_str(&piece);
            waiting.pop_first();
        }
        if text.len() == sender.len() { String::new() } else { text }
    }
}

/// Sends what was left.
pub(super) async fn send(shared: Arc<Shared>, closing: CancellationToken) {
    let sender = sender(&shared);
    loop {
        tokio::select! {
            () = shared.notices.0.notify.notified() => {}
            () = closing.cancelled() => return,
        }
        loop {
            let text = shared.notices.take(&sender);
            if text.is_empty() {
                break;
            }
            match shared.store.notify(&text).await {
                Ok(()) => metrics::counter!(names::NOTICES).increment(1),
                Err(error) => tracing::debug!(%error, "a notice was not sent; scans find what it told of"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Takes what others tell.
pub(super) async fn listen(shared: Arc<Shared>, closing: CancellationToken) {
    let sender = sender(&shared);
    let waits = || Waits::new(RECONNECT.0, RECONNECT.1, shared.nonce);
    let mut wait = waits();
    loop {
        let listening = async {
            let mut news = shared.store.listen().await?;
            wait = waits();
            loop {
                let text = news.next().await?;
                hear(&shared, &sender, &text);
            }
        };
        let ended: Result<(), Error> = tokio::select! {
            ended = listening => ended,
            () = closing.cancelled() => return,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "notices of other hosts are not heard now");
        }
        tokio::select! {
            () = tokio::time::sleep(wait.next()) => {}
            () = closing.cancelled() => return,
        }
    }
}

fn hear(shared: &Shared, own: &str, text: &str) {
    let mut words = text.split(' ');
    if words.next() == Some(own) {
        return;
    }
    for notice in words.filter_map(|word| word.parse().ok()) {
        match notice {
            Notice::Work(lane) => shared.wakes.lane(lane),
            Notice::Watch(id) => shared.notices.watch(id, Instant::now()),
            Notice::Settled(id) => shared.settled.announce(id),
            Notice::Tokens => shared.buckets.scan(),
            Notice::Interrupt(id) => {
                shared.held.interrupt(id);
                shared.settled.announce(id);
            }
        }
    }
}

/// This engine's own name, so that it does not hear itself.
fn sender(shared: &Shared) -> String {
    format!("{:x}", shared.nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_reads_back_as_it_was_written() {
        let lane = Lane { tenant: 1, queue: 17, priority: -3 };
        for notice in [
            Notice::Work(lane),
            Notice::Watch(InstanceId(4)),
            Notice::Settled(InstanceId(5)),
            Notice::Tokens,
            Notice::Interrupt(InstanceId(6)),
        ] {
            assert_eq!(notice.to_string().parse(), Ok(notice));
        }
        for text in ["", "x", "l1.2", "l1.2.x", "wx", "é", "l1.2.99999"] {
            assert_eq!(text.parse::<Notice>(), Err(()), "{text}");
        }
    }

    #[test]
    fn a_thousand_news_of_one_lane_are_one_notice_and_nothing_is_longer_than_the_server_takes() {
        let notices = Notices::default();
        notices.others_live(true);
        for _ in 0..1_000 {
            notices.leave(Notice::Work(Lane { tenant: 1, queue: 1, priority: 0 }));
        }
        assert_eq!(notices.take("me"), "me l1.1.0");
        assert_eq!(notices.take("me"), "");
        (0..5_000).for_each(|id| notices.leave(Notice::Settled(InstanceId(1_000_000 + id))));
        let mut told = 0;
        loop {
            let text = notices.take("me");
            if text.is_empty() {
                break;
            }
            assert!(text.len() <= BYTES_MAX);
            told += text.split(' ').count() - 1;
        }
        assert_eq!(told, 5_000);
    }

    #[test]
    fn an_instance_that_nobody_elsewhere_waits_for_is_no_news() {
        let notices = Notices::default();
        notices.others_live(true);
        notices.settled(InstanceId(7));
        assert_eq!(notices.take("me"), "");
        notices.watch(InstanceId(7), Instant::now());
        notices.settled(InstanceId(7));
        assert_eq!(notices.take("me"), "me s7");
    }
}
