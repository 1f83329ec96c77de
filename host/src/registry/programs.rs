//! Compiled versions, each loaded once per host and kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gd_core::Version;
use tokio::sync::OnceCell;

use super::{Error, Registry};
use crate::sandbox::Program;

/// A version that is ready to run.
pub type Loaded = Arc<Program>;

type Key = (i32, Version);

/// What is loaded, and what could not be.
#[derive(Clone, Default)]
pub(super) struct Programs(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    cells: HashMap<Key, Arc<OnceCell<Loaded>>>,
    /// Until a later try succeeds.
    failed: HashMap<Key, Error>,
}

impl Programs {
    pub(super) fn keep(&self, fsm: i32, version: Version, program: Program) {
        self.loaded((fsm, version), Arc::new(program));
    }

    fn loaded(&self, key: Key, program: Loaded) {
        self.with(|known| {
            known.failed.remove(&key);
            known.cells.insert(key, Arc::new(OnceCell::new_with(Some(program))));
        });
    }

    fn cell(&self, key: Key) -> Result<Arc<OnceCell<Loaded>>, Error> {
        self.with(|known| match known.failed.get(&key) {
            Some(error) => Err(error.clone()),
            None => Ok(known.cells.entry(key).or_default().clone()),
        })
    }

    fn failure(&self, key: Key) -> Option<Error> {
        self.with(|known| known.failed.get(&key).cloned())
    }

    fn fail(&self, key: Key, error: Error) {
        self.with(|known| known.failed.insert(key, error));
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
        let load = async || {
            // Whoever waited for a load that failed learns of it here instead of loading once more.
            self.programs.cell((fsm, version))?;
            self.load(fsm, version).await
        };
        let loaded = cell.get_or_try_init(load).await;
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

    /// Versions that this host could not load when it last tried.
    pub fn stalled(&self) -> Vec<(i32, Version)> {
        self.programs.with(|known| known.failed.keys().copied().collect())
    }

    /// Whether a version is one of those.
    pub fn is_stalled(&self, fsm: i32, version: Version) -> bool {
        self.programs.with(|known| known.failed.contains_key(&(fsm, version)))
    }

    /// Tries again to load a version that failed. True when it is there now.
    pub async fn try_again(&self, fsm: i32, version: Version) -> bool {
        let key = (fsm, version);
        match self.load(fsm, version).await {
            Ok(program) => {
                self.programs.loaded(key, program);
                true
            }
            // A database in trouble says nothing about the version.
            Err(Error::Store(_)) => false,
            Err(error) => {
                self.programs.fail(key, error);
                false
            }
        }
    }

    /// Why this host could not load a version when it last tried; `None` when it could, or has not tried.
    pub fn failure(&self, fsm: i32, version: Version) -> Option<Error> {
        self.programs.failure((fsm, version))
    }

    async fn load(&self, fsm: i32, version: Version) -> Result<Loaded, Error> {
        let Some(bytes) = self.store.load_version(fsm, version).await? else {
            return Err(Error::NoVersion { fsm, version });
        };
        let (program, _) = self.sandbox.load(bytes).await?;
        Ok(Arc::new(program))
    }
}
