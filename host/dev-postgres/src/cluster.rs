//! The cluster: made on first use, adopted when it runs, started, stopped.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::account::Account;
use crate::home::{self, Home};
use crate::postmaster::{self, Postmaster, clear_leftovers};
use crate::{Binaries, Error};

/// The superuser of every private cluster; no password, the socket's folder is the guard.
pub(crate) const ROLE: &str = "gd";
/// Part of the socket's file name and nothing else: no port is ever opened.
pub(crate) const PORT: u16 = 5432;
/// A start that replays a long log is slow, but not slower than this.
const START_WAIT: Duration = Duration::from_secs(120);
/// How long a start is tried again while the processes of a killed postmaster still go away.
const LEFTOVERS_WAIT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);

/// What a cluster without further settings runs with: as safe as a real one, sized for a developer's machine.
const SETTINGS: &[(&str, &str)] = &[
    ("fsync", "on"),
    // The soak reads from the log in which order everything was committed. By the manual this makes the log larger above all where a
    // table has REPLICA IDENTITY FULL, and none of ours has.
    ("wal_level", "logical"),
    ("max_connections", "200"),
    ("shared_buffers", "256MB"),
    ("max_wal_size", "2GB"),
    ("timezone", "UTC"),
    ("log_line_prefix", "%m [%p] %d "),
];

/// Where a cluster is kept, and how it runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The caller's folder, made if missing (`.gd`): the cluster's files go to `postgres/` in it, or to `/var/tmp`
    /// with a pointer here when Postgres could not live in it.
    pub dir: PathBuf,
    /// Settings of `postgresql.conf` that replace or add to the defaults. A cluster that runs already keeps its own.
    pub settings: Vec<(String, String)>,
}

impl Options {
    /// A cluster in `dir` with the default settings.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), settings: Vec::new() }
    }

    /// Adds one setting.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// How a cluster goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Ends every connection and writes everything out; the next start has nothing to recover.
    Fast,
    /// Drops everything at once, like a crash; the next start recovers from the log.
    Immediate,
}

impl StopMode {
    fn signal(self) -> Signal {
        match self {
            Self::Fast => Signal::INT,
            Self::Immediate => Signal::QUIT,
        }
    }
}

/// What a cluster does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Accepts connections.
    Ready,
    /// Its processes live, but it does not accept connections (yet, or any more).
    Busy,
    /// No process.
    Stopped,
}

/// A private Postgres that belongs to a folder. Dropping this value leaves it running.
#[derive(Debug)]
pub struct Cluster {
    dir: PathBuf,
    home: Home,
    binaries: Binaries,
    /// The postmaster, if this process started it: reaped when it is stopped.
    child: Mutex<Option<Child>>,
    adopted: bool,
}

impl Cluster {
    /// Makes the cluster of `options.dir` if there is none, adopts it if it runs, else starts it, and returns once it
    /// accepts connections. Postgres itself is installed when it is missing and the caller may. Processes that do
    /// this at the same time wait for each other. `progress` is told before each long piece of work.
    ///
    /// # Errors
    /// See [`Error`]; a failed start carries the end of the server's log.
    pub fn start(options: &Options, progress: &mut dyn FnMut(&str)) -> Result<Self, Error> {
        let account = Account::choose()?;
        let (dir, _lock) = home::lock(&options.dir, progress)?;
        let home = Home::prepare(&dir, &account)?;
        let binaries = binaries_for(&home, progress)?;
        if !home.data().is_dir() {
            progress(&format!("making a Postgres {} cluster in {}", binaries.major(), home.data().display()));
            make(&home, &account, &binaries, options)?;
        }
        let launch = Launch { home: &home, account: &account, binaries: &binaries, options };
        let (child, adopted) = launch.bring_up(progress)?;
        Ok(Self { dir, home, binaries, child: Mutex::new(child), adopted })
    }

    /// The cluster of `dir` if it runs; nothing is made or started.
    ///
    /// # Errors
    /// Those of [`Binaries::find`], and unreadable folders.
    pub fn running(dir: &Path) -> Result<Option<Self>, Error> {
        let Ok(dir) = dir.canonicalize() else { return Ok(None) };
        let Some(home) = Home::existing(&dir)?.filter(|home| Postmaster::running(home).is_some()) else {
            return Ok(None);
        };
        let binaries = binaries_for(&home, &mut |_| ())?;
        Ok(Some(Self { dir, home, binaries, child: Mutex::new(None), adopted: true }))
    }

    /// Stops the cluster of `dir` at once if it runs, and deletes everything in it. Nothing happens when there is none.
    ///
    /// # Errors
    /// When it does not stop, or its files cannot be removed.
    pub fn destroy(dir: &Path) -> Result<(), Error> {
        if !dir.is_dir() {
            return Ok(());
        }
        let (dir, _lock) = home::lock(dir, &mut |_| ())?;
        let Some(home) = Home::existing(&dir)? else { return Ok(()) };
        postmaster::stop(&home, StopMode::Immediate.signal())?;
        home.erase(&dir)
    }

