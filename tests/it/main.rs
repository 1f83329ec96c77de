//! The promises of gd-host, one test each.

mod api;
mod cli;
mod deploy;
mod egress;
mod interleavings;
mod lifecycle;
mod readme;
mod recovery;
mod signals;
mod statements;
mod tidy;
