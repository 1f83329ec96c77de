//! The write-ahead log says in which order everything was committed, and what every commit left: nothing in between is missed.

mod buckets;
mod decode;
mod fold;
mod keys;
mod reader;
mod row;
mod told;

pub(crate) use reader::Log;
pub(crate) use told::Told;
