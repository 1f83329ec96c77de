//! Where a cluster's files are: in the caller's folder, or, if Postgres could not live there, in `/var/tmp`.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::account::Account;
use crate::{Error, postmaster};

/// Bytes that a socket's path may have: 107 on Linux, 103 on macOS.
const SOCKET_PATH_BYTES_MAX: usize = 103;
/// How long to wait for another process that starts or stops the same cluster. Longer than either takes.
const LOCK_WAIT: Duration = Duration::from_secs(150);
/// A log above this size is put aside at the next start.
const LOG_BYTES_MAX: u64 = 16 << 20;

/// The folder of one cluster's files: `data`, `socket`, `postgres.log`.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    root: PathBuf,
}

impl Home {
    /// Decides where the cluster of `dir` lives, and makes the folders that lead there.
    ///
    /// Nothing that the caller made is ever chmodded: if a folder above keeps Postgres' user out, or makes the
    /// socket's path too long, the cluster goes to `/var/tmp` and `dir` holds a pointer to it.
    pub(crate) fn prepare(dir: &Path, account: &Account) -> Result<Self, Error> {
        let home = match Self::existing(dir)? {
            Some(home) => home,
            None => Self::choose(dir, account)?,
        };
        home.refuse_strangers(account)?;
        account.make_private_dir(&home.root)?;
        account.make_private_dir(&home.socket_dir())?;
        if account.can_enter(&home.root) {
            return Ok(home);
        }
        Err(Error::Unreachable { dir: home.root, user: account.name().to_owned() })
    }

    /// The cluster's place if it has one already.
    pub(crate) fn existing(dir: &Path) -> Result<Option<Self>, Error> {
        let pointer = pointer_file(dir);
        if pointer.is_file() {
            let text = fs::read_to_string(&pointer).map_err(Error::io("read", &pointer))?;
            return Ok(Some(Self { root: PathBuf::from(text.trim()) }));
        }
        let root = dir.join("postgres");
        Ok(root.is_dir().then_some(Self { root }))
    }

    fn choose(dir: &Path, account: &Account) -> Result<Self, Error> {
        let inside = Self { root: dir.join("postgres") };
        if inside.socket_file().as_os_str().len() <= SOCKET_PATH_BYTES_MAX && account.can_enter(dir) {
            return Ok(inside);
        }
        let name = format!("gd-{:016x}", fnv1a(dir.as_os_str().as_encoded_bytes()));
        let aside = Self { root: Path::new("/var/tmp").join(name) };
        aside.refuse_strangers(account)?;
        // It outlived its pointer: the caller deleted the folder it belonged to, and expects a fresh cluster.
        postmaster::stop(&aside, Signal::QUIT)?;
        aside.erase(dir)?;
        let pointer = pointer_file(dir);
        fs::write(&pointer, aside.root.as_os_str().as_encoded_bytes()).map_err(Error::io("write", pointer))?;
        Ok(aside)
    }

    /// `/var/tmp` is everybody's: a folder or link that somebody else put there is not ours to use.
    fn refuse_strangers(&self, account: &Account) -> Result<(), Error> {
        match fs::symlink_metadata(&self.root) {
            Ok(found) if found.is_dir() && (found.uid() == account.uid() || found.uid() == Account::Caller.uid()) => {
                Ok(())
            }
            Ok(_) => Err(Error::Foreign { path: self.root.clone() }),
            Err(_) => Ok(()),
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// Where `initdb` works until it is through: a half-made cluster never has the name of a whole one.
    pub(crate) fn unfinished_data(&self) -> PathBuf {
        self.root.join("data.new")
    }

    pub(crate) fn socket_dir(&self) -> PathBuf {
        self.root.join("socket")
    }

    pub(crate) fn socket_file(&self) -> PathBuf {
        self.socket_dir().join(format!(".s.PGSQL.{}", crate::cluster::PORT))
    }

    /// The note beside the socket that says whose it is.
    pub(crate) fn socket_lock(&self) -> PathBuf {
        self.socket_dir().join(format!(".s.PGSQL.{}.lock", crate::cluster::PORT))
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    /// The log to append to; one that grew large is put aside first.
    pub(crate) fn open_log(&self, account: &Account) -> Result<File, Error> {
        let path = self.log();
        if fs::metadata(&path).is_ok_and(|found| found.len() > LOG_BYTES_MAX) {
            fs::rename(&path, self.root.join("postgres.log.old")).map_err(Error::io("rename", &path))?;
        }
        let log = File::options().create(true).append(true).open(&path).map_err(Error::io("open", &path))?;
        account.own(&path)?;
        Ok(log)
    }

    /// Takes every file of the cluster of `dir` away; the lock stays.
    pub(crate) fn erase(&self, dir: &Path) -> Result<(), Error> {
        if self.root.exists() {
            fs::remove_dir_all(&self.root).map_err(Error::io("remove", &self.root))?;
        }
        let pointer = pointer_file(dir);
        if pointer.exists() {
            fs::remove_file(&pointer).map_err(Error::io("remove", pointer))?;
        }
        Ok(())
    }
}

/// Makes `dir` if it is missing and keeps other processes from starting or stopping the cluster in it until the file
/// is dropped.
pub(crate) fn lock(dir: &Path, progress: &mut dyn FnMut(&str)) -> Result<(PathBuf, File), Error> {
    fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    let dir = dir.canonicalize().map_err(Error::io("resolve", dir))?;
    let path = dir.join("postgres.lock");
    let file = File::options().create(true).append(true).open(&path).map_err(Error::io("open", &path))?;
    let begun = Instant::now();
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok((dir, file)),
            Err(TryLockError::Error(source)) => return Err(Error::Io { attempt: "lock", path, source }),
            Err(TryLockError::WouldBlock) if begun.elapsed() > LOCK_WAIT => {
                return Err(Error::Locked { path, waited: LOCK_WAIT });
            }
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut told, true) {
                    progress("waiting for another process that works on this cluster");
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

fn pointer_file(dir: &Path) -> PathBuf {
    dir.join("postgres-home")
}

/// FNV-1a: the same name for the same path with every compiler, which the standard hasher does not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
