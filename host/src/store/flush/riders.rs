//! What rides with a commit: children, instances started and signals sent by a step. They happen if and only if it commits, once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use gd_core::{ChildStatus, Claim, EffectOutcome, EffectResult, ErrorInfo, InstanceId, Limits, Target, TenantId, Wake};
use sqlx::PgConnection;

use super::{Commit, Flushed};
use crate::store::places::Place;
use crate::store::rows::column;
use crate::store::start::{NewInstance, Started, insert};
use crate::store::{Error, NewSignal};

/// What rides with one commit.
#[derive(Clone, Debug, Default)]
pub struct Riders {
    /// In the order of the decision's children.
    pub children: Vec<NewInstance>,
    /// In the order of its effects.
    pub effects: Vec<Rider>,
}

/// One effect, ready to be carried out.
#[derive(Clone, Debug)]
pub enum Rider {
    /// Start this.
    Start(NewInstance),
    /// Send this.
    Signal(Target, NewSignal),
    /// It cannot be carried out, and this is why.
    Refused(ErrorInfo),
}

/// What came of the riders of one commit.
#[derive(Debug, Default)]
pub(super) struct Carried {
    /// Children that were started.
    pub(super) children: u32,
    /// In the order of the effects.
    pub(super) effects: Vec<EffectResult>,
}

/// Whom the signals of one flush are for, before anything is locked.
pub(super) struct Targets(HashMap<(i32, String), i64>, BTreeSet<i64>);

impl Riders {
    pub(super) fn is_empty(&self) -> bool {
        self.children.is_empty() && self.effects.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        let effects = self.effects.iter().map(|effect| match effect {
            Rider::Start(new) => new.state.len(),
            Rider::Signal(_, signal) => signal.payload.len(),
            Rider::Refused(_) => 0,
        });
        self.children.iter().map(|child| child.state.len()).sum::<usize>() + effects.sum::<usize>()
    }

    fn signals(&self) -> impl Iterator<Item = (usize, &Target, &NewSignal)> {
        self.effects.iter().enumerate().filter_map(|(index, effect)| match effect {
            Rider::Signal(target, signal) => Some((index, target, signal)),
            Rider::Start(_) | Rider::Refused(_) => None,
        })
    }
}

impl Targets {
    /// Looks keys up; what holds them now may have ended once it is locked.
    pub(super) async fn resolve(connection: &mut PgConnection, commits: &[&Commit]) -> Result<Self, Error> {
        let mut targets = Self(HashMap::new(), BTreeSet::new());
        let mut keys: BTreeMap<i32, BTreeSet<&str>> = BTreeMap::new();
        for commit in commits {
            for (_, target, _) in commit.riders.signals() {
                match target {
                    Target::Id(id) => targets.1.extend(id.parse::<InstanceId>().ok().map(|id| id.0)),
                    Target::Key(key) => drop(keys.entry(commit.tenant.0).or_default().insert(key)),
                }
            }
        }
        for (tenant, keys) in keys {
            let keys: Vec<&str> = keys.into_iter().collect();
            for (key, holder) in holders(connection, tenant, &keys).await? {
                targets.1.insert(holder);
                targets.0.insert((tenant, key), holder);
            }
        }
        Ok(targets)
    }

    /// Rows to lock.
    pub(super) fn ids(&self) -> impl Iterator<Item = i64> + '_ {
        self.1.iter().copied()
    }
}

async fn holders(connection: &mut PgConnection, tenant: i32, keys: &[&str]) -> Result<HashMap<String, i64>, Error> {
    let rows = sqlx::query_file!("src/store/sql/find_holders.sql", tenant, keys as _).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.key, row.holder)).collect())
}

/// One entry of the batch that a statement is sent for: which commit, and its place among the children or effects.
#[derive(Clone, Copy)]
struct Entry<'a> {
    commit: &'a Commit,
    place: usize,
    is_child: bool,
}

/// Carries out what rides with these commits, which nobody can take from this worker any more: first what is started, then what is
/// sent, so that a step may signal what it starts.
pub(super) async fn carry_out(
    connection: &mut PgConnection,
    commits: &[&Commit],
    targets: &Targets,
    limits: &Limits,
    flushed: &mut Flushed,
) -> Result<HashMap<(InstanceId, Claim), Carried>, Error> {
    let mut carried = HashMap::new();
    if commits.is_empty() {
        return Ok(carried);
    }
    for commit in commits {
        let refused = commit.riders.effects.iter().enumerate().map(|(index, effect)| EffectResult {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            outcome: match effect {
                Rider::Refused(error) => EffectOutcome::Refused(error.clone()),
                Rider::Start(_) | Rider::Signal(..) => EffectOutcome::NoTarget,
            },
        });
        carried.insert(commit.key(), Carried { children: 0, effects: refused.collect() });
    }
    let tenants: BTreeSet<i32> = commits.iter().map(|commit| commit.tenant.0).collect();
    for tenant in tenants {
        let own: Vec<&Commit> = commits.iter().filter(|commit| commit.tenant.0 == tenant).copied().collect();
        let started = start(connection, TenantId(tenant), &own, &mut carried, flushed).await?;
        send(connection, TenantId(tenant), &own, (targets, &started, limits), &mut carried, flushed).await?;
    }
    Ok(carried)
}

