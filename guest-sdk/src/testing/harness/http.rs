//! Answers to the calls that steps make natively, where there is no network.

use std::cell::RefCell;
use std::fmt;

use serde::de::DeserializeOwned;

use crate::http::{Error, Method, Request, Response};
use crate::json;

/// A call that a step makes to the outside.
#[derive(Debug)]
pub struct Call<'a>(&'a Request);

/// What answers them.
pub(super) type Answers = Box<dyn FnMut(&Call<'_>) -> Result<Response, Error>>;

thread_local! {
    static ANSWERS: RefCell<Option<Answers>> = const { RefCell::new(None) };
}

/// What the harness on this thread answers; none without one that was told how.
pub(crate) fn answer(request: &Request) -> Option<Result<Response, Error>> {
    ANSWERS.with_borrow_mut(|answers| answers.as_mut().map(|answers| answers(&Call(request))))
}

/// Keeps the answers of a harness, and lends them to a step.
#[derive(Default)]
pub(super) struct Outside(Option<Answers>);

impl Outside {
    pub(super) fn answered_by(&mut self, answers: Answers) {
        self.0 = Some(answers);
    }

    /// Runs what may make calls.
    pub(super) fn during<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let others = ANSWERS.replace(self.0.take());
        let ran = run();
        self.0 = ANSWERS.replace(others);
        ran
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "answered" } else { "no network" })
    }
}

impl Call<'_> {
    /// What it does.
    pub fn method(&self) -> Method {
        self.0.method()
    }

    /// Where it goes.
    pub fn url(&self) -> &str {
        self.0.parts().0
    }

    /// The first header of this name, whatever its case: `idempotency-key`, for one.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, headers, _) = self.0.parts();
        headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as a `T`.
    ///
    /// # Panics
    /// If it is none: the step sent what its test did not expect.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        let (url, _, body) = self.0.parts();
        json::decode(body).unwrap_or_else(|error| panic!("the body of the call of {url} is another one: {error}"))
    }
}