    /// Ends it and waits until it is gone; nothing happens when it does not run.
    ///
    /// # Errors
    /// [`Error::Stop`] when it takes longer than a minute.
    pub fn stop(&self, mode: StopMode) -> Result<(), Error> {
        let _lock = home::lock(&self.dir, &mut |_| ())?;
        postmaster::stop(&self.home, mode.signal())?;
        match self.child.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(mut ended) => ended.wait().map(drop).map_err(Error::io("wait for postgres on", self.home.data())),
            None => Ok(()),
        }
    }

    /// What it does now.
    #[must_use]
    pub fn status(&self) -> Status {
        match Postmaster::running(&self.home) {
            Some(postmaster) if postmaster.is_ready(&self.home) => Status::Ready,
            Some(_) => Status::Busy,
            None => Status::Stopped,
        }
    }

    /// The postmaster's process id while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        Postmaster::running(&self.home).map(|postmaster| postmaster.pid.as_raw_nonzero().get().unsigned_abs())
    }

    /// True when it ran already and this process only found it.
    #[must_use]
    pub fn was_adopted(&self) -> bool {
        self.adopted
    }

    /// The folder of its unix socket.
    #[must_use]
    pub fn socket_dir(&self) -> PathBuf {
        self.home.socket_dir()
    }

    /// Its data folder.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.home.data()
    }

    /// The file its messages go to.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.home.log()
    }

    /// The programs it runs on.
    #[must_use]
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }
}

/// The programs for the data that is there already, else the best ones.
fn binaries_for(home: &Home, progress: &mut dyn FnMut(&str)) -> Result<Binaries, Error> {
    let best = Binaries::find_or_install(progress)?;
    let text = fs::read_to_string(home.data().join("PG_VERSION")).unwrap_or_default();
    match text.trim().parse() {
        Ok(made_by) if made_by != best.major() => {
            let matching = Binaries::all()?.into_iter().find(|binaries| binaries.major() == made_by);
            matching.ok_or_else(|| Error::OtherVersion { data: home.data(), made_by })
        }
        Ok(_) | Err(_) => Ok(best),
    }
}

fn make(home: &Home, account: &Account, binaries: &Binaries, options: &Options) -> Result<(), Error> {
    let unfinished = home.unfinished_data();
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Error::io("remove", &unfinished))?;
    }
    account.make_private_dir(&unfinished)?;
    let mut command = account.command(binaries.program("initdb"));
    command.arg("-D").arg(&unfinished).args(["-U", ROLE, "--auth=trust", "--encoding=UTF8", "--locale=C"]);
    if options.settings.iter().any(|(name, value)| name == "fsync" && value == "off") {
        command.arg("--no-sync");
    }
    let output = command.output().map_err(Error::io("run", binaries.program("initdb")))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Program { program: "initdb", target: unfinished, message });
    }
    fs::rename(&unfinished, home.data()).map_err(Error::io("rename", &unfinished))
}

/// One start of a cluster that is made already.
struct Launch<'a> {
    home: &'a Home,
    account: &'a Account,
    binaries: &'a Binaries,
    options: &'a Options,
}

impl Launch<'_> {
    /// Until it is ready: waits for a postmaster that lives, starts one when none does. True: it ran already.
    fn bring_up(&self, progress: &mut dyn FnMut(&str)) -> Result<(Option<Child>, bool), Error> {
        let begun = Instant::now();
        let mut child: Option<Child> = None;
        let mut log_from = 0;
        while begun.elapsed() < START_WAIT {
            match (Postmaster::running(self.home), &mut child) {
                (Some(postmaster), _) if postmaster.is_ready(self.home) => {
                    let adopted = child.is_none();
                    return Ok((child, adopted));
                }
                (Some(_), _) => {}
                (None, Some(started)) => {
                    let gone = started.try_wait().map_err(Error::io("wait for postgres on", self.home.data()))?;
                    if gone.is_some() {
                        child = None;
                        self.may_try_again(log_from, begun)?;
                    }
                }
                (None, None) => {
                    progress("starting Postgres");
                    clear_leftovers(self.home)?;
                    log_from = fs::metadata(self.home.log()).map_or(0, |found| found.len());
                    child = Some(self.spawn()?);
                }
            }
            thread::sleep(POLL);
        }
        Err(self.failed(log_from))
    }

    /// Only a start that met the last processes of a killed postmaster is worth another try.
    fn may_try_again(&self, log_from: u64, begun: Instant) -> Result<(), Error> {
        let said = self.log_since(log_from);
        let met_leftovers = said.contains("is still in use") || said.contains("lock file");
        if met_leftovers && begun.elapsed() < LEFTOVERS_WAIT { Ok(()) } else { Err(self.failed(log_from)) }
    }

    fn spawn(&self) -> Result<Child, Error> {
        let program = self.binaries.program("postgres");
        let log = self.home.open_log(self.account)?;
        let errors = log.try_clone().map_err(Error::io("open", self.home.log()))?;
        let mut command = self.account.command(&program);
        command.arg("-D").arg(self.home.data());
        let defaults = SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        for (name, value) in defaults.chain(self.options.settings.iter().cloned()).chain(self.guard()) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        // A process group of its own: what kills the caller (^C, a supervisor) does not reach it.
        command.process_group(0).stdin(Stdio::null()).stdout(log).stderr(errors);
        command.spawn().map_err(Error::io("run", program))
    }

    /// Last, so that no setting of the caller opens the cluster to others.
    fn guard(&self) -> [(String, String); 4] {
        [
            ("listen_addresses".to_owned(), String::new()),
            ("unix_socket_directories".to_owned(), format!("\"{}\"", self.home.socket_dir().display())),
            ("unix_socket_permissions".to_owned(), "0700".to_owned()),
            ("port".to_owned(), PORT.to_string()),
        ]
    }

    fn log_since(&self, from: u64) -> String {
        let bytes = fs::read(self.home.log()).unwrap_or_default();
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
        String::from_utf8_lossy(&bytes[from..]).into_owned()
    }

    fn failed(&self, log_from: u64) -> Error {
        let said = self.log_since(log_from);
        let lines: Vec<&str> = said.lines().collect();
        let message = match lines.as_slice() {
            [] => "it said nothing".to_owned(),
            lines => lines[lines.len().saturating_sub(5)..].join("; "),
        };
        Error::Start { data: self.home.data(), log: self.home.log(), message }
    }
}
