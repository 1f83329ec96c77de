//! What a wire does to those who talk over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::eventually;

/// Another text for a statement.
#[derive(Clone, Debug)]
pub struct Rewrite {
    /// Statements that contain this text are meant.
    pub marker: String,
    /// Pieces of the text, each with what stands in its place. A piece that a marked statement lacks is a problem of the wire.
    pub pieces: Vec<(String, String)>,
}

impl Rewrite {
    /// The new text of a statement that is meant; an error names the piece that is not there.
    pub(super) fn of(&self, text: &str) -> Option<Result<String, String>> {
        text.contains(&self.marker).then(|| {
            self.pieces.iter().try_fold(text.to_owned(), |text, (piece, with)| match text.contains(piece.as_str()) {
                true => Ok(text.replace(piece.as_str(), with)),
                false => Err(format!("{piece:?} is not in the statement {text:?}")),
            })
        })
    }
}

/// When a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutAt {
    /// The server never hears of the commit.
    BeforeCommit,
    /// The server has committed, the client never hears of it.
    AfterCommit,
}

/// A connection that is cut at the end of a transaction.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub(super) at: CutAt,
    /// A statement of the transaction, by the name of its file; `None` takes any.
    pub(super) of: Option<&'static str>,
    /// How many such transactions still end well before it.
    pub(super) pass: u32,
    pub(super) done: CutDone,
}

/// Tells whether a cut has happened.
#[derive(Clone, Debug, Default)]
pub struct CutDone(Arc<AtomicBool>);

impl CutDone {
    pub(super) fn tell(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it has.
    pub fn is_done(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Waits for it.
    pub async fn done(&self) {
        eventually("the connection is cut", async || self.is_done().then_some(())).await;
    }
}

/// Everything that is asked of a wire at present.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) rewrites: Vec<Rewrite>,
    pub(super) cuts: Vec<Cut>,
    pub(super) delay: Duration,
}

impl Rules {
    /// Where the connection is to be cut that ends a transaction of these statements.
    pub(super) fn cut(&mut self, statements: &[String]) -> Option<(CutAt, CutDone)> {
        let meant = |cut: &Cut| cut.of.is_none_or(|of| statements.iter().any(|statement| statement == of));
        for at in 0..self.cuts.len() {
            if meant(&self.cuts[at]) {
                if self.cuts[at].pass == 0 {
                    let cut = self.cuts.remove(at);
                    return Some((cut.at, cut.done));
                }
                self.cuts[at].pass -= 1;
            }
        }
        None
    }
}
