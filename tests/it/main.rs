//! The promises of gd-host, one test each.

mod lifecycle;
