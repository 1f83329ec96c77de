//! A payment provider for demos: it charges, remembers every call, and misbehaves as an invoices file tells it to.
//!
//! It is the witness of the demo: it charges once per idempotency key, however often the key is sent, and charges
//! again for another key, so that its log shows whether a customer paid twice.

mod http;
mod invoice;
mod latency;
mod ledger;
mod provider;

pub use http::router;
pub use invoice::{Invoices, Scenario};
pub use latency::Latency;
pub use ledger::{Action, Entry, Error, Ledger, Summary};
pub use provider::{Answer, ChargeRequest, Provider};
