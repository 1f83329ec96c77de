//! gd-host: durable workflows made of code that need not be trusted.
//!
//! The library behind the binary, and for whoever embeds a host: [`host::HostBuilder`] makes one, [`api::router`] serves it.
//! A module uses those on lower floors only; ARCHITECTURE.md has the map.

pub mod api;
pub mod bench;
pub mod cli;
pub mod config;
pub mod dev;
pub mod engine;
pub mod error;
mod failpoint;
pub mod host;
pub mod inspect;
pub mod new;
pub mod registry;
pub mod sandbox;
pub mod serve;
pub mod store;
pub mod telemetry;
