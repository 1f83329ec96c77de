//! How much of its instances' attempts an FSM keeps.

use gd_core::{InstanceId, TenantId};

use super::{Error, Store, rows};

/// How much the history of an FSM keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryLevel {
    /// Nothing: neither attempts nor what they logged.
    Off,
    /// Every attempt and what it logged.
    #[default]
    Transitions,
    /// What each attempt was handed too, so that it can be run again.
    Full,
}

impl HistoryLevel {
    /// Every level.
    pub const ALL: [Self; 3] = [Self::Off, Self::Transitions, Self::Full];

    /// The number that stands in the database.
    pub fn code(self) -> i16 {
        match self {
            Self::Off => 0,
            Self::Transitions => 1,
            Self::Full => 2,
        }
    }

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Transitions => "transitions",
            Self::Full => "full",
        }
    }

    /// The level of a number read from the database.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.code() == code)
    }

    /// The level of a word given by a caller.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.word() == word)
    }
}

impl Store {
    /// How much an FSM keeps; `None` when there is no such FSM.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn read_history_level(&self, fsm: i32) -> Result<Option<HistoryLevel>, Error> {
        let code = sqlx::query_file_scalar!("src/store/sql/read_history_level.sql", fsm);
        let code = code.fetch_optional(&self.pool).await?;
        let unknown = |code| rows::corrupt("fsm", "history", i64::from(fsm), code);
        code.map(|code| HistoryLevel::from_code(code).ok_or_else(|| unknown(code))).transpose()
    }

    /// Has an FSM keep this much from now on, and gives its number; `None` when there is no such FSM.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn set_history_level(
        &self,
        tenant: TenantId,
        fsm: &str,
        level: HistoryLevel,
    ) -> Result<Option<i32>, Error> {
        let fsm = sqlx::query_file_scalar!("src/store/sql/set_history_level.sql", tenant.0, fsm, level.code());
        Ok(fsm.fetch_optional(&self.pool).await?)
    }

    /// What the attempt under this claim was handed, as JSON; `None` where that was not kept. Whose instance it is was asked before.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn input(&self, id: InstanceId, claim: i64) -> Result<Option<Vec<u8>>, Error> {
        Ok(sqlx::query_file_scalar!("src/store/sql/input.sql", id.0, claim).fetch_optional(&self.pool).await?)
    }
}
