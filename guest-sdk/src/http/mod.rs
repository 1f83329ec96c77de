//! Calls to the outside, for a workflow whose deployment was granted egress.
//!
//! ```no_run
//! # use gd_guest::prelude::*;
//! use gd_guest::http;
//!
//! # fn charge(ctx: &Ctx) -> Result<()> {
//! let response = http::post("https://pay.example/charges")
//!     .idempotency_key(ctx)
//!     .json(&json!({ "amount": 100 }))?
//!     .timeout(seconds(5))
//!     .send()?;
//! # Ok(())
//! # }
//! ```
//!
//! A component that calls nothing here imports no `wasi:http`. Natively there is no network: `send` answers
//! [`Error::NoNetwork`], unless a test's [`Harness`](crate::testing::Harness) answers for the other side.

mod error;
mod request;
mod response;
mod url;
#[cfg(target_arch = "wasm32")]
mod wasi;

pub use error::Error;
pub use request::{Method, Request};
pub use response::Response;

/// A GET request.
pub fn get(url: impl Into<String>) -> Request {
    Request::new(Method::Get, url)
}

/// A POST request.
pub fn post(url: impl Into<String>) -> Request {
    Request::new(Method::Post, url)
}

/// A PUT request.
pub fn put(url: impl Into<String>) -> Request {
    Request::new(Method::Put, url)
}

/// A DELETE request.
pub fn delete(url: impl Into<String>) -> Request {
    Request::new(Method::Delete, url)
}
