//! Watching a file that a build writes, by looking at it: works on every file system, and over a network.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::time::{Interval, MissedTickBehavior};

/// Time between looks. A file that did not change between two of them is complete. Chosen: a linker writes without such pauses.
const LOOK: Duration = Duration::from_millis(250);

/// A file that is watched.
pub(super) struct Watched {
    path: PathBuf,
    looks: Interval,
    /// The file at the look before.
    seen: Option<Look>,
    /// The file when it was last handed out.
    taken: Option<Look>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    size: u64,
    modified: Option<SystemTime>,
}

impl Watched {
    /// Watches the file at `path`, whether it is there yet or not.
    pub(super) fn new(path: &Path) -> Self {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { path: path.to_owned(), looks, seen: None, taken: None }
    }

    /// Whether it is there now.
    pub(super) async fn exists(&self) -> bool {
        look(&self.path).await.is_some()
    }

    /// Waits until the file is there and complete, and is not what was handed out before. Nothing is lost when this is dropped.
    pub(super) async fn changed(&mut self) -> Vec<u8> {
        loop {
            self.looks.tick().await;
            let found = look(&self.path).await;
            let still = found == self.seen;
            self.seen = found;
            let Some(new) = found.filter(|new| still && Some(*new) != self.taken && new.size > 0) else { continue };
            let Ok(bytes) = tokio::fs::read(&self.path).await else { continue };
            if look(&self.path).await == Some(new) {
                self.taken = Some(new);
                return bytes;
            }
        }
    }
}

async fn look(path: &Path) -> Option<Look> {
    let found = tokio::fs::metadata(path).await.ok().filter(std::fs::Metadata::is_file)?;
    Some(Look { size: found.len(), modified: found.modified().ok() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_taken_once_it_is_there_and_again_when_it_changes() {
        let path = std::env::temp_dir().join(format!("gd-watch-{}", std::process::id()));
        std::fs::remove_file(&path).ok();
        let mut watched = Watched::new(&path);
        assert!(!watched.exists().await);
        let none = tokio::time::timeout(3 * LOOK, watched.changed()).await;
        assert!(none.is_err(), "there is nothing yet");
        std::fs::write(&path, "one").unwrap();
        assert_eq!(watched.changed().await, b"one");
        let same = tokio::time::timeout(4 * LOOK, watched.changed()).await;
        assert!(same.is_err(), "the same file is not taken twice");
        std::fs::write(&path, "other").unwrap();
        assert_eq!(watched.changed().await, b"other");
        std::fs::remove_file(&path).unwrap();
    }
}
