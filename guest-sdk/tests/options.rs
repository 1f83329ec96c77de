//! Options of outcomes: each where it belongs, an error everywhere else.

use gd_guest::prelude::*;
use gd_guest::{KeyChange, Transition};

#[derive(Debug, Serialize, Deserialize)]
struct Parcel {}

#[gd_guest::fsm(name = "parcel")]
impl Parcel {
    #[initial]
    fn pack(self, _ctx: &Ctx) -> Step<Self> {
        next(Self::hand_over, self)
    }

    fn hand_over(self, _ctx: &Ctx) -> Step<Self> {
        done(())
    }
}

fn refused(step: Step<Parcel>) -> String {
    let failure = step.unwrap_err();
    assert_eq!(failure.code_name(), Some("invalid-option"));
    failure.message().to_owned()
}

#[test]
fn the_options_of_next_arrive_in_its_outcome() {
    let step = next(Parcel::hand_over, Parcel {})
        .delay(minutes(5))
        .rate_limit(("stripe", "acct_1"))
        .weight(3)
        .switch_key("account:1")
        .requeue();
    let outcome = step.unwrap();
    let Transition::Next { step, options, .. } = outcome.transition() else { panic!("{outcome:?}") };
    assert_eq!(step.name(), "hand_over");
    assert_eq!(options.delay, Some(minutes(5)));
    assert_eq!(options.rate_limit, Some(("stripe", "acct_1").into()));
    assert_eq!(options.weight, Some(3));
    assert_eq!(options.concurrency_key, KeyChange::Switch("account:1".to_owned()));
    assert!(options.requeue);
}

#[test]
fn an_option_on_the_wrong_outcome_is_an_error() {
    assert_eq!(
        refused(next(Parcel::hand_over, Parcel {}).timeout(hours(1))),
        "`.timeout()` is an option of await_signal, but the outcome is next; leave it out there"
    );
    refused(await_signal("picked_up", Parcel::hand_over, Parcel {}).delay(hours(1)));
    refused(retry(Parcel {}, seconds(1)).rate_limit("stripe"));
    refused(done(()).requeue());
    refused(stop("no address").weight(2));
    refused(done(()).code("no-address"));
    refused(Step::default_handling().send(SendSignal::to_id("7", "packed")));
}

#[test]
fn the_first_error_in_a_chain_is_the_one_that_counts() {
    let failed: Step<Parcel> = Err(Failure::new("no scales").code("no-scales"));
    assert_eq!(failed.timeout(hours(1)).delay(hours(1)).unwrap_err().code_name(), Some("no-scales"));
}

#[test]
fn a_result_that_json_cannot_say_is_an_error() {
    let by_pair = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert_eq!(done::<Parcel>(by_pair).unwrap_err().code_name(), Some("result-encode"));
}
