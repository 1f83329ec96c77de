//! Moving running instances over to a new version without a migration: for code that is being written.

use std::collections::BTreeSet;

use gd_core::{TenantId, Version};

use super::{Error, Host};
use crate::registry::DescriptorDoc;
use crate::store::{Adopt, VersionRow};

/// Instances that one statement moves at most. Chosen: a fraction of a second, in which their locks hold up nobody for long.
const ROWS_MAX: usize = 1_000;

/// What became of the instances on other versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Instances that were moved.
    pub moved: u64,
    /// Instances that could be moved but execute just now: to be asked for again.
    pub busy: u64,
    /// Instances that stay where they are, by version.
    pub stay: Vec<Stay>,
}

/// Instances that the new version cannot take over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Where they stay.
    pub version: Version,
    /// How many.
    pub instances: u64,
    /// Why.
    pub because: Because,
}

/// Why instances cannot be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// Their state is of another state version: theirs, and the new one's.
    StateVersion(u32, u32),
    /// They stand at a step that the new version does not have.
    Step(String),
}

impl Host {
    /// Moves live instances of an FSM to one of its versions: those on versions with the same state version, at steps that it has. Their
    /// faults are forgotten, and who waits for its next try is due at once. What executes is left for the next call.
    ///
    /// # Errors
    /// [`Error::UnknownFsm`], [`Error::UnknownVersion`]; else when the database fails.
    pub async fn adopt(&self, tenant: TenantId, fsm: &str, version: Version) -> Result<Adopted, Error> {
        let unknown = || Error::UnknownFsm(fsm.to_owned());
        let route = self.0.store.find_route(tenant, fsm, Some(version.0)).await?.ok_or_else(unknown)?;
        let before = Versions::read(&self.versions(tenant, fsm).await?, version)
            .ok_or_else(|| Error::UnknownVersion { fsm: fsm.to_owned(), version: version.0 })?;
        let steps: Vec<String> = before.steps.iter().cloned().collect();
        let from = before.readable();
        let adopt = Adopt { tenant, fsm: route.fsm, version, from: &from, steps: &steps, rows_max: ROWS_MAX as i64 };
        let mut moved = 0;
        loop {
            let lanes = self.0.store.adopt_version(&adopt).await?;
            moved += lanes.len() as u64;
            let more = lanes.len() == ROWS_MAX;
            lanes.into_iter().collect::<BTreeSet<_>>().into_iter().for_each(|lane| self.0.engine.wake(lane));
            if !more {
                break;
            }
        }
        let after = Versions::read(&self.versions(tenant, fsm).await?, version).unwrap_or(before);
        Ok(Adopted { moved, ..after.left() })
    }
}

/// The versions of an FSM, seen from the one that takes over.
struct Versions {
    state_version: u32,
    steps: BTreeSet<String>,
    others: Vec<Other>,
}

struct Other {
    version: i32,
    state_version: u32,
    /// Live instances by step.
    live: Vec<(String, u64)>,
}

impl Versions {
    /// `None` when `version` is not among them. A descriptor that cannot be read is of a version that nothing is moved from.
    fn read(rows: &[VersionRow], version: Version) -> Option<Self> {
        let (mut target, mut others) = (None, Vec::new());
        for row in rows {
            let Ok(descriptor) = serde_json::from_value::<DescriptorDoc>(row.descriptor.clone()) else { continue };
            if row.version == version.0 {
                target = Some(descriptor);
            } else {
                let live = row.steps.as_object().into_iter().flatten();
                let live = live.map(|(step, live)| (step.clone(), live.as_u64().unwrap_or(0))).collect();
                others.push(Other { version: row.version, state_version: descriptor.state_version, live });
            }
        }
        let target = target?;
        let steps = target.steps.into_iter().map(|step| step.name).collect();
        Some(Self { state_version: target.state_version, steps, others })
    }

    /// Versions whose state the new one reads.
    fn readable(&self) -> Vec<i32> {
        let readable = self.others.iter().filter(|other| other.state_version == self.state_version);
        readable.map(|other| other.version).collect()
    }

    /// What is left on other versions, once everything was moved that could be.
    fn left(&self) -> Adopted {
        let mut left = Adopted::default();
        for other in &self.others {
            let mut stay = |instances: u64, because: Because| {
                if instances > 0 {
                    left.stay.push(Stay { version: Version(other.version), instances, because });
                }
            };
            if other.state_version != self.state_version {
                let all = other.live.iter().map(|(_, live)| live).sum();
                stay(all, Because::StateVersion(other.state_version, self.state_version));
                continue;
            }
            for (step, live) in &other.live {
                if self.steps.contains(step) { left.busy += live } else { stay(*live, Because::Step(step.clone())) }
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(others: Vec<Other>) -> Versions {
        Versions { state_version: 2, steps: ["greet", "hear"].map(str::to_owned).into(), others }
    }

    fn other(version: i32, state_version: u32, live: &[(&str, u64)]) -> Other {
        Other { version, state_version, live: live.iter().map(|(step, live)| ((*step).to_owned(), *live)).collect() }
    }

    #[test]
    fn only_versions_with_the_same_state_are_taken_over() {
        let versions = versions(vec![other(1, 1, &[("greet", 5)]), other(2, 2, &[]), other(4, 2, &[])]);
        assert_eq!(versions.readable(), [2, 4]);
    }

    #[test]
    fn what_is_left_either_executes_or_has_a_reason_to_stay() {
        let versions = versions(vec![
            other(1, 1, &[("greet", 5), ("gone", 1)]),
            other(2, 2, &[("greet", 1), ("hear", 2), ("gone", 3)]),
            other(3, 1, &[]),
        ]);
        let stay = |version, instances, because| Stay { version: Version(version), instances, because };
        let expected = Adopted {
            moved: 0,
            busy: 3,
            stay: vec![stay(1, 6, Because::StateVersion(1, 2)), stay(2, 3, Because::Step("gone".into()))],
        };
        assert_eq!(versions.left(), expected);
    }
}
