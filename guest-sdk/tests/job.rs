//! A job as the host calls it, natively.

use gd_guest::bindings::exports::gd::fsm::step::Guest;
use gd_guest::bindings::gd::fsm::types::{Context, Form, RetryPolicy, Transition};
use gd_guest::component::JobComponent;
use gd_guest::prelude::*;
use gd_guest::testing;

#[derive(Deserialize)]
struct Args {
    #[serde(default)]
    days: u32,
}

#[derive(Serialize)]
struct Report {
    removed: u32,
}

#[gd_guest::job(name = "tidy", queue = "slow", max_attempts = 5, cap_ms = 60_000)]
fn cleanup(args: Args, ctx: &Ctx) -> Job<Report> {
    match args.days {
        0 => cancel("there is nothing to remove"),
        days => Ok(Report { removed: days.checked_sub(ctx.attempt()).ok_or_else(|| Failure::new("too many tries"))? }),
    }
}

type Component = JobComponent<CleanupJob>;

fn context(args: &str, attempt: u32) -> Context {
    Context { step: "perform".to_owned(), state: args.as_bytes().to_vec(), attempt, ..testing::context() }
}

#[test]
fn the_descriptor_is_a_jobs() {
    let descriptor = Component::describe();
    assert_eq!((descriptor.fsm.as_str(), descriptor.queue.as_deref()), ("tidy", Some("slow")));
    assert_eq!((descriptor.form, descriptor.initial_step.as_str(), descriptor.steps.len()), (Form::Job, "perform", 1));
    assert_eq!(descriptor.retry, Some(RetryPolicy { max_attempts: 5, base_ms: 1_000, cap_ms: 60_000 }));
}

#[test]
fn what_a_job_returns_is_the_result_of_the_instance() {
    let outcome = Component::run(context(r#"{"days":7}"#, 0)).unwrap();
    assert_eq!(outcome.transition, Transition::Done(br#"{"removed":7}"#.to_vec()));
}

#[test]
fn a_failed_try_is_tried_again_and_a_cancelled_job_is_not() {
    assert!(Component::run(context(r#"{"days":1}"#, 2)).unwrap_err().retryable);
    let failure = Component::run(context("", 0)).unwrap_err();
    assert_eq!((failure.message.as_str(), failure.retryable), ("there is nothing to remove", false));
}

#[test]
fn arguments_that_cannot_be_read_are_reported_by_code() {
    assert_eq!(Component::run(context("[", 0)).unwrap_err().code.as_deref(), Some("state-decode"));
}
