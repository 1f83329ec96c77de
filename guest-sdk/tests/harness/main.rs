//! The author's test kit, as an author uses it.

mod crashes;
mod faults;
mod kit;
mod machines;
mod outside;
mod together;
