//! The log of the attempt: lines with fields, kept by the host with the instance's history.
//!
//! `info!("charged")`, `warn!(tries = self.tries, "the provider answered {status}")`. Natively the lines go to stderr.

use std::fmt::Display;

pub use crate::bindings::gd::fsm::log::Level;

/// Writes one line. An attempt may write 64 KiB in 1,000 lines by default; what is over that is dropped with a mark.
pub fn log(level: Level, message: &str, fields: &[(&str, &dyn Display)]) {
    let fields: Vec<(String, String)> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
    write(level, message, &fields);
}

#[cfg(target_arch = "wasm32")]
fn write(level: Level, message: &str, fields: &[(String, String)]) {
    crate::bindings::gd::fsm::log::log(level, message, fields);
}

#[cfg(not(target_arch = "wasm32"))]
fn write(level: Level, message: &str, fields: &[(String, String)]) {
    let fields: String = fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    eprintln!("{level:?} {message}{fields}");
}

/// Writes a line at a level. `log_at!(Level::Info, order = id, "packed {count} lines")`.
#[macro_export]
macro_rules! log_at {
    ($level:expr, $($name:ident = $value:expr,)* $format:literal $(, $argument:expr)* $(,)?) => {
        $crate::log::log($level, &::std::format!($format $(, $argument)*), &[$((::std::stringify!($name), &$value)),*])
    };
}

/// Detail that is rarely wanted.
#[macro_export]
macro_rules! trace {
    ($($line:tt)+) => { $crate::log_at!($crate::log::Level::Trace, $($line)+) };
}

/// Detail for the author of the workflow.
#[macro_export]
macro_rules! debug {
    ($($line:tt)+) => { $crate::log_at!($crate::log::Level::Debug, $($line)+) };
}

/// Something that is worth knowing happened.
#[macro_export]
macro_rules! info {
    ($($line:tt)+) => { $crate::log_at!($crate::log::Level::Info, $($line)+) };
}

/// Something unusual that the workflow copes with.
#[macro_export]
macro_rules! warn {
    ($($line:tt)+) => { $crate::log_at!($crate::log::Level::Warn, $($line)+) };
}

/// Something that a person should look at.
#[macro_export]
macro_rules! error {
    ($($line:tt)+) => { $crate::log_at!($crate::log::Level::Error, $($line)+) };
}
