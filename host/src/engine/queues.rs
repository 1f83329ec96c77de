//! Which queues a host runs, and how many steps of each at once; written `a:10,b:5`, `all` or `none`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use gd_core::{InvalidName, valid_name};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

/// What a host runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Queues {
    /// Every queue, with [`EngineConfig::concurrency`](super::EngineConfig) steps at once over all of them.
    #[default]
    All,
    /// These alone, each with a number of its own.
    Only(Served),
    /// Nothing: instances are started, signalled and read here, and run elsewhere.
    None,
}

/// Steps at once per queue: valid names, at least one queue, at least one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served(BTreeMap<String, u32>);

impl Served {
    /// Names and steps at once.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.0.iter().map(|(name, steps)| (name.as_str(), *steps))
    }
}

/// Why a choice of queues is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQueues {
    /// Neither a word nor a list.
    #[error("{0:?} says nothing about queues; write NAME:STEPS, such as mail:10,billing:5, or all, or none")]
    Unknown(String),
    /// Not a number of steps.
    #[error("queue {0:?} needs a number of steps that run at once, at least 1, such as mail:10")]
    Steps(String),
    /// A name that no queue can have.
    #[error("{name:?} is not the name of a queue: {reason}")]
    Name {
        /// The name.
        name: String,
        /// The rule that it breaks.
        reason: InvalidName,
    },
    /// Named before.
    #[error("queue {0:?} is named twice; give it one number of steps")]
    Twice(String),
}

impl Queues {
    /// These queues alone, each with so many steps at once; [`Queues::None`] when there are none.
    ///
    /// # Errors
    /// Says which name or number is wrong.
    pub fn only<N: Into<String>>(queues: impl IntoIterator<Item = (N, u32)>) -> Result<Self, InvalidQueues> {
        let mut served = BTreeMap::new();
        for (name, steps) in queues {
            let name = name.into();
            if let Err(reason) = valid_name(&name) {
                return Err(InvalidQueues::Name { name, reason });
            }
            if steps == 0 {
                return Err(InvalidQueues::Steps(name));
            }
            if served.insert(name.clone(), steps).is_some() {
                return Err(InvalidQueues::Twice(name));
            }
        }
        Ok(if served.is_empty() { Self::None } else { Self::Only(Served(served)) })
    }
}

impl FromStr for Queues {
    type Err = InvalidQueues;

    /// The name is what stands before the last colon; one with a comma in it cannot be written so.
    fn from_str(text: &str) -> Result<Self, InvalidQueues> {
        match text {
            "all" => return Ok(Self::All),
            "none" | "" => return Ok(Self::None),
            _ => {}
        }
        let entry = |entry: &str| {
            let (name, steps) = entry.rsplit_once(':').ok_or_else(|| InvalidQueues::Unknown(entry.to_owned()))?;
            let steps = steps.parse().map_err(|_| InvalidQueues::Steps(name.to_owned()))?;
            Ok((name.to_owned(), steps))
        };
        Self::only(text.split(',').map(entry).collect::<Result<Vec<_>, _>>()?)
    }
}

impl fmt::Display for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::None => f.write_str("none"),
            Self::Only(served) => {
                let each: Vec<String> = served.iter().map(|(name, steps)| format!("{name}:{steps}")).collect();
                f.write_str(&each.join(","))
            }
        }
    }
}

/// In a file also as a table of names and numbers.
impl<'de> Deserialize<'de> for Queues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrTable;
        impl<'de> Visitor<'de> for TextOrTable {
            type Value = Queues;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("all, none, a list such as \"mail:10,billing:5\", or a table of names and numbers of steps")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Queues, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_map<M: MapAccess<'de>>(self, mut table: M) -> Result<Queues, M::Error> {
                let mut queues = Vec::new();
                while let Some(entry) = table.next_entry::<String, u32>()? {
                    queues.push(entry);
                }
                Queues::only(queues).map_err(M::Error::custom)
            }
        }
        deserializer.deserialize_any(TextOrTable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_of_queues_reads_back_as_it_was_written() {
        for text in ["all", "none", "mail:10", "billing:5,mail:10", "a:b:1"] {
            assert_eq!(text.parse::<Queues>().unwrap().to_string(), text);
        }
        assert_eq!("".parse(), Ok(Queues::None));
    }

    #[test]
    fn a_choice_that_makes_no_sense_is_refused_with_what_is_wrong() {
        for (text, part) in [
            ("mail", "NAME:STEPS"),
            ("mail:10,", "NAME:STEPS"),
            ("mail:0", "at least 1"),
            ("mail:ten", "at least 1"),
            ("mail:-1", "at least 1"),
            (":3", "it is empty"),
            ("a\tb:3", "control character"),
            ("mail:1,mail:2", "twice"),
        ] {
            let refused = text.parse::<Queues>().unwrap_err().to_string();
            assert!(refused.contains(part), "{text}: {refused}");
        }
    }
}
