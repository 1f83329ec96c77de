//! `cargo xtask sqlx`: the description of every SQL statement in `.sqlx/`, made with a real database.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use gd_dev_postgres::{Cluster, Options, StopMode};

use crate::ui::note;
use crate::workspace::Workspace;
use crate::{cargo, setup};

const DATABASE: &str = "gd_sqlx";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Change nothing; fail when `.sqlx/` is not what the statements and migrations make it.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Writes `.sqlx/`, or compares it. What is there is replaced only once every statement has been checked.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    setup::postgres()?;
    let committed = workspace.root.join(".sqlx");
    let scratch = workspace.target.join("sqlx-described");
    describe(workspace, &scratch)?;
    let made = described(&scratch)?;
    if args.check {
        return compare(&described(&committed)?, &made);
    }
    empty(&committed)?;
    for (name, text) in &made {
        let file = committed.join(name);
        fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
    }
    note(&format!("{} statements in .sqlx", made.len()));
    Ok(())
}

fn empty(dir: &Path) -> anyhow::Result<()> {
    if dir.is_dir() {
        fs::remove_dir_all(dir).with_context(|| format!("emptying {}", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))
}

/// Fills `out` with a description of every statement.
fn describe(workspace: &Workspace, out: &Path) -> anyhow::Result<()> {
    let options =
        Options::new(workspace.target.join("sqlx-postgres")).with("fsync", "off").with("shared_buffers", "64MB");
    let cluster = Cluster::start(&options, &mut |text| note(text))?;
    let described = describe_with(workspace, &cluster, out);
    cluster.stop(StopMode::Fast)?;
    described
}

fn describe_with(workspace: &Workspace, cluster: &Cluster, out: &Path) -> anyhow::Result<()> {
    cluster.drop_database(DATABASE)?;
    cluster.create_database(DATABASE)?;
    for migration in sql_files(&workspace.root.join("migrations"))? {
        cluster.run_file(DATABASE, &migration).with_context(|| format!("applying {}", migration.display()))?;
    }
    empty(out)?;
    let _touched = Touched::now(&workspace.root.join("host/src/lib.rs"))?;
    let mut command = cargo::command(workspace);
    command.arg("check").args(workspace.selection());
    command.env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", out).env("DATABASE_URL", cluster.url(DATABASE));
    cargo::run(&mut command)
}

fn sql_files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))?;
    let mut files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    Ok(files)
}

/// A source file that looks just edited, so that the compiler reads it again. Gets its own time back when dropped, so
/// that the next ordinary build does not compile it once more.
struct Touched {
    file: File,
    before: SystemTime,
}

impl Touched {
    fn now(path: &Path) -> anyhow::Result<Self> {
        let opened = || -> std::io::Result<Self> {
            let file = File::options().append(true).open(path)?;
            let before = file.metadata()?.modified()?;
            file.set_modified(SystemTime::now())?;
            Ok(Self { file, before })
        };
        opened().with_context(|| format!("touching {}", path.display()))
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        // If that fails, the next build compiles one crate more than it must.
        let _only_costs_time = self.file.set_modified(self.before);
    }
}

type Described = BTreeMap<String, String>;

fn described(dir: &Path) -> anyhow::Result<Described> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let queries = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("query-"));
    let read = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path()).with_context(|| format!("reading {}", entry.path().display()))?;
        Ok((entry.file_name().to_string_lossy().into_owned(), text))
    };
    queries.map(read).collect()
}

fn compare(committed: &Described, made: &Described) -> anyhow::Result<()> {
    let missing = made.keys().filter(|name| !committed.contains_key(*name)).map(|name| format!("missing  {name}"));
    let useless = committed.keys().filter(|name| !made.contains_key(*name)).map(|name| format!("useless  {name}"));
    let changed = made.iter().filter(|(name, text)| committed.get(*name).is_some_and(|ours| ours != *text));
    let differences: Vec<String> =
        missing.chain(useless).chain(changed.map(|(name, _)| format!("changed  {name}"))).collect();
    if differences.is_empty() {
        return Ok(());
    }
    bail!(".sqlx is not up to date; run `cargo xtask sqlx` and commit it:\n  {}", differences.join("\n  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[(&str, &str)]) -> Described {
        rows.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn each_kind_of_difference_is_named() {
        let committed = of(&[("query-a", "1"), ("query-b", "1"), ("query-c", "1")]);
        let made = of(&[("query-a", "1"), ("query-b", "2"), ("query-d", "1")]);
        let text = compare(&committed, &made).unwrap_err().to_string();
        for expected in ["changed  query-b", "useless  query-c", "missing  query-d"] {
            assert!(text.contains(expected), "{text}");
        }
        assert!(!text.contains("query-a"), "{text}");
        assert!(compare(&committed, &committed).is_ok());
    }
}
