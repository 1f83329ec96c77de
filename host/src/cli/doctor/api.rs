//! Whether a host answers where this command line would ask.

use super::super::client::Client;
use super::super::error::Error;
use super::check::Check;

/// Asks for something that needs the token and the database.
pub(super) async fn answers(url: &str, token: Option<&str>) -> Check {
    match ask(url, token).await {
        Ok(()) => Check::ok("api", format!("{url} answers")),
        Err(error) => Check::fail("api", error.to_string(), error.hint().unwrap_or_default()),
    }
}

async fn ask(url: &str, token: Option<&str>) -> Result<(), Error> {
    Client::new(url, token)?.get(&["fsms"], &[]).await.map(drop)
}
