//! The conformance catalogue, row by row. Which test shows which row stands in `tests/conformance/README.md`.

mod aid;
mod catalogue;
mod children;
mod effects;
mod errors;
mod families;
mod flush;
mod identity;
mod inline;
mod jobs;
mod keys;
mod leases;
mod outcomes;
mod picking;
mod rates;
mod rows;
mod scheduling;
mod signals;
mod slots;
mod state;
mod telemetry;
mod timeouts;
mod validation;
mod waits;

use std::collections::BTreeSet;

use gd_tests::target;

pub(crate) use catalogue::rows;
use catalogue::{Shown, exists, list, named_by_row};

/// Rows of scope B and X that may be left out.
const NOT_TAKEN_MAX: usize = 5;

#[test]
fn every_row_of_the_catalogue_has_its_tests() {
    let (rows, mut list) = (rows(), list());
    let (mut taken, mut not_taken) = (0, Vec::new());
    let (mut tests, mut wrong) = (BTreeSet::new(), Vec::new());
    for row in &rows {
        match list.remove(&row.id) {
            Some(Shown::By(by)) => {
                taken += 1;
                wrong.extend(
                    by.iter().filter(|test| !exists(test)).map(|test| format!("{}: there is no {test}", row.id)),
                );
                tests.extend(by);
            }
            Some(Shown::NotTaken) if ['S', 'H'].contains(&row.scope) => wrong.push(format!("{} must be shown", row.id)),
            Some(Shown::NotTaken) => not_taken.push(&row.id),
            None => wrong.push(format!("{} is not in the list", row.id)),
        }
    }
    wrong.extend(list.keys().map(|id| format!("{id} is in the list and is no row")));
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(not_taken.len() <= NOT_TAKEN_MAX, "more than {NOT_TAKEN_MAX} rows are left out: {not_taken:?}");
    let line = format!("conformance: {taken} of {} rows, {} tests", rows.len(), tests.len());
    println!("{line}");
    std::fs::write(target().join("conformance.txt"), format!("{line}\n")).unwrap();
}

#[test]
fn every_test_that_is_named_by_a_row_is_in_the_list_for_it() {
    let list = list();
    let mut seen = 0;
    for (test, ids) in named_by_row() {
        for id in ids {
            let listed = matches!(list.get(&id), Some(Shown::By(by)) if by.contains(&test));
            assert!(listed, "{test} is not in the list for {id}");
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen} tests are named by a row");
}
