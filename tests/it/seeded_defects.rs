//! The checks are checked: each of these defects is put into a statement on its way to the server, and one of them must see it.

use std::fmt::Write;

use gd_tests::target;
use gd_tests::wire::{Rewrite, statement};

use crate::conformance::rows;
use crate::interleavings::{whole, with_defect};

/// A statement as it should not be, and the check that sees it.
struct Defect {
    name: &'static str,
    /// The name of its file.
    statement: &'static str,
    /// Pieces of its text, each with what stands in its place.
    pieces: &'static [(&'static str, &'static str)],
    check: &'static str,
}

/// The fence of every outcome.
const FENCE: &str = "where i.id between e.id and e.id and i.claim = e.claim and i.owner = $1";

const LATE_COMMIT: &str = "a_late_commit_is_written_whole_or_leaves_no_trace";
const NEXT_OWNER: &str = "a_row_that_was_taken_back_is_its_next_owners_alone";
const RELEASE: &str = "a_release_and_a_commit_of_one_claim_exclude_each_other";
const TWO_OWNERS: &str = "a_claim_that_was_given_out_twice_is_its_owners_alone";
const ONCE: &str = "a_claim_is_committed_once";
const HANDS: &str = "every_change_of_hands_moves_the_claim_and_a_lost_attempt_counts";
const AMBIGUOUS: &str = "a_commit_whose_answer_was_lost_is_found_by_its_claim";
const UNWATCHED: &str = "no_row_is_taken_for_a_worker_that_nobody_watches";
const UNWATCHED_START: &str = "no_start_is_taken_for_a_worker_that_nobody_watches";
const CLEAN_STOP: &str = "a_clean_stop_gives_back_what_its_starts_claim";
const UNWATCHED_WAKE_UP: &str = "nothing_is_woken_for_a_worker_that_nobody_watches";
const WOKEN_ONCE: &str = "what_a_delivery_wakes_is_claimed_once";
const BEATS: &str = "a_worker_that_beats_is_alive_and_one_that_is_dead_is_told";
const LOST_WAKE_UP: &str = "no_wake_up_is_lost_between_a_park_and_a_delivery";
const AWAITED: &str = "a_parked_instance_wakes_for_what_it_awaits_alone";
const HANDED: &str = "what_a_step_was_handed_does_not_wake_it";
const CONSUMED: &str = "progress_consumes_what_it_was_handed_and_no_latecomer";
const REDELIVERY: &str = "a_redelivery_is_the_same_signal";
const DEADLINE: &str = "a_deadline_leaves_alone_what_was_woken_before";
const ENDING: &str = "what_an_ending_instance_accepts_goes_with_it_or_stays_for_an_operator";
const CANCELLATION: &str = "a_cancellation_and_a_commit_exclude_each_other";
const PAUSE: &str = "a_paused_chain_stops_after_the_step_that_it_runs";
const SUSPECT: &str = "a_suspect_is_left_to_the_lone_run_until_it_has_an_outcome";
const JOIN: &str = "a_join_counts_every_end_once";
const JOIN_WAITS: &str = "a_join_waits_for_all";
const SPAWN: &str = "a_child_is_there_if_and_only_if_its_parent_waits_for_it";
const FREE_SLOT: &str = "nobody_waits_beside_a_free_slot";
const ONE_SLOT: &str = "a_slot_has_one_holder";
const CANCELLED_HOLDER: &str = "a_slot_whose_holder_is_cancelled_goes_to_who_waits";
const TAKEN_OVER: &str = "a_slot_that_is_taken_over_runs_nobody_who_is_paused";
const TAKEN_BACK: &str = "what_was_lost_is_taken_back_once";
const STEP_STARTS: &str = "a_start_of_a_step_and_anothers_have_one_holder";
const BUCKET: &str = "a_bucket_is_never_overdrawn";
const ONE_HOLDER: &str = "one_key_has_one_holder";
const FREE_KEY: &str = "a_key_is_free_after_its_holder_unless_it_is_kept";

