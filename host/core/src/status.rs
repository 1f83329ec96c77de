//! Where an instance is, what woke it, and how an attempt ended: the words and their numbers in the database.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $code:literal $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$case_doc])* $case = $code,)+
        }

        impl $name {
            /// Every case, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$case),+];

            /// The number that stands in the database.
            pub fn code(self) -> i16 {
                self as i16
            }

            /// The word that callers see.
            pub fn word(self) -> &'static str {
                match self { $(Self::$case => $word),+ }
            }

            /// The case of a number read from the database; `None` for one that this build does not know.
            pub fn from_code(code: i16) -> Option<Self> {
                match code { $($code => Some(Self::$case),)+ _ => None }
            }

            /// The case of a word given by a caller.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$case),)+ _ => None }
            }
        }
    };
}

words!(
    /// Where an instance stands. The numbers are part of the schema: index predicates name them.
    Status {
        /// Waits for a worker, or for its `eligible_at`.
        Runnable = 0 "runnable",
        /// A worker holds it.
        Executing = 1 "executing",
        /// Parked until one of the awaited names arrives or the deadline passes.
        AwaitingSignal = 2 "awaiting_signal",
        /// Parked until its last child ends.
        AwaitingChildren = 3 "awaiting_children",
        /// Ended with a result.
        Done = 10 "done",
        /// Ended by `stop` or by a failure.
        Failed = 11 "failed",
        /// Ended by an operator.
        Cancelled = 12 "cancelled",
    }
);

impl Status {
    /// In the database: runnable once it has a slot of its concurrency key. Callers see `Runnable`.
    pub const WANTS_SLOT: i16 = 4;
    /// In the database: runnable once it has its tokens. Callers see `Runnable`.
    pub const WANTS_TOKENS: i16 = 5;

    /// Whether nothing but an operator changes it any more.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Done | Self::Failed | Self::Cancelled => true,
            Self::Runnable | Self::Executing | Self::AwaitingSignal | Self::AwaitingChildren => false,
        }
    }

    /// Whether a caller who waits for "settled" has what it waits for: ended, or parked until somebody acts.
    pub fn is_settled(self) -> bool {
        self.is_terminal() || self == Self::AwaitingSignal
    }
}

words!(
    /// Why the attempt that runs now was started.
    Wake {
        /// The first step of the instance.
        Start = 0 "start",
        /// The step before it went on.
        Next = 1 "next",
        /// The step asked for another try, or failed and is tried again.
        Retry = 2 "retry",
        /// An awaited signal arrived.
        Signal = 3 "signal",
        /// The await's deadline passed.
        Timeout = 4 "timeout",
        /// The last child ended.
        Join = 5 "join",
        /// The worker of the attempt before died.
        Recovered = 6 "recovered",
        /// An operator let it go on.
        Resumed = 7 "resumed",
    }
);

words!(
    /// How one attempt ended, as the history tells it.
    AttemptOutcome {
        /// Went on to another step.
        Next = 0 "next",
        /// Asked for another try.
        Retry = 1 "retry",
        /// Parked for a signal.
        Await = 2 "await",
        /// Ended with a result.
        Done = 3 "done",
        /// Ended by its own will without a result.
        Stop = 4 "stop",
        /// The host saw it fail; the kind says how.
        Fault = 5 "fault",
        /// Its worker died before the commit; written by recovery.
        Recovered = 6 "recovered",
        /// An operator ended the instance before it could commit.
        Cancelled = 7 "cancelled",
        /// Started children and parked until they end.
        ScheduleChildren = 8 "schedule_children",
    }
);
