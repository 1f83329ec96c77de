//! The judgement: what the database holds in the end, against what the clients were told.

mod chain;
mod identities;
mod leftovers;
mod notebook;
mod promises;
mod relations;
mod rows;
mod signals;

use serde_json::Value;
use sqlx::PgPool;

use crate::ledger::Case;
use crate::story::{Made, Name, Spawn};
use crate::wal::Told;

use relations::Born;
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
    pub(crate) related: Related,
}

/// Instances that have to do with others, checked.
#[derive(Debug, Default)]
pub(crate) struct Related {
    /// Under a concurrency key from their start.
    pub(crate) keyed: u64,
    pub(crate) parents: u64,
    pub(crate) children: u64,
    /// Started by a step, beside it.
    pub(crate) beside: u64,
    /// Signals that a step sent, consumed.
    pub(crate) signals: u64,
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

/// Holds everything that has ended, page by page, to everything that was promised. The log has told what it was like on the way.
pub(crate) async fn check(pool: &PgPool, cases: &[Case], told: &Told) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    let mut born: Vec<Born> = cases.iter().map(|case| Born::of(&case.story)).collect();
    let cluster = rows::cluster(pool).await?;
    let mut after = 0;
    loop {
        let page = rows::read(pool, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.row.id;
        for instance in &page {
            findings.checked += 1;
            match enter(&mut born, &instance.state(), instance.row.id) {
                Some(name) => findings.hold(&cases[name.story], name, instance, &cluster),
                None => findings.add(instance, None, "nobody started it".to_owned()),
            }
        }
    }
    for (id, state) in rows::living(pool).await? {
        if enter(&mut born, &state, id).is_none() {
            findings.broken.push(Broken::new(format!("instance {id}: nobody started it")));
        }
    }
    let holders = rows::keys(pool).await?;
    for (case, born) in cases.iter().zip(&born) {
        let told = promises::of_starts(case, &born.own, &holders)
            .into_iter()
            .chain(signals::without_instance(case, &born.own))
            .chain(born.check(&case.story, told));
        findings
            .broken
            .extend(told.map(|told| Broken::new(format!("story {} ({}): {told}", case.story.number, case.story.kind))));
    }
    let ids: Vec<Vec<i64>> = born.into_iter().map(|born| born.own).collect();
    findings.broken.extend(leftovers::check(pool).await?.into_iter().map(Broken::new));
    findings.broken.extend(identities::check(pool, cases, &ids).await?.into_iter().map(Broken::new));
    Ok(findings)
}

/// Notes whose instance this is; nothing for one of nobody's.
fn enter(born: &mut [Born], state: &Value, id: i64) -> Option<Name> {
    let name = Name::of(state)?;
    born.get_mut(name.story)?.ids(name.spawn)?.push(id);
    Some(name)
}

/// Everything about the instance that a client started, and how many signals it consumed.
fn own(case: &Case, instance: &Instance, cluster: &str) -> (Vec<String>, u64) {
    let mut told = chain::check(&instance.row, &instance.history);
    told.extend(promises::of_end(case, instance));
    let (notebook, notes) = notebook::check(case.story.fsm, instance, cluster);
    told.extend(notebook);
    told.extend(relations::of_starter(&case.story, &notes));
    let (signals, consumed) = signals::check(&case.sent, instance, &notes);
    told.extend(signals);
    (told, consumed)
}

/// Everything about an instance that a step of the story started.
fn spawned(spawn: &Spawn, instance: &Instance, cluster: &str) -> (Vec<String>, u64) {
    let mut told = chain::check(&instance.row, &instance.history);
    told.extend(relations::of_spawn(spawn, instance));
    let (notebook, notes) = notebook::check("probe", instance, cluster);
    told.extend(notebook);
    let (signals, consumed) = signals::check(&relations::sent(spawn), instance, &notes);
    told.extend(signals);
    if consumed != spawn.tokens.len() as u64 {
        told.push(format!("it consumed {consumed} signals instead of {:?}", spawn.tokens));
    }
    (told, consumed)
}

impl Findings {
    /// Holds one instance to its story.
    fn hold(&mut self, case: &Case, name: Name, instance: &Instance, cluster: &str) {
        let told = match name.spawn.and_then(|place| case.story.spawns.get(place)) {
            None => {
                let (told, consumed) = own(case, instance, cluster);
                self.consumed += consumed;
                self.related.keyed += u64::from(case.story.concurrency_key.is_some());
                self.related.parents += u64::from(case.story.rounds() > 0);
                told
            }
            Some(spawn) => {
                let (told, consumed) = spawned(spawn, instance, cluster);
                self.related.signals += consumed;
                match spawn.made {
                    Made::Child { .. } => self.related.children += 1,
                    Made::Beside => self.related.beside += 1,
                }
                told
            }
        };
        told.into_iter().for_each(|told| self.add(instance, Some(case), told));
    }

    fn add(&mut self, instance: &Instance, case: Option<&Case>, told: String) {
        let what = format!("instance {}: {told}", instance.row.id);
        let full = self.broken.iter().filter(|broken| !broken.history.is_empty()).count() < TOLD_MAX;
        let history = if full { instance.tell(case) } else { vec![] };
        self.broken.push(Broken { what, history });
    }
}
