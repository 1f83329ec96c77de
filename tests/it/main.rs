//! The promises of gd-host, one test each.

mod api;
mod cli;
mod control;
mod crash_loop;
mod database_faults;
mod deploy;
mod egress;
mod failpoints;
mod interleavings;
mod lifecycle;
mod notices;
mod observe;
mod readme;
mod recovery;
mod seeded_defects;
mod signals;
mod statement_counts;
mod statements;
mod tidy;
mod wire;