/// Starts children and others; says which instances are there by it.
async fn start(
    connection: &mut PgConnection,
    tenant: TenantId,
    commits: &[&Commit],
    carried: &mut HashMap<(InstanceId, Claim), Carried>,
    flushed: &mut Flushed,
) -> Result<HashSet<i64>, Error> {
    let (mut entries, mut new) = (Vec::new(), Vec::new());
    for commit in commits {
        for (place, child) in commit.riders.children.iter().enumerate() {
            entries.push(Entry { commit, place, is_child: true });
            new.push(child.clone());
        }
        for (place, effect) in commit.riders.effects.iter().enumerate() {
            if let Rider::Start(start) = effect {
                entries.push(Entry { commit, place, is_child: false });
                new.push(start.clone());
            }
        }
    }
    let mut there = HashSet::new();
    if new.is_empty() {
        return Ok(there);
    }
    let started = insert(connection, tenant, &new).await?;
    let mut duplicates = Vec::new();
    for ((entry, new), started) in entries.iter().zip(&new).zip(started) {
        let Some(carried) = carried.get_mut(&entry.commit.key()) else { continue };
        // Its key was taken and freed within this statement: the flush is made once more.
        let started = started.ok_or(Error::Raced)?;
        if let Started::New(id) = started {
            there.insert(id.0);
            flushed.woken.push(new.waits_at(tenant));
        }
        match (entry.is_child, started) {
            (true, Started::New(_)) => carried.children += 1,
            (true, Started::Duplicate(holder)) => duplicates.push((*entry, holder, new.fsm)),
            (false, Started::New(id)) => carried.effects[entry.place].outcome = EffectOutcome::Started(id),
            (false, Started::Duplicate(id)) => carried.effects[entry.place].outcome = EffectOutcome::Duplicate(id),
        }
    }
    record_duplicates(connection, &duplicates).await?;
    Ok(there)
}

async fn record_duplicates(
    connection: &mut PgConnection,
    duplicates: &[(Entry<'_>, InstanceId, i32)],
) -> Result<(), Error> {
    if duplicates.is_empty() {
        return Ok(());
    }
    let (mut parents, mut rounds, mut indexes, mut holders, mut fsms) = (vec![], vec![], vec![], vec![], vec![]);
    for (entry, holder, fsm) in duplicates {
        parents.push(entry.commit.id.0);
        rounds.push(column(entry.commit.round + 1));
        indexes.push(i32::try_from(entry.place).unwrap_or(i32::MAX));
        holders.push(holder.0);
        fsms.push(*fsm);
    }
    let status = vec![ChildStatus::Duplicate.code(); duplicates.len()];
    sqlx::query_file!("src/store/sql/record_duplicates.sql", &parents, &rounds, &indexes, &holders, &fsms, &status)
        .execute(connection)
        .await?;
    Ok(())
}

/// Sends the signals of these commits.
async fn send(
    connection: &mut PgConnection,
    tenant: TenantId,
    commits: &[&Commit],
    (targets, there, limits): (&Targets, &HashSet<i64>, &Limits),
    carried: &mut HashMap<(InstanceId, Claim), Carried>,
    flushed: &mut Flushed,
) -> Result<(), Error> {
    let mut sent = Vec::new();
    let keys: BTreeSet<&str> = commits
        .iter()
        .flat_map(|commit| commit.riders.signals())
        .filter_map(|(_, target, _)| if let Target::Key(key) = target { Some(key.as_str()) } else { None })
        .collect();
    let keys: Vec<&str> = keys.into_iter().collect();
    // Once more, now that everything is locked and what these commits start is there.
    let now = if keys.is_empty() { HashMap::new() } else { holders(connection, tenant.0, &keys).await? };
    for commit in commits {
        for (index, target, signal) in commit.riders.signals() {
            let id = match target {
                Target::Id(id) => id.parse::<InstanceId>().ok().map(|id| id.0),
                Target::Key(key) => now.get(key).copied(),
            };
            let Some(id) = id else { continue };
            if !targets.1.contains(&id) && !there.contains(&id) {
                return Err(Error::Raced);
            }
            sent.push((commit.key(), index, id, signal));
        }
    }
    if sent.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = sent.iter().map(|(_, _, id, _)| *id).collect();
    let names: Vec<&str> = sent.iter().map(|(.., signal)| signal.name.as_str()).collect();
    let payloads: Vec<&[u8]> = sent.iter().map(|(.., signal)| signal.payload.as_slice()).collect();
    let dedup: Vec<Option<&str>> = sent.iter().map(|(.., signal)| signal.dedup_key.as_deref()).collect();
    let rows = sqlx::query_file!(
        "src/store/sql/store_signals.sql",
        tenant.0,
        &ids,
        names.as_slice() as _,
        payloads.as_slice() as _,
        dedup.as_slice() as _,
        i64::try_from(limits.inbox_signals_max).unwrap_or(i64::MAX),
        i64::try_from(limits.inbox_bytes_max).unwrap_or(i64::MAX),
        Wake::Signal.code(),
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        let Some((key, index, ..)) = usize::try_from(row.place - 1).ok().and_then(|place| sent.get(place)) else {
            continue;
        };
        if row.woken {
            flushed.woken.push((Place::Lane(crate::store::rows::lane(row.tenant_id, row.queue_id, row.priority)), 0));
        }
        if let Some(result) = carried.get_mut(key).and_then(|carried| carried.effects.get_mut(*index)) {
            result.outcome = match row.stored || row.duplicate {
                true => EffectOutcome::Delivered,
                false => EffectOutcome::Refused(full(limits)),
            };
        }
    }
    Ok(())
}

fn full(limits: &Limits) -> ErrorInfo {
    ErrorInfo {
        kind: "refused".into(),
        message: format!(
            "the inbox has no room: it holds at most {} signals and {} bytes",
            limits.inbox_signals_max, limits.inbox_bytes_max
        ),
        code: Some("inbox-full".into()),
    }
}
