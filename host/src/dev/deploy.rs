//! Deploying a file whenever it changes, and moving running instances over to it.

use std::path::Path;
use std::time::Duration;

use gd_core::Version;

use super::lines::Lines;
use super::tail::clock;
use super::watch::Watched;
use crate::cli::clean;
use crate::host::{Adopted, Because, Host, Stay};
use crate::registry::Deployed;
use crate::store::HistoryLevel;

/// Time between two tries to move instances that executed the time before.
const AGAIN: Duration = Duration::from_secs(1);

/// What becomes of running instances when new code is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Running {
    /// They go on with it where it reads their state and has their step.
    Adopt,
    /// They end on the version that they started with.
    Pin,
}

/// Deploys `file` now and after every change, and never ends. What happens is said in a line each time.
pub(super) async fn keep_deployed(file: &Path, host: &Host, running: Running, lines: &Lines) {
    let mut watched = Watched::new(file);
    if !watched.exists().await {
        lines.say(format!("{}  {} is not there yet and is waited for", clock(), file.display()));
    }
    let mut unfinished: Option<Deployed> = None;
    loop {
        tokio::select! {
            bytes = watched.changed() => {
                let kept = Kept { file, host, lines };
                unfinished = kept.deploy(bytes, running).await;
            }
            () = tokio::time::sleep(AGAIN), if unfinished.is_some() => {
                if let Some(deployed) = unfinished.take() {
                    let kept = Kept { file, host, lines };
                    unfinished = kept.move_rest(deployed).await;
                }
            }
        }
    }
}

/// A file that is kept deployed.
struct Kept<'a> {
    file: &'a Path,
    host: &'a Host,
    lines: &'a Lines,
}

impl Kept<'_> {
    /// Says what became of the deployment. What comes back has instances left to move.
    async fn deploy(&self, bytes: Vec<u8>, running: Running) -> Option<Deployed> {
        let kib = bytes.len().div_ceil(1024);
        let deployed = match self.host.deploy(self.host.default_tenant(), bytes).await {
            Ok(deployed) => deployed,
            Err(error) => {
                self.say(&format!("{} is not deployed: {error}", self.file.display()));
                return None;
            }
        };
        // Everything is kept while one develops, so that any attempt can be looked into.
        let tenant = self.host.default_tenant();
        if let Err(error) = self.host.set_history(tenant, &deployed.fsm, HistoryLevel::Full).await {
            self.say(&format!("the inputs of steps are not kept: {error}"));
        }
        let name = format!("{} version {}", deployed.fsm, deployed.version);
        let what = match deployed.created {
            true => format!("{name} deployed from {} ({kib} KiB)", self.file.display()),
            false => format!("{name} is what {} holds, and new instances take it", self.file.display()),
        };
        let adopted = match running {
            Running::Pin => Ok(Adopted::default()),
            Running::Adopt => self.adopt(&deployed).await,
        };
        match adopted {
            Ok(adopted) => {
                self.say(&format!("{what}{}", moved(&adopted)));
                adopted.stay.iter().for_each(|stay| self.say(&stays(stay, deployed.version)));
                self.warn(&deployed);
                (adopted.busy > 0).then_some(deployed)
            }
            Err(error) => {
                self.say(&format!("{what}; running instances are not moved yet: {error}"));
                Some(deployed)
            }
        }
    }

    /// Moves what executed the time before, and says nothing while it still does.
    async fn move_rest(&self, deployed: Deployed) -> Option<Deployed> {
        let Ok(adopted) = self.adopt(&deployed).await else { return Some(deployed) };
        if adopted.moved > 0 {
            let name = format!("{} version {}", deployed.fsm, deployed.version);
            self.say(&format!("{name}{}", moved(&adopted)));
        }
        (adopted.busy > 0).then_some(deployed)
    }

    async fn adopt(&self, deployed: &Deployed) -> Result<Adopted, crate::host::Error> {
        self.host.adopt(self.host.default_tenant(), &deployed.fsm, deployed.version).await
    }

    fn warn(&self, deployed: &Deployed) {
        deployed.warnings.iter().for_each(|warning| self.say(&format!("warning: {warning}")));
    }

    fn say(&self, what: &str) {
        self.lines.say(format!("{}  {}", clock(), clean::line(what)));
    }
}

fn moved(adopted: &Adopted) -> String {
    let moved = match adopted.moved {
        0 => String::new(),
        1 => "; 1 instance goes on with it".to_owned(),
        more => format!("; {more} instances go on with it"),
    };
    let busy = match adopted.busy {
        0 => String::new(),
        1 => "; 1 more once its step is through".to_owned(),
        more => format!("; {more} more once their steps are through"),
    };
    moved + &busy
}

fn stays(stay: &Stay, version: Version) -> String {
    let who = match stay.instances {
        1 => format!("1 instance stays on version {}", stay.version),
        more => format!("{more} instances stay on version {}", stay.version),
    };
    match &stay.because {
        Because::StateVersion(old, new) => {
            format!("{who}: their state is of state version {old}, version {version} reads {new}")
        }
        Because::Step(step) => format!("{who}, at the step {step}, which version {version} does not have"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_moved_and_what_was_not_is_said_in_words() {
        let adopted = |moved, busy| Adopted { moved, busy, stay: Vec::new() };
        assert_eq!(moved(&adopted(0, 0)), "");
        assert_eq!(moved(&adopted(1, 0)), "; 1 instance goes on with it");
        assert_eq!(moved(&adopted(2, 1)), "; 2 instances go on with it; 1 more once its step is through");
        let stay = |instances, because| stays(&Stay { version: Version(1), instances, because }, Version(2));
        assert_eq!(
            stay(3, Because::StateVersion(1, 2)),
            "3 instances stay on version 1: their state is of state version 1, version 2 reads 2"
        );
        assert_eq!(
            stay(1, Because::Step("hear".into())),
            "1 instance stays on version 1, at the step hear, which version 2 does not have"
        );
    }
}
