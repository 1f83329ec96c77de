//! Keeps so many instances alive, one client for each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::actor::Actor;
use crate::client::Client;
use crate::ledger::Ledger;
use crate::story::Story;
use gd_tests::Random;

/// Time between looks at how many live.
const LOOK: Duration = Duration::from_millis(100);
/// Stories that begin between two looks at most.
const BEGUN_MAX: usize = 40;

/// What the load needs.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) client: Client,
    pub(crate) pool: PgPool,
    pub(crate) random: Random,
    /// How many instances live.
    pub(crate) target: usize,
    /// As of the last look.
    pub(crate) live: Arc<AtomicUsize>,
}

impl Load {
    /// Begins stories until `enough`; returns when the last client has gone.
    pub(crate) async fn run(self, enough: CancellationToken, over: CancellationToken) {
        let mut clients = JoinSet::new();
        while !enough.is_cancelled() {
            let (live, starting) = (self.look().await, clients.len());
            // A client whose start is under way may have an instance that was not counted yet; most of them have one that was.
            let wanted = self.target.saturating_sub(live.max(starting)).min(BEGUN_MAX);
            for _ in 0..wanted {
                clients.spawn(self.begin(over.clone()).play());
            }
            while clients.try_join_next().is_some() {}
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = enough.cancelled() => {}
            }
        }
        while clients.join_next().await.is_some() {}
    }

    /// While the database is away nobody knows, and the last number stands.
    async fn look(&self) -> usize {
        let counting = sqlx::query_scalar("select count(*) from gd.instance").fetch_one(&self.pool);
        if let Ok(Ok(live)) = tokio::time::timeout(Duration::from_secs(2), counting).await {
            let live: i64 = live;
            self.live.store(usize::try_from(live).unwrap_or_default(), Ordering::Relaxed);
        }
        self.live.load(Ordering::Relaxed)
    }

    fn begin(&self, over: CancellationToken) -> Actor {
        let number = self.ledger.len();
        let mut random = self.random.stream(number as u64);
        let story = Story::tell(number, &mut random);
        self.ledger.enter(story.clone());
        Actor { story, ledger: self.ledger.clone(), client: self.client.clone(), random, over }
    }
}
