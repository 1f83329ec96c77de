//! Slots of concurrency keys: given to those that wait for one, and taken back where nobody uses them.

use std::time::Duration;

use sqlx::PgConnection;

use super::places::{Key, Moved, moved};
use super::workers::ms;
use super::{Error, Store};

impl Store {
    /// Reserves the free slots of these keys for the most urgent that wait for them, and says where those wait now. A key that somebody
    /// else decides about at this moment is passed over; it is that one's then.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn promote(&self, keys: &[Key]) -> Result<Vec<Moved>, Error> {
        let mut transaction = self.sweeps.begin().await?;
        let tenants: Vec<i32> = keys.iter().map(|key| key.tenant).collect();
        let names: Vec<&str> = keys.iter().map(|key| key.key.as_str()).collect();
        let locked = lock_keys(&mut transaction, &tenants, &names).await?;
        let tenants: Vec<i32> = locked.iter().filter_map(|at| tenants.get(*at).copied()).collect();
        let names: Vec<&str> = locked.iter().filter_map(|at| names.get(*at).copied()).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        sqlx::query_file!("src/store/sql/lock_holders.sql", &tenants, &names as _).fetch_all(&mut *transaction).await?;
        let rows =
            sqlx::query_file!("src/store/sql/promote.sql", &tenants, &names as _).fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(rows.into_iter().map(|row| moved!(row)).collect())
    }

    /// Keys behind `after` that somebody waits for, at most `keys_max`, and whether fewer hold each than may.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn waiting_keys(&self, after: &Key, keys_max: i64) -> Result<Vec<(Key, bool)>, Error> {
        let rows = sqlx::query_file!("src/store/sql/waiting_keys.sql", after.tenant, after.key, keys_max)
            .fetch_all(&self.sweeps)
            .await?;
        Ok(rows.into_iter().map(|row| (Key { tenant: row.tenant_id, key: row.key }, row.free)).collect())
    }

    /// Takes back slots that were reserved and not claimed for `age`, and gives each to a row of another queue or version that waits
    /// for it, where there is one. Says where those wait now.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn take_back_reservations(&self, rows_max: i64, age: Duration) -> Result<Vec<Moved>, Error> {
        let mut transaction = self.sweeps.begin().await?;
        let idle = sqlx::query_file!("src/store/sql/take_back_reservations.sql", rows_max, ms(age))
            .fetch_all(&mut *transaction)
            .await?;
        if idle.is_empty() {
            return Ok(Vec::new());
        }
        let (ids, slots): (Vec<i64>, Vec<i16>) = idle.into_iter().map(|row| (row.waiter, row.slot)).unzip();
        let rows = sqlx::query_file!("src/store/sql/reserve.sql", &ids, &slots).fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(rows.into_iter().map(|row| moved!(row)).collect())
    }
}

/// Locks keys until the transaction ends; comes back with the places, from 0, of those that nobody else had.
pub(super) async fn lock_keys(
    connection: &mut PgConnection,
    tenants: &[i32],
    keys: &[&str],
) -> Result<Vec<usize>, Error> {
    let rows =
        sqlx::query_file_scalar!("src/store/sql/lock_keys.sql", tenants, keys as _).fetch_all(connection).await?;
    Ok(rows.into_iter().filter_map(|place| usize::try_from(place - 1).ok()).collect())
}
