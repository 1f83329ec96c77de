//! What becomes of an instance by what its steps answer, or do not.

mod faults;
mod jobs;
mod limits;
mod outcomes;
mod starts;
