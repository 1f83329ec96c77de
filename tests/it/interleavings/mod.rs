//! Sessions that do things at the same time: every order of their statements against the real server, and what must hold after each.
//!
//! A check is a function that plays one set of parts in every order and says what it saw that must not be. One more pair is one more function
//! and its line in [`CHECKS`]. Each is also run on a host with a seeded defect: see `seeded_defects.rs`.

mod claims;
mod commits;
mod control;
mod flow;
mod hosts;
mod keys;
mod oracle;
mod side;
mod signals;
mod stage;

use std::sync::Mutex;

use futures::future::BoxFuture;
use gd_tests::wire::Rewrite;
use tokio::time::Instant;

use oracle::Played;
use stage::Stage;

/// One check, by the promise that it holds the statements to.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    play: fn(&Stage) -> BoxFuture<'_, Played>,
}

/// The function and the promise of each check.
macro_rules! checks {
    ($($name:ident: $play:path,)+) => {
        /// Every check.
        pub(crate) const CHECKS: &[Check] =
            &[$(Check { name: stringify!($name), play: |stage| Box::pin($play(stage)) }),+];

        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            whole(stringify!($name)).await;
        })+
    };
}

checks! {
    no_wake_up_is_lost_between_a_park_and_a_delivery: signals::a_park_and_a_delivery,
    a_deadline_and_a_delivery_wake_a_park_once: signals::a_park_a_delivery_and_a_deadline,
    a_deadline_leaves_alone_what_was_woken_before: signals::a_deadline_a_delivery_and_a_claim,
    what_an_ending_instance_accepts_goes_with_it_or_stays_for_an_operator: signals::an_end_and_a_delivery,
    progress_consumes_what_it_was_handed_and_no_latecomer: signals::a_consumption_and_a_delivery,
    a_redelivery_is_the_same_signal: signals::a_redelivery,
    a_parked_instance_wakes_for_what_it_awaits_alone: signals::a_delivery_of_another_name,
    what_a_step_was_handed_does_not_wake_it: signals::a_park_with_what_was_handed,
    a_late_commit_is_written_whole_or_leaves_no_trace: claims::a_recovery_and_a_late_commit,
    a_row_that_was_taken_back_is_its_next_owners_alone: claims::a_recovery_a_late_commit_and_a_claim,
    no_row_is_taken_for_a_worker_that_nobody_watches: claims::a_recovery_and_a_claim,
    no_start_is_taken_for_a_worker_that_nobody_watches: claims::a_recovery_and_a_start,
    a_clean_stop_gives_back_what_its_starts_claim: claims::a_stop_and_a_start,
    nothing_is_woken_for_a_worker_that_nobody_watches: signals::a_recovery_and_a_delivery,
    what_a_delivery_wakes_is_claimed_once: signals::a_delivery_that_claims,
    a_worker_that_beats_is_alive_and_one_that_is_dead_is_told: claims::a_recovery_and_a_beat,
    what_was_lost_is_taken_back_once: claims::two_recoveries,
    a_release_and_a_commit_of_one_claim_exclude_each_other: claims::a_release_and_a_late_commit,
    a_claim_is_committed_once: claims::two_commits_of_one_claim,
    a_claim_that_was_given_out_twice_is_its_owners_alone: claims::a_claim_that_a_crash_gave_out_twice,
    every_change_of_hands_moves_the_claim_and_a_lost_attempt_counts: claims::every_change_of_hands,
    a_commit_whose_answer_was_lost_is_found_by_its_claim: claims::an_ambiguous_commit,
    a_cancellation_and_a_commit_exclude_each_other: control::a_cancellation_and_a_commit,
    a_paused_chain_stops_after_the_step_that_it_runs: control::a_pause_and_a_commit,
    a_suspect_is_left_to_the_lone_run_until_it_has_an_outcome: control::a_suspect,
    a_join_counts_every_end_once: flow::two_siblings_end,
    a_join_waits_for_all: flow::one_of_two_siblings_ends,
    a_child_is_there_if_and_only_if_its_parent_waits_for_it: flow::a_spawn_and_a_recovery,
    nobody_waits_beside_a_free_slot: flow::a_slot_is_let_go_of_while_another_is_put_aside,
    a_slot_has_one_holder: flow::a_free_slot_is_given_once,
    a_slot_whose_holder_is_cancelled_goes_to_who_waits: flow::a_holder_is_cancelled_while_it_ends,
    a_slot_that_is_taken_over_runs_nobody_who_is_paused: flow::a_slot_is_taken_over_while_its_heir_is_paused,
    a_bucket_is_never_overdrawn: flow::two_rounds_of_grants,
    one_key_has_one_holder: keys::two_starts_of_one_key,
    a_start_of_a_step_and_anothers_have_one_holder: keys::a_start_and_one_of_a_step,
    a_key_is_free_after_its_holder_unless_it_is_kept: keys::two_starts_and_the_end_of_the_holder,
}

/// What the checks came to that were run whole in this process: one run of each is enough.
static WHOLE: Mutex<Vec<(&'static str, usize)>> = Mutex::new(Vec::new());

/// Runs a check on whole statements, and says how many orders it played.
pub(crate) async fn whole(name: &'static str) -> usize {
    let known = || WHOLE.lock().unwrap().iter().find(|(known, _)| *known == name).map(|(_, played)| *played);
    if let Some(played) = known() {
        return played;
    }
    let began = Instant::now();
    let stage = Stage::new(None).await;
    let played = (check(name).play)(&stage).await.unwrap_or_else(|seen| panic!("{name}: {seen}"));
    println!("{name}: {played} orders in {:?}", began.elapsed());
    WHOLE.lock().unwrap().push((name, played));
    played
}

/// Runs a check on statements with a defect. `Err` says how it was seen.
pub(crate) async fn with_defect(name: &str, defect: &Rewrite) -> Played {
    let stage = Stage::new(Some(defect)).await;
    let played = (check(name).play)(&stage).await;
    assert!(stage.rewritten() > 0, "{name} never sent the statement of this defect");
    played
}

fn check(name: &str) -> &'static Check {
    CHECKS.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("there is no check {name}"))
}
