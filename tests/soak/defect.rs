//! Known mistakes, put into the hosts' statements on their way to the server: proof that the checks would see them.

use clap::ValueEnum;
use gd_tests::wire::{Rewrite, Wire, statement};

/// A mistake. All are taken from the list of those that engines like this one were found to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Defect {
    /// A commit does not look whose the instance is: a worker that was declared dead still commits.
    NoFence,
    /// A park does not look at what arrived while its step ran.
    BlindPark,
    /// A delivery does not wake.
    SilentDelivery,
    /// Progress consumes nothing.
    NothingConsumed,
    /// Progress takes the whole inbox along.
    InboxConsumed,
    /// A deduplication key is not looked at.
    NoDedup,
    /// A correlation key is freed by nobody's end.
    KeyLeak,
    /// A key that is waited for is given one slot more than it has.
    OneTooMany,
    /// Tokens are granted, and the bucket stays as full as it was.
    FreeTokens,
    /// Who draws tries again without paying again.
    FreeRetry,
    /// A parent is woken by its first child.
    EarlyJoin,
    /// What a step sends is stored twice.
    DoubleEffect,
}

impl Defect {
    /// Breaks what goes over this wire from now on.
    pub(crate) fn put_into(self, wire: &Wire) {
        let (file, pieces) = self.change();
        // The first line of a statement's file is in no other statement.
        let marker = statement(file).lines().next().unwrap_or_default().to_owned();
        let pieces = pieces.iter().map(|(piece, with)| ((*piece).to_owned(), (*with).to_owned())).collect();
        wire.rewrite(Rewrite { marker, pieces });
    }

    /// The statement, and what stands in the place of its pieces.
    fn change(self) -> (&'static str, &'static [(&'static str, &'static str)]) {
        match self {
            Self::NoFence => (
                "commit_plain",
                &[(
                    "where i.id between e.id and e.id and i.claim = e.claim and i.owner = $1",
                    "where i.id between e.id and e.id and i.status = 1 and $1::bigint is not null",
                )],
            ),
            Self::BlindPark => ("commit_moves", &[("s.name = any(e.awaits) and s.id <> all(e.handed)", "false")]),
            Self::SilentDelivery => {
                ("store_signal", &[("and i.status = 2 and $2 = any(i.awaits)", "and i.status = 7")])
            }
            Self::NothingConsumed => ("consume_signals", &[("and s.id = consumed.id", "and s.id = -consumed.id")]),
            Self::InboxConsumed => ("consume_signals", &[("and s.id = consumed.id", "and consumed.id > 0")]),
            Self::NoDedup => (
                "store_signal",
                &[
                    ("where target = $1 and dedup_key = $4", "where target = -$1 and dedup_key = $4"),
                    ("not seen.already and room.there\n),\nstored", "room.there on conflict do nothing\n),\nstored"),
                ],
            ),
            Self::KeyLeak => ("commit_ends", &[("and k.holder = ended.id", "and k.holder = -ended.id")]),
            // The index that referees slots sees another number, and lets it pass.
            Self::OneTooMany => (
                "promote",
                &[
                    ("k.slots - held.slots as room", "k.slots + 1 - held.slots as room"),
                    ("generate_series(0, k.slots - 1)", "generate_series(0, k.slots)"),
                    ("where held.slots < k.slots", "where held.slots <= k.slots"),
                ],
            ),
            Self::FreeTokens => {
                ("charge_buckets", &[("set level = u.level", "set level = greatest(b.level, u.level)")])
            }
            Self::FreeRetry => (
                "commit_moves",
                &[("when e.draws = 2 or (e.draws = 1 and i.rate_limit is not null) then 5", "when e.draws = 2 then 5")],
            ),
            Self::EarlyJoin => (
                "commit_ends",
                &[(
                    "status = case when p.status = 3 and p.pending - n.ended = 0 then 0",
                    "status = case when p.status = 3 then 0",
                )],
            ),
            Self::DoubleEffect => (
                "store_signals",
                &[(
                    "select target, name, payload from fits order by place",
                    "select target, name, payload from fits, generate_series(1, 2)",
                )],
            ),
        }
    }
}
