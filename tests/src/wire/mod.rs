//! A wire between a host and its Postgres that sees where messages begin and end, and can be told to misbehave.
//!
//! ```text
//! let wire = Wire::to(database.url()).await;       // the server is reached over its unix socket
//! let host = TestHost::through(&wire, database, |_, _| ()).await;   // or HostProcess::serve(wire.url(), &[])
//! let cut = wire.cut(CutAt::AfterCommit, Some("lock_claimed"), 3);  // of the 4th flush from now on
//! cut.done().await;
//! wire.sever();                                    // every connection, and none is taken
//! wire.heal();
//! ```

mod gate;
mod message;
mod rules;
mod session;
mod statements;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

pub use gate::{Bell, Gate, Stand};
pub use rules::{CutAt, CutDone, Rewrite};
pub use statements::statement;

use gate::GateState;
use rules::{Cut, Rules};
use session::Session;

/// A proxy on a port of its own. Its connections end with it. A problem of the wire itself (see [`Wire::problems`]) makes the drop
/// panic, so that no test passes by a mistake in its own set-up.
#[derive(Debug)]
pub struct Wire {
    shared: Arc<Shared>,
    url: String,
    accepting: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    /// The server's socket.
    upstream: PathBuf,
    rules: Mutex<Rules>,
    gate: Mutex<Option<Arc<GateState>>>,
    severed: watch::Sender<bool>,
    problems: Mutex<Vec<String>>,
    rewritten: AtomicU64,
    sent: Mutex<HashMap<String, u64>>,
    connections: AtomicUsize,
}

impl Wire {
    /// A wire to the database of this URL, which names a unix socket.
    pub async fn to(database_url: &str) -> Self {
        let server = PgConnectOptions::from_str(database_url).expect("the URL of a test's database is one");
        let folder = server.get_socket().unwrap_or_else(|| panic!("{database_url} names no unix socket"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it was bound").port();
        let database = server.get_database().expect("a test's database has a name");
        let url = format!("postgres://{}@127.0.0.1:{port}/{database}", server.get_username());
        let shared = Arc::new(Shared {
            upstream: folder.join(format!(".s.PGSQL.{}", server.get_port())),
            rules: Mutex::default(),
            gate: Mutex::default(),
            severed: watch::Sender::new(false),
            problems: Mutex::default(),
            rewritten: AtomicU64::new(0),
            sent: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn(accept(shared.clone(), listener)).abort_handle();
        Self { shared, url, accepting }
    }

    /// The database over this wire.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on, statements that are prepared or sent as simple queries and contain the marker have another text. Connections that have prepared
    /// them already keep what they have.
    pub fn rewrite(&self, rewrite: Rewrite) {
        self.shared.rules(|rules| rules.rewrites.push(rewrite));
    }

    /// How many statements were rewritten so far.
    pub fn rewritten(&self) -> u64 {
        self.shared.rewritten.load(Ordering::SeqCst)
    }

    /// How often a statement (by the name of its file) was sent to be carried out.
    pub fn sent(&self, statement: &str) -> u64 {
        self.shared.sent(|sent| sent.get(statement).copied().unwrap_or(0))
    }

    /// Cuts the connection on which the next transaction ends that contains the statement `of` (the name of its file; `None` for
    /// any), after `pass` such transactions that end well. A statement outside of a transaction is one.
    pub fn cut(&self, at: CutAt, of: Option<&'static str>, pass: u32) -> CutDone {
        let done = CutDone::default();
        self.shared.rules(|rules| rules.cuts.push(Cut { at, of, pass, done: done.clone() }));
        done
    }

    /// Every request waits for this long before it goes to the server.
    pub fn delay(&self, each: Duration) {
        self.shared.rules(|rules| rules.delay = each);
    }

    /// Cuts every connection at once, whatever is under way, and takes no new ones.
    pub fn sever(&self) {
        self.shared.severed.send_replace(true);
    }

    /// Takes connections again.
    pub fn heal(&self) {
        self.shared.severed.send_replace(false);
    }

    /// Cuts every connection at once; new ones are taken.
    pub fn drop_connections(&self) {
        self.sever();
        self.heal();
    }

    /// Connections that stand.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Holds every request from now on, of every connection, until the gate lets it go or is dropped.
    pub fn gate(&self, bell: &Bell) -> Gate {
        let state = GateState::new(bell.clone());
        let before = self.shared.gate.lock().unwrap_or_else(PoisonError::into_inner).replace(state.clone());
        assert!(before.is_none(), "a wire has one gate at a time");
        Gate { shared: self.shared.clone(), state }
    }

    /// What was wrong with what the wire was told to do: a piece that is not in its statement, a rewritten statement that the server
    /// refuses. Whoever asks has it from then on; the drop of the wire is silent about it.
    pub fn problems(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.problems.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
        let problems = self.problems();
        assert!(problems.is_empty() || std::thread::panicking(), "the wire: {problems:#?}");
    }
}

impl Shared {
    fn rules<R>(&self, act: impl FnOnce(&mut Rules) -> R) -> R {
        act(&mut self.rules.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn sent<R>(&self, act: impl FnOnce(&mut HashMap<String, u64>) -> R) -> R {
        act(&mut self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn gate(&self) -> Option<Arc<GateState>> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn open_gate(&self) {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn problem(&self, problem: String) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(problem);
    }

    /// The other text of a statement, if it is to have one.
    fn rewritten(&self, text: &str) -> Option<String> {
        let rewritten = self.rules(|rules| rules.rewrites.iter().find_map(|rewrite| rewrite.of(text)))?;
        self.rewritten.fetch_add(1, Ordering::SeqCst);
        rewritten.map_err(|problem| self.problem(problem)).ok()
    }
}

/// Takes connections until it is aborted, and ends them then.
async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                if !*shared.severed.borrow() {
                    sessions.spawn(serve(shared.clone(), client));
                }
            }
            Some(_) = sessions.join_next() => {}
        }
    }
}

/// One connection until its end; how it ended is of no interest.
async fn serve(shared: Arc<Shared>, client: TcpStream) {
    let mut severed = shared.severed.subscribe();
    shared.connections.fetch_add(1, Ordering::SeqCst);
    let session = async {
        let mut session = Session::begin(shared.clone(), client).await?;
        session.run().await
    };
    let ended: io::Result<()> = tokio::select! {
        ended = session => ended,
        _ = severed.changed() => Ok(()),
    };
    drop(ended);
    shared.connections.fetch_sub(1, Ordering::SeqCst);
}