#[rustfmt::skip]
const DEFECTS: &[Defect] = &[
    Defect { name: "no fence on what lives on", statement: "commit_moves", pieces: &[(FENCE, "where i.id between e.id and e.id")], check: LATE_COMMIT },
    Defect { name: "no fence on what ends", statement: "commit_ends", pieces: &[(FENCE, "where i.id between e.id and e.id")], check: LATE_COMMIT },
    Defect { name: "no claim in the fence of what lives on", statement: "commit_moves", pieces: &[(FENCE, "where i.id between e.id and e.id and i.owner = $1")], check: RELEASE },
    Defect { name: "no claim in the fence of what ends", statement: "commit_ends", pieces: &[(FENCE, "where i.id between e.id and e.id and i.owner = $1")], check: RELEASE },
    Defect { name: "no owner in the fence of what lives on", statement: "commit_moves", pieces: &[(FENCE, "where i.id between e.id and e.id and i.claim = e.claim")], check: TWO_OWNERS },
    Defect { name: "no owner in the fence of what ends", statement: "commit_ends", pieces: &[(FENCE, "where i.id between e.id and e.id and i.claim = e.claim")], check: TWO_OWNERS },
    Defect { name: "no fence on what is plain", statement: "commit_plain", pieces: &[(FENCE, "where i.id between e.id and e.id")], check: LATE_COMMIT },
    Defect { name: "no claim in the fence of what is plain", statement: "commit_plain", pieces: &[(FENCE, "where i.id between e.id and e.id and i.owner = $1")], check: RELEASE },
    Defect { name: "no owner in the fence of what is plain", statement: "commit_plain", pieces: &[(FENCE, "where i.id between e.id and e.id and i.claim = e.claim")], check: TWO_OWNERS },
    Defect { name: "a plain commit leaves the claim", statement: "commit_plain", pieces: &[("claim = i.claim + 1,", "claim = i.claim,")], check: ONCE },
    Defect { name: "a plain chain that is paused runs on", statement: "commit_plain", pieces: &[("(not i.held)::int", "1"), ("case when not i.held then i.owner end", "i.owner")], check: PAUSE },
    Defect { name: "a suspicion outlives a plain outcome", statement: "commit_plain", pieces: &[("        losses = 0,\n", "")], check: SUSPECT },
    Defect { name: "a plain end leaves the inbox", statement: "commit_plain", pieces: &[(" cross join gd.clear_inboxes(array(select id from ended))", "")], check: ENDING },
    Defect { name: "a plain end clears what it has seen before it waited", statement: "commit_plain", pieces: &[
        (" cross join gd.clear_inboxes(array(select id from ended))", ""),
        ("freed as (", "emptied as (delete from gd.signal s using ended where s.target = ended.id),\nfreed as ("),
    ], check: ENDING },
    Defect { name: "a plain end frees no key", statement: "commit_plain", pieces: &[("and k.holder = ended.id", "and false")], check: FREE_KEY },
    Defect { name: "a plain end frees a key that is to be kept", statement: "commit_plain", pieces: &[(" and k.keeps & 1 = 0", "")], check: FREE_KEY },
    Defect { name: "the status for a fence", statement: "commit_moves", pieces: &[(FENCE, "where i.id between e.id and e.id and i.status = 1")], check: NEXT_OWNER },
    Defect { name: "a commit leaves the claim", statement: "commit_moves", pieces: &[("claim = i.claim + 1", "claim = i.claim")], check: ONCE },
    Defect { name: "a flush locks nothing first", statement: "lock_claimed", pieces: &[(" for no key update", "")], check: LOST_WAKE_UP },
    Defect { name: "a park looks for no signal", statement: "commit_moves", pieces: &[("when e.status = 2 and exists (", "when false and exists (")], check: LOST_WAKE_UP },
    Defect { name: "a delivery locks nothing first", statement: "lock_target", pieces: &[("\nfor no key update", "")], check: LOST_WAKE_UP },
    Defect { name: "a delivery leaves waking to the park", statement: "store_signal", pieces: &[("where i.id = $1 and i.status = 2", "where false")], check: LOST_WAKE_UP },
    Defect { name: "a delivery wakes whoever waits", statement: "store_signal", pieces: &[(" and $2 = any(i.awaits)", "")], check: AWAITED },
    Defect { name: "a handed signal wakes", statement: "commit_moves", pieces: &[(" and s.id <> all(e.handed)", "")], check: HANDED },
    Defect { name: "a stale outcome consumes", statement: "lock_claimed", pieces: &[("select i.id, i.owner", "with gone as (delete from gd.signal where target = any($1)) select i.id, i.owner")], check: LATE_COMMIT },
    Defect { name: "progress consumes the whole inbox", statement: "consume_signals", pieces: &[(" and s.id = consumed.id", "")], check: CONSUMED },
    Defect { name: "a good end leaves the inbox", statement: "commit_ends", pieces: &[(" and ended.clears_inbox", " and false")], check: ENDING },
    Defect { name: "a failure takes the inbox along", statement: "commit_ends", pieces: &[(" and ended.clears_inbox", "")], check: ENDING },
    Defect { name: "a recovery leaves the claim", statement: "take_back", pieces: &[("claim = i.claim + 1, ", "")], check: HANDS },
    Defect { name: "a lost attempt does not count", statement: "take_back", pieces: &[("attempt = i.attempt + 1, ", "")], check: HANDS },
    Defect { name: "a recovery leaves no record", statement: "take_back", pieces: &[("step from lost", "step from lost where false")], check: HANDS },
    Defect { name: "a recovery locks nothing first", statement: "take_back", pieces: &[("for no key update skip locked", "")], check: LATE_COMMIT },
    Defect { name: "a release ignores the claim", statement: "release", pieces: &[(" and i.claim = e.claim", "")], check: RELEASE },
    Defect { name: "a release ignores the owner", statement: "release", pieces: &[(" and i.owner = $1", "")], check: TWO_OWNERS },
    Defect { name: "a claim does not hold its worker", statement: "claim", pieces: &[(" for key share", "")], check: UNWATCHED },
    Defect { name: "a claim does not ask whether its worker lives", statement: "claim", pieces: &[("where id = $1 and not dead", "where id = $1")], check: UNWATCHED },
    Defect { name: "a start does not hold its worker", statement: "start_plain", pieces: &[(" for key share", "")], check: UNWATCHED_START },
    Defect { name: "a start does not ask whether its worker lives", statement: "start_plain", pieces: &[("where id = $9 and not dead", "where id = $9")], check: UNWATCHED_START },
    Defect { name: "a stop waits for no start", statement: "retire_worker", pieces: &[(" for update", "")], check: CLEAN_STOP },
    Defect { name: "a delivery does not hold its worker", statement: "store_signal", pieces: &[(" for key share", "")], check: UNWATCHED_WAKE_UP },
    Defect { name: "a delivery does not ask whether its worker lives", statement: "store_signal", pieces: &[("where id = $8 and not dead", "where id = $8")], check: UNWATCHED_WAKE_UP },
    Defect { name: "a delivery takes whom it wakes for claimed", statement: "store_signal", pieces: &[(" where owner is not null", "")], check: UNWATCHED_WAKE_UP },
    Defect { name: "a delivery claims without a claim", statement: "store_signal", pieces: &[("claim = i.claim + case when live.id is null then 0 else 1 end,", "")], check: WOKEN_ONCE },
    Defect { name: "a declaration of death waits for no claim", statement: "lock_suspect", pieces: &[("\nfor update", "\nfor no key update")], check: UNWATCHED },
    Defect { name: "a declaration of death looks once", statement: "lock_suspect", pieces: &[(" and (expires_at", " or (expires_at")], check: BEATS },
    Defect { name: "a beat brings the dead back", statement: "beat", pieces: &[("where id = $1 and not dead", "where id = $1")], check: BEATS },
    Defect { name: "an earlier commit stands for a later one", statement: "committed_claims", pieces: &[(" and a.claim = e.claim", "")], check: AMBIGUOUS },
    Defect { name: "a stranger's commit stands for one's own", statement: "committed_claims", pieces: &[(" and a.worker = $1", "")], check: AMBIGUOUS },
    Defect { name: "a cancellation stands for a commit", statement: "committed_claims", pieces: &[("a.outcome < 6", "a.outcome <> 6")], check: AMBIGUOUS },
    Defect { name: "a cancelled instance keeps its key", statement: "cancel", pieces: &[("and k.holder = ended.id", "and false")], check: CANCELLATION },
    Defect { name: "a cancellation leaves no record", statement: "cancel", pieces: &[("'cancelled', $3 from ended\n)", "'cancelled', $3 from ended where false\n)")], check: CANCELLATION },
    Defect { name: "a paused chain runs on", statement: "commit_moves", pieces: &[
        ("when e.status = 1 and not i.held then 1", "when e.status = 1 then 1"),
        ("case when e.status = 1 and not i.held then i.owner end", "case when e.status = 1 then i.owner end"),
    ], check: PAUSE },
    Defect { name: "what is paused is claimed", statement: "claim", pieces: &[(" and not i.held", "")], check: PAUSE },
    Defect { name: "a loss is not counted", statement: "take_back", pieces: &[("losses = i.losses + 1, ", "")], check: SUSPECT },
    Defect { name: "a suspect is claimed among others", statement: "claim", pieces: &[(" and i.losses < 3", "")], check: SUSPECT },
    Defect { name: "a lone start is not counted", statement: "claim_suspect", pieces: &[("lone_starts = i.lone_starts + 1", "lone_starts = i.lone_starts")], check: SUSPECT },
    Defect { name: "a suspicion outlives an outcome", statement: "commit_moves", pieces: &[("    losses = 0,\n", "")], check: SUSPECT },
    Defect { name: "a join counts no end", statement: "commit_ends", pieces: &[("set pending = p.pending - n.ended,", "set pending = p.pending,")], check: JOIN },
    Defect { name: "an end leaves nothing for its parent", statement: "commit_ends", pieces: &[("where c.parent is not null and not exists", "where false and not exists")], check: JOIN },
    Defect { name: "a cancelled child is waited for", statement: "cancel", pieces: &[("where p.id = n.parent and p.round = n.round and p.pending > 0", "where false")], check: JOIN },
    Defect { name: "the first end wakes the parent", statement: "commit_ends", pieces: &[("status = case when p.status = 3 and p.pending - n.ended = 0 then 0", "status = case when p.status = 3 then 0")], check: JOIN_WAITS },
    Defect { name: "a stale outcome starts its children", statement: "lock_claimed", pieces: &[("i.owner, i.claim from", "(select min(id) from gd.worker) as owner, 5::bigint as claim from")], check: SPAWN },
    Defect { name: "who is put aside is not looked at again", statement: "promote", pieces: &[("i.status = 4 and not i.held", "i.status = 4 and i.held")], check: FREE_SLOT },
    Defect { name: "a look does not wait for who lets go", statement: "lock_holders", pieces: &[("\nfor share of e", "")], check: FREE_SLOT },
    Defect { name: "a slot that is let go of goes to nobody", statement: "hand_over", pieces: &[("i.status = 4 and not i.held", "i.status = 4 and i.held")], check: FREE_SLOT },
    Defect { name: "a claim needs no slot", statement: "claim", pieces: &[
        ("case when i.concurrency_key is null or i.slot is not null then 1 else 4 end", "1"),
        ("case when i.concurrency_key is null or i.slot is not null then $1::bigint end", "$1::bigint"),
    ], check: ONE_SLOT },
    Defect { name: "a cancellation keeps its slot to itself", statement: "cancel", pieces: &[("(select concurrency_key from ended where slot is not null)", "null::text")], check: CANCELLED_HOLDER },
    Defect { name: "an heir is not locked", statement: "hand_over", pieces: &[("for no key update skip locked", "")], check: TAKEN_OVER },
    Defect { name: "a slot is taken over under the claim of before", statement: "hand_over", pieces: &[("claim = i.claim + (i.rate_limit is null and i.queue_id = freed.queue_id and i.losses < 3)::int", "claim = i.claim")], check: TAKEN_OVER },
    Defect { name: "two recoveries take back the same", statement: "take_back", pieces: &[("for no key update skip locked", "")], check: TAKEN_BACK },
    Defect { name: "a later start takes the key", statement: "start", pieces: &[("on conflict do nothing", "on conflict (tenant_id, key) do update set holder = excluded.holder")], check: STEP_STARTS },
    Defect { name: "two hosts grant from one bucket", statement: "lock_buckets", pieces: &[("\nfor no key update of b skip locked", "")], check: BUCKET },
    Defect { name: "a grant is not charged", statement: "charge_buckets", pieces: &[("set level = u.level", "set level = b.level")], check: BUCKET },
    Defect { name: "a taken key stops nobody", statement: "start", pieces: &[
        ("where e.key is null or e.shared_key or e.id in (select holder from taken)", ""),
        ("case when e.key is null or e.shared_key or e.id in (select holder from taken) then e.id end", "e.id"),
    ], check: ONE_HOLDER },
    Defect { name: "a key is not freed", statement: "commit_ends", pieces: &[("and k.holder = ended.id", "and false")], check: FREE_KEY },
    Defect { name: "a key is freed that is to be kept", statement: "commit_ends", pieces: &[(" and k.keeps & ended.keep_bit = 0", "")], check: FREE_KEY },
    Defect { name: "a deduplication key is not asked for", statement: "store_signal", pieces: &[
        ("$4::text is not null and exists (select from gd.signal_dedup where target = $1 and dedup_key = $4)", "false"),
        ("where $4::text is not null and not seen.already and room.there", "where $4::text is not null and room.there on conflict do nothing"),
    ], check: REDELIVERY },
    Defect { name: "a deduplication key is not remembered", statement: "store_signal", pieces: &[("where $4::text is not null and not seen.already", "where false and not seen.already")], check: REDELIVERY },
    Defect { name: "a duplicate wakes", statement: "store_signal", pieces: &[("from stored left join live on true", "from (select 1) s left join live on true")], check: REDELIVERY },
    Defect { name: "a deadline overwrites what was woken before", statement: "wake_timeouts", pieces: &[("for no key update skip locked", "")], check: DEADLINE },
];

