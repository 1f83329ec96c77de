//! How much the history of each FSM keeps: looked up, and looked at again every few seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gd_core::TenantId;
use tokio::time::Instant;

use super::Registry;
use crate::store::{Error, HistoryLevel};

/// How long a level is believed. What is set through this host counts at once.
const BELIEVED: Duration = Duration::from_secs(2);

/// What is known of levels, by FSM. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Levels(Arc<Mutex<HashMap<i32, Known>>>);

#[derive(Clone, Copy)]
struct Known {
    level: HistoryLevel,
    at: Instant,
}

impl Levels {
    /// The level that is known, and whether the caller is the one to look at it again: the others go on with it meanwhile.
    fn known(&self, fsm: i32) -> Option<(HistoryLevel, bool)> {
        self.with(|levels| {
            let known = levels.get_mut(&fsm)?;
            let look = known.at.elapsed() > BELIEVED;
            if look {
                known.at = Instant::now();
            }
            Some((known.level, look))
        })
    }

    fn learn(&self, fsm: i32, level: HistoryLevel) {
        self.with(|levels| levels.insert(fsm, Known { level, at: Instant::now() }));
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<i32, Known>) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Registry {
    /// How much the history of an FSM keeps. A database that does not answer leaves it at what it was, else at the default.
    pub async fn history(&self, fsm: i32) -> HistoryLevel {
        let known = self.levels.known(fsm);
        if let Some((level, false)) = known {
            return level;
        }
        match self.store.read_history_level(fsm).await {
            Ok(level) => {
                let level = level.unwrap_or_default();
                self.levels.learn(fsm, level);
                level
            }
            Err(error) => {
                tracing::warn!(fsm, %error, "history: the level cannot be read now");
                known.map(|(level, _)| level).unwrap_or_default()
            }
        }
    }

    /// Has an FSM keep this much; false when there is no such FSM. Other hosts follow within seconds.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn set_history(&self, tenant: TenantId, fsm: &str, level: HistoryLevel) -> Result<bool, Error> {
        let fsm = self.store.set_history_level(tenant, fsm, level).await?;
        if let Some(fsm) = fsm {
            self.levels.learn(fsm, level);
        }
        Ok(fsm.is_some())
    }
}
