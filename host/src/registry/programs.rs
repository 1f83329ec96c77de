//! Compiled versions, each loaded once per host and kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gd_core::Version;
use tokio::sync::OnceCell;

use super::{Error, Registry};
use crate::sandbox::Program;

/// How long a version that could not be loaded is not tried again, so that its instances do not compile it in turn.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A version that is ready to run.
pub type Loaded = Arc<Program>;

type Key = (i32, Version);

/// What is loaded, and what could not be.
#[derive(Clone, Default)]
pub(super) struct Programs(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    cells: HashMap<Key, Arc<OnceCell<Loaded>>>,
    failed: HashMap<Key, (Instant, Error)>,
}

impl Programs {
    pub(super) fn keep(&self, fsm: i32, version: Version, program: Program) {
        self.with(|known| {
            known.failed.remove(&(fsm, version));
            known.cells.insert((fsm, version), Arc::new(OnceCell::new_with(Some(Arc::new(program)))));
        });
    }

    fn cell(&self, key: Key) -> Result<Arc<OnceCell<Loaded>>, Error> {
        self.with(|known| match known.failed.get(&key) {
            Some((at, error)) if at.elapsed() < RETRY_AFTER => Err(error.clone()),
            Some(_) | None => Ok(known.cells.entry(key).or_default().clone()),
        })
    }

    fn failure(&self, key: Key) -> Option<Error> {
        let recent = |(at, error): &(Instant, Error)| (at.elapsed() < RETRY_AFTER).then(|| error.clone());
        self.with(|known| known.failed.get(&key).and_then(recent))
    }

    fn fail(&self, key: Key, error: Error) {
        self.with(|known| known.failed.insert(key, (Instant::now(), error)));
    }

    fn with<R>(&self, act: impl FnOnce(&mut Known) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Registry {
    /// The program of a version: from memory, or loaded from the database and compiled. Callers of the same version wait for one
    /// another instead of compiling it twice.
    ///
    /// # Errors
    /// Why this host cannot run it at present.
    pub async fn program(&self, fsm: i32, version: Version) -> Result<Loaded, Error> {
        let cell = self.programs.cell((fsm, version))?;
        let loaded = cell.get_or_try_init(|| self.load(fsm, version)).await;
        match loaded {
            Ok(program) => Ok(program.clone()),
            // A database in trouble says nothing about the version.
            Err(error @ Error::Store(_)) => Err(error),
            Err(error) => {
                self.programs.fail((fsm, version), error.clone());
                Err(error)
            }
        }
    }

    /// Why this host could not load a version a moment ago; `None` when it could, or has not tried.
    pub fn failure(&self, fsm: i32, version: Version) -> Option<Error> {
        self.programs.failure((fsm, version))
    }

    async fn load(&self, fsm: i32, version: Version) -> Result<Loaded, Error> {
        // Whoever waited for a load that failed learns of it here instead of loading once more.
        self.programs.cell((fsm, version))?;
        let Some(bytes) = self.store.load_version(fsm, version).await? else {
            return Err(Error::NoVersion { fsm, version });
        };
        let (program, _) = self.sandbox.load(bytes).await?;
        Ok(Arc::new(program))
    }
}
