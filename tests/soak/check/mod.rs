//! The judgement: what the database holds in the end, against what the clients were told.

mod chain;
mod identities;
mod leftovers;
mod notebook;
mod promises;
mod rows;
mod signals;

use sqlx::PgPool;

use crate::ledger::Case;
use crate::story::number_of;

use rows::Instance;

/// Instances that are read at a time.
const PAGE: i64 = 1_000;
/// How many promises are told of in full.
const TOLD_MAX: usize = 20;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) broken: Vec<Broken>,
    pub(crate) consumed: u64,
    pub(crate) checked: u64,
}

/// A promise that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) what: String,
    /// The story and the history of the instance it is about.
    pub(crate) history: Vec<String>,
}

impl Broken {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), history: vec![] }
    }
}

/// Holds everything that has ended, page by page, to everything that was promised.
pub(crate) async fn check(pool: &PgPool, cases: &[Case]) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    let mut ids: Vec<Vec<i64>> = vec![Vec::new(); cases.len()];
    let cluster = rows::cluster(pool).await?;
    let mut after = 0;
    loop {
        let page = rows::read(pool, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.row.id;
        for instance in &page {
            findings.checked += 1;
            let number = number_of(&instance.state()).filter(|number| *number < cases.len());
            let Some(number) = number else {
                findings.add(instance, None, "nobody started it".to_owned());
                continue;
            };
            ids[number].push(instance.row.id);
            let (told, consumed) = one(&cases[number], instance, &cluster);
            findings.consumed += consumed;
            told.into_iter().for_each(|told| findings.add(instance, Some(&cases[number]), told));
        }
    }
    for (id, state) in rows::living(pool).await? {
        match number_of(&state).filter(|number| *number < cases.len()) {
            Some(number) => ids[number].push(id),
            None => findings.broken.push(Broken::new(format!("instance {id}: nobody started it"))),
        }
    }
    let holders = rows::keys(pool).await?;
    for (case, ids) in cases.iter().zip(&ids) {
        let told = promises::of_starts(case, ids, &holders).into_iter().chain(signals::without_instance(case, ids));
        findings
            .broken
            .extend(told.map(|told| Broken::new(format!("story {} ({}): {told}", case.story.number, case.story.kind))));
    }
    findings.broken.extend(leftovers::check(pool).await?.into_iter().map(Broken::new));
    findings.broken.extend(identities::check(pool, cases, &ids).await?.into_iter().map(Broken::new));
    Ok(findings)
}

/// Everything about one instance, and how many signals it consumed.
fn one(case: &Case, instance: &Instance, cluster: &str) -> (Vec<String>, u64) {
    let mut told = chain::check(&instance.row, &instance.history);
    told.extend(promises::of_end(case, instance));
    let (notebook, notes) = notebook::check(case, instance, cluster);
    told.extend(notebook);
    let (signals, consumed) = signals::check(case, instance, &notes);
    told.extend(signals);
    (told, consumed)
}

impl Findings {
    fn add(&mut self, instance: &Instance, case: Option<&Case>, told: String) {
        let what = format!("instance {}: {told}", instance.row.id);
        let full = self.broken.iter().filter(|broken| !broken.history.is_empty()).count() < TOLD_MAX;
        let history = if full { instance.tell(case) } else { vec![] };
        self.broken.push(Broken { what, history });
    }
}