#[tokio::test(flavor = "multi_thread")]
async fn every_seeded_defect_is_seen_by_its_check_which_passes_without_it() {
    let (mut missed, mut table) = (Vec::new(), String::new());
    for defect in DEFECTS {
        whole(defect.check).await;
        let seen = with_defect(defect.check, &defect.rewrite()).await;
        // The order in which it was seen is for whoever runs the check by itself.
        let how = seen.map_err(|seen| seen.split(", after [").next().unwrap_or_default().to_owned());
        match how {
            Err(how) => {
                writeln!(table, "{} ({}.sql) -> {}: {how}", defect.name, defect.statement, defect.check).unwrap()
            }
            Ok(orders) => missed
                .push(format!("{} ({}.sql) passes {} in {orders} orders", defect.name, defect.statement, defect.check)),
        }
    }
    let score = format!("seeded defects: {} of {} caught", DEFECTS.len() - missed.len(), DEFECTS.len());
    println!("{score}\n{table}");
    std::fs::write(target().join("seeded-defects.txt"), format!("{score}\n{table}")).unwrap();
    assert!(missed.is_empty(), "{missed:#?}");
}

impl Defect {
    fn rewrite(&self) -> Rewrite {
        let pieces = self.pieces.iter().map(|(piece, with)| ((*piece).to_owned(), (*with).to_owned())).collect();
        Rewrite { marker: statement(self.statement).trim().to_owned(), pieces }
    }
}

