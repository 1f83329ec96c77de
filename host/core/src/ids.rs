//! Identifiers: newtypes, so that an instance's id is never taken for a signal's.

use std::fmt;
use std::str::FromStr;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// One execution of a machine or job. Given by the database, never used again; an opaque string to callers.
    InstanceId(i64)
);
id!(
    /// Whose instance it is. Every name is scoped by it.
    TenantId(i32)
);
id!(
    /// One accepted signal, in the order of acceptance within its instance's inbox.
    SignalId(i64)
);
id!(
    /// One incarnation of a worker: fresh and random each time a host takes up work, so that a host that lost its
    /// lease can never be taken for the one that holds it now.
    WorkerId(i64)
);
id!(
    /// Goes up by one with every claim, commit, release and recovery of an instance. With the owner it is the fence of
    /// every write; it never goes back.
    Claim(i64)
);
id!(
    /// Goes up by one with every progress of an instance (next, await). All attempts of one visit share the
    /// idempotency key.
    Visit(i64)
);
id!(
    /// A deployed version of an FSM, counted from 1 per tenant and FSM.
    Version(i32)
);

impl Claim {
    /// The claim after the next write.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl FromStr for InstanceId {
    type Err = std::num::ParseIntError;

    /// An id that was never given out parses too: whether it exists is the database's to say.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}
