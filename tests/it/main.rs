//! The promises of gd-host, one test each.

mod api;
mod cli;
mod control;
mod crash_loop;
mod deploy;
mod egress;
mod failpoints;
mod interleavings;
mod lifecycle;
mod notices;
mod observe;
mod readme;
mod recovery;
mod signals;
mod statements;
mod tidy;