/// The rows of the catalogue that speak of things at the same time, or of who comes too late, and the check that holds the statements to
/// each. A check that sees no defect shows nothing.
const RACES: &[(&str, &str)] = &[
    ("OUT-14", LATE_COMMIT),
    ("ERR-13", SUSPECT),
    ("SIG-05", LOST_WAKE_UP),
    ("SIG-08", HANDED),
    ("SIG-09", CONSUMED),
    ("SIG-16", REDELIVERY),
    ("SIG-17", REDELIVERY),
    ("SIG-18", ENDING),
    ("SIG-25", CONSUMED),
    ("TMO-05", DEADLINE),
    ("CHD-04", SPAWN),
    ("CHD-05", JOIN),
    ("CHD-06", JOIN),
    ("CHD-08", SPAWN),
    ("CHD-09", LATE_COMMIT),
    ("CHD-10", SPAWN),
    ("IDN-01", ONE_HOLDER),
    ("IDN-04", FREE_KEY),
    ("LSE-01", HANDS),
    ("LSE-05", LATE_COMMIT),
    ("LSE-09", BEATS),
    ("LSE-10", RELEASE),
    ("LSE-14", SUSPECT),
    ("CON-02", FREE_SLOT),
    ("CON-06", ONE_SLOT),
    ("GAT-01", FREE_SLOT),
    ("GAT-10", TAKEN_OVER),
    ("GAT-16", CANCELLED_HOLDER),
    ("RAT-21", BUCKET),
    ("RAT-22", BUCKET),
    ("INL-08", NEXT_OWNER),
    ("FLS-02", TWO_OWNERS),
    ("TOP-06", TAKEN_BACK),
];

#[test]
fn every_row_about_a_race_has_a_check_that_sees_a_defect() {
    let known = rows();
    for (row, check) in RACES {
        assert!(known.iter().any(|known| known.id == *row), "there is no row {row}");
        assert!(DEFECTS.iter().any(|defect| defect.check == *check), "{row}: no defect is seen by {check}");
    }
}
