//! What each step decides, natively: no host, no database.

use gd_guest::{Transition, testing};

use super::*;

fn greeting() -> Greeting {
    Greeting {
        name: "Ada".to_owned(),
        patience_ms: patience_ms(),
        reminders: 0,
        heard: None,
    }
}

#[test]
fn a_greeting_waits_an_hour_for_a_reply() {
    let outcome = Greeting::greet.call(greeting(), &testing::ctx()).unwrap();
    let Transition::Await { names, timeout, .. } = outcome.transition() else {
        panic!("{outcome:?}")
    };
    assert_eq!(names.as_slice(), [REPLY]);
    assert_eq!(*timeout, Some(hours(1)));
}

#[test]
fn a_reply_is_heard() {
    let ctx = testing::woken_by([testing::signal(REPLY, "hi")]);
    let outcome = Greeting::hear.call(greeting(), &ctx).unwrap();
    assert_eq!(outcome.step(), Some("part"));
    assert_eq!(outcome.state().unwrap().heard.as_deref(), Some("hi"));
}

#[test]
fn who_does_not_reply_is_reminded_twice() {
    let reminded = |reminders| {
        let greeting = Greeting {
            reminders,
            ..greeting()
        };
        Greeting::hear
            .call(greeting, &testing::timed_out())
            .unwrap()
    };
    assert_eq!(reminded(0).step(), Some("greet"));
    assert_eq!(reminded(1).state().unwrap().reminders, 2);
    assert_eq!(reminded(2).transition().kind(), "stop");
}
