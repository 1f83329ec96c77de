//! The durable inbox: what wakes, what is handed over, what is consumed.

mod addressing;
mod inbox;
mod timeouts;
mod waking;
