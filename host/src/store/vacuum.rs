//! Making the space of dead rows usable again, before tables grow for want of it.

use super::{Error, Store};

impl Store {
    /// Tables of the engine that hold more dead rows than so many and this share of their live ones.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn littered(&self, dead: u32, share: f64) -> Result<Vec<String>, Error> {
        let tables = sqlx::query_file_scalar!("src/store/sql/littered.sql", i64::from(dead), share);
        Ok(tables.fetch_all(&self.claims).await?)
    }

    /// Vacuums these tables of the engine, on a connection of its own: nobody waits for it, and a table that somebody else has a strong lock
    /// on, like another vacuum, is passed over. Tables never shrink by it, which would need a lock that stops everybody.
    ///
    /// # Errors
    /// When there is no connection, or the statement fails.
    pub async fn vacuum(&self, tables: &[String]) -> Result<(), Error> {
        let tables: Vec<String> = tables.iter().map(|table| format!("gd.{table}")).collect();
        // The names are those of `littered`.
        let statement = format!("vacuum (skip_locked, truncate off) {}", tables.join(", "));
        let mut connection = self.sweep_connection(super::retention::LOCK_TIMEOUT).await?;
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await?;
        Ok(())
    }
}
