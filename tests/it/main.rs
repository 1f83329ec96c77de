//! The promises of gd-host, one test each.

mod adopt;
mod api;
mod cli;
mod control;
mod crash_loop;
mod database_faults;
mod deploy;
mod dev;
mod doctor;
mod egress;
mod failpoints;
mod first_hour;
mod interleavings;
mod lifecycle;
mod new;
mod notices;
mod observe;
mod readme;
mod recovery;
mod seeded_defects;
mod signals;
mod statement_counts;
mod statements;
mod tidy;
mod transcript;
mod wire;
