//! What a step may ask of its host beside what it was handed: whoever runs it answers.

use std::pin::Pin;

use gd_core::{InvalidOutcome, StartSpec};

/// An answer on its way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What one child left.
#[derive(Clone, Debug)]
pub struct ChildPayloads {
    /// Its last committed state.
    pub state: Vec<u8>,
    /// Its result, if it is done.
    pub output: Option<Vec<u8>>,
}

/// Answers for one attempt.
pub trait Desk: Send + Sync {
    /// What one child left; `None` when there is no such child, or when it cannot be read now.
    fn child(&self, round: u32, index: u32) -> Answer<'_, Option<ChildPayloads>>;

    /// Whether these can be started as its children.
    fn check_children<'a>(&'a self, children: &'a [StartSpec]) -> Answer<'a, Result<(), InvalidOutcome>>;
}

/// Nobody: a step that runs outside of an engine.
#[derive(Debug)]
pub struct NoDesk;

impl Desk for NoDesk {
    fn child(&self, _: u32, _: u32) -> Answer<'_, Option<ChildPayloads>> {
        Box::pin(async { None })
    }

    fn check_children<'a>(&'a self, _: &'a [StartSpec]) -> Answer<'a, Result<(), InvalidOutcome>> {
        Box::pin(async { Ok(()) })
    }
}
