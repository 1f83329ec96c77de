//! Holding requests until somebody lets them go, one by one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::Shared;

/// Rung whenever anything changes at the gates that share it. One listener.
pub type Bell = Arc<Notify>;

/// Holds the requests of all connections of one wire. Dropping it lets everything go.
///
/// Held is what carries something out: a statement of the store, BEGIN, COMMIT, ROLLBACK. A statement outside of a transaction is held
/// twice: before it, and, if others could notice it, between it and its commit. Preparing a statement is not held.
#[derive(Debug)]
pub struct Gate {
    pub(super) shared: Arc<Shared>,
    pub(super) state: Arc<GateState>,
}

/// Where the client behind a gate stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// This request waits to be let go; `claim: commit` is the commit of a `claim` outside of a transaction.
    Held(String),
    /// The server has this request, on behalf of the backend with this process id. It may wait for a lock there.
    Running(String, i32),
    /// No request is under way; a transaction is open.
    Open,
    /// No request and no transaction.
    Idle,
}

impl Gate {
    /// Where the client stands.
    pub fn stand(&self) -> Stand {
        self.state.with(|inner| match (inner.held.front(), inner.running.iter().next()) {
            (Some(held), _) => Stand::Held(held.name.clone()),
            (None, Some((pid, name))) => Stand::Running(name.clone(), *pid),
            (None, None) if inner.open.is_empty() => Stand::Idle,
            (None, None) => Stand::Open,
        })
    }

    /// Lets the request go that waits, and says what it was.
    pub fn release(&self) -> Option<String> {
        self.state.with(|inner| {
            let held = inner.held.pop_front()?;
            inner.running.insert(held.pid, held.name.clone());
            // Nobody waits any more if the client has left.
            held.go.send(()).ok();
            Some(held.name)
        })
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shared.open_gate();
        while self.release().is_some() {}
    }
}

/// What a gate and the sessions behind it share.
#[derive(Debug)]
pub(super) struct GateState {
    inner: Mutex<Inner>,
    bell: Bell,
}

#[derive(Debug, Default)]
struct Inner {
    held: VecDeque<Held>,
    running: HashMap<i32, String>,
    open: HashSet<i32>,
}

#[derive(Debug)]
struct Held {
    name: String,
    pid: i32,
    go: oneshot::Sender<()>,
}

impl GateState {
    pub(super) fn new(bell: Bell) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), bell })
    }

    /// Waits to be let go.
    pub(super) async fn enter(&self, name: String, pid: i32) {
        let (go, gone) = oneshot::channel();
        self.with(|inner| {
            inner.running.remove(&pid);
            inner.held.push_back(Held { name, pid, go });
        });
        self.bell.notify_one();
        // An error is a gate that was dropped.
        gone.await.ok();
    }

    /// The answer came.
    pub(super) fn answered(&self, pid: i32, in_transaction: bool) {
        self.with(|inner| {
            inner.running.remove(&pid);
            if in_transaction {
                inner.open.insert(pid)
            } else {
                inner.open.remove(&pid)
            };
        });
        self.bell.notify_one();
    }

    /// The client or the server has left.
    pub(super) fn left(&self, pid: i32) {
        self.with(|inner| inner.held.retain(|held| held.pid != pid));
        self.answered(pid, false);
    }

    fn with<R>(&self, act: impl FnOnce(&mut Inner) -> R) -> R {
        let mut inner: MutexGuard<'_, Inner> = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut inner)
    }
}
