//! A response, read to its end.

use serde::de::DeserializeOwned;

use super::Error;
use crate::json;

/// A response of any status, read to its end.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Response {
    /// The status code. Redirects are not followed.
    pub status: u16,
    /// The headers in the order they came, names in lower case; values that are no UTF-8 are made so with loss.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// A response with no headers, for tests of code that reads one.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as a `T`.
    ///
    /// # Errors
    /// [`Error::Json`] if it is none.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        json::decode(&self.body).map_err(|error| Error::Json { what: "the response's body", reason: error.to_string() })
    }
}
