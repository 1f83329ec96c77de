//! Notifications between hosts, over the database.

use sqlx::postgres::{PgListener, PgPoolOptions};

use super::{Error, Store};

/// The channel that every host of a database listens to.
const CHANNEL: &str = "gd";

/// What other hosts tell, on a connection of its own.
pub struct News(PgListener);

impl Store {
    /// Tells every host something, this one too. A transaction of its own that is not waited for on disk.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn notify(&self, text: &str) -> Result<(), Error> {
        sqlx::query_file!("src/store/sql/notify.sql", CHANNEL, text).execute(&self.claims).await?;
        Ok(())
    }

    /// Listens from now on.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn listen(&self) -> Result<News, Error> {
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(self.options.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.ignore_pool_close_event(true);
        listener.listen(CHANNEL).await?;
        Ok(News(listener))
    }
}

impl News {
    /// The next text.
    ///
    /// # Errors
    /// When the connection breaks: what was told meanwhile is lost.
    pub async fn next(&mut self) -> Result<String, Error> {
        match self.0.try_recv().await? {
            Some(notification) => Ok(notification.payload().to_owned()),
            None => Err(Error::Statement(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()))),
        }
    }
}
