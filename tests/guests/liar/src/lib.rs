//! A component whose descriptor is wrong in a way that a test chooses by patching a byte.

use gd_guest::bindings::exports::gd::fsm::step::Guest;
use gd_guest::bindings::gd::fsm::types::{
    Await, Context, Descriptor, Failure, Fault, Form, KeyChange, Migrated, Migration, Next, Outcome, RetryPolicy,
    StepInfo, Transition,
};

/// Tests patch the last byte to choose the lie.
static LIE: [u8; 10] = *b"liar-lie:-";

/// The component.
#[derive(Debug)]
pub struct Liar;

impl Guest for Liar {
    fn describe() -> Descriptor {
        let mut descriptor = truth();
        match lie() {
            b'a' => descriptor.initial_step = "nowhere".to_owned(),
            b'b' => descriptor.steps.clear(),
            b'c' => descriptor.steps.push(step("only")),
            b'd' => descriptor.fsm = "li\0ar".to_owned(),
            b'e' => descriptor.fsm = "x".repeat(256),
            b'f' => descriptor.fsm.clear(),
            b'g' => descriptor.steps.push(step("st\0ep")),
            b'h' => descriptor.queue = Some("q\nq".to_owned()),
            b'i' => descriptor.retry = Some(RetryPolicy { max_attempts: 0, base_ms: 1, cap_ms: 1 }),
            b'j' => descriptor.extra.push(("from-the-future".to_owned(), "1".to_owned())),
            b'k' => descriptor.steps = (0..1001).map(|n| step(&n.to_string())).collect(),
            b'l' => panic!("it will not say"),
            b'm' => loop {
                std::hint::black_box(());
            },
            b'n' => descriptor.sdk = "sd\0k".to_owned(),
            b'o' => descriptor.steps[0].next.push("ne\0xt".to_owned()),
            b'p' => descriptor.state_schema = Some("{\0}".to_owned()),
            b'q' => descriptor.state_content_type = "text\0".to_owned(),
            _ => {}
        }
        descriptor
    }

    fn run(context: Context) -> Result<Outcome, Failure> {
        let state = context.state.clone();
        let transition = match context.state.first() {
            Some(b'1') => next("nowhere", state),
            Some(b'2') => next("on\0ly", state),
            Some(b'3') => await_for(vec!["na\0me".to_owned()]),
            Some(b'4') => await_for((0..65).map(|n| n.to_string()).collect()),
            Some(b'5') => await_for(vec!["x".repeat(256)]),
            Some(b'6') => await_at("", vec!["go".to_owned()]),
            Some(b'7') => await_at("nowhere", vec!["go".to_owned()]),
            Some(b'8') => next_with("only", state, 1, vec![("from-the-future".to_owned(), "1".to_owned())]),
            // Goes on once, with a weight, and is done then.
            Some(b'9') => next_with("only", b"weighed".to_vec(), 50, Vec::new()),
            Some(_) | None => Transition::Done(state),
        };
        Ok(Outcome { transition, effects: Vec::new() })
    }

    fn handle(_fault: Fault, _context: Context) -> Result<Option<Outcome>, Failure> {
        Ok(None)
    }

    fn migrate(_migration: Migration) -> Result<Migrated, Failure> {
        Err(Failure { message: "no".to_owned(), code: None, retryable: false, delay_ms: None })
    }
}

#[cfg(target_arch = "wasm32")]
gd_guest::component::export_fsm!(Liar);

/// Read so that no compiler can know it.
fn lie() -> u8 {
    std::hint::black_box(&LIE)[9]
}

fn truth() -> Descriptor {
    Descriptor {
        fsm: "liar".to_owned(),
        form: Form::Machine,
        initial_step: "only".to_owned(),
        steps: vec![step("only")],
        queue: None,
        state_version: 1,
        migrates_from: Vec::new(),
        has_handle: false,
        retry: None,
        state_content_type: "application/json".to_owned(),
        state_schema: None,
        sdk: "none".to_owned(),
        extra: Vec::new(),
    }
}

fn step(name: &str) -> StepInfo {
    StepInfo { name: name.to_owned(), next: Vec::new(), awaits: Vec::new() }
}

fn next(step: &str, state: Vec<u8>) -> Transition {
    next_with(step, state, 1, Vec::new())
}

fn next_with(step: &str, state: Vec<u8>, weight: u32, extra: Vec<(String, String)>) -> Transition {
    Transition::Next(Next {
        step: step.to_owned(),
        state,
        delay_ms: None,
        rate_limit: None,
        weight,
        concurrency_key: KeyChange::Keep,
        requeue: false,
        extra,
    })
}

fn await_for(names: Vec<String>) -> Transition {
    await_at("only", names)
}

fn await_at(step: &str, names: Vec<String>) -> Transition {
    Transition::Await(Await { names, step: step.to_owned(), state: Vec::new(), timeout_ms: None })
}
