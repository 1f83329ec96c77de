//! The promises of a private cluster, shown with a real Postgres in a folder of its own.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gd_dev_postgres::{Cluster, Options, Status, StopMode};

/// A folder that takes its cluster with it, also when a test fails.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        Self::under(&std::env::temp_dir())
    }

    fn under(parent: &Path) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("gd-pg-test-{}-{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let dir = parent.join(name);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn start(&self) -> Cluster {
        let options = Options::new(&self.0).with("shared_buffers", "16MB").with("fsync", "off");
        Cluster::start(&options, &mut |_| ()).unwrap()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        Cluster::destroy(&self.0).unwrap();
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn one(cluster: &Cluster) -> String {
    cluster.query("postgres", "select 1").unwrap()
}

/// Kills the postmaster as nothing inside the cluster can prevent.
fn kill(cluster: &Cluster) {
    let pid = cluster.pid().unwrap().to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(10);
    while cluster.status() != Status::Stopped {
        assert!(Instant::now() < deadline, "the postmaster outlived SIGKILL");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_new_folder_becomes_a_cluster_that_answers() {
    let dir = Dir::new();
    let cluster = dir.start();
    assert_eq!(one(&cluster), "1");
    assert_eq!(cluster.status(), Status::Ready);
    assert!(!cluster.was_adopted());
    let shown = |name: &str| cluster.query("postgres", &format!("show {name}")).unwrap();
    assert_eq!([shown("listen_addresses"), shown("wal_level")], ["", "logical"]);
    assert_eq!(shown("shared_buffers"), "16MB", "the caller's setting wins");
    let role = cluster.query("postgres", "select rolname, rolsuper from pg_roles where rolname = current_user");
    assert_eq!(role.unwrap(), "gd|t");
    cluster.stop(StopMode::Fast).unwrap();
    assert_eq!(cluster.status(), Status::Stopped);
}

#[test]
fn a_database_is_made_once_and_reached_by_its_url() {
    let dir = Dir::new();
    let cluster = dir.start();
    let name = r#"odd "name" é"#;
    assert!(cluster.create_database(name).unwrap());
    assert!(!cluster.create_database(name).unwrap());
    let url = cluster.url(name);
    let psql =
        Command::new(cluster.binaries().program("psql")).args([&url, "-XAtc", "select current_database()"]).output();
    assert_eq!(String::from_utf8(psql.unwrap().stdout).unwrap().trim(), name);
    cluster.drop_database(name).unwrap();
    assert!(cluster.create_database(name).unwrap());
}

#[test]
fn a_killed_postmaster_starts_again_on_the_same_data() {
    let dir = Dir::new();
    let cluster = dir.start();
    cluster.query("postgres", "create table kept as select 42 as answer").unwrap();
    kill(&cluster);
    let begun = Instant::now();
    let again = dir.start();
    assert!(!again.was_adopted());
    assert_eq!(again.query("postgres", "select answer from kept").unwrap(), "42");
    assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
}

#[test]
fn a_postmaster_killed_under_a_busy_backend_starts_again() {
    let dir = Dir::new();
    let cluster = dir.start();
    let url = cluster.url("postgres");
    let busy = "do $$ begin loop perform 1; end loop; end $$";
    let mut psql = Command::new(cluster.binaries().program("psql"));
    let mut client = psql.args([&url, "-Xqc", busy]).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while cluster.query("postgres", "select count(*) from pg_stat_activity where query like 'do %'").unwrap() != "1" {
        assert!(Instant::now() < deadline, "the busy backend never showed");
        thread::sleep(Duration::from_millis(20));
    }
    kill(&cluster);
    assert_eq!(one(&dir.start()), "1");
    client.wait().unwrap();
}

#[test]
fn a_stale_note_whose_pid_is_somebody_elses_is_no_obstacle() {
    let dir = Dir::new();
    let cluster = dir.start();
    let note = cluster.data_dir().join("postmaster.pid");
    let text = fs::read_to_string(&note).unwrap();
    cluster.stop(StopMode::Immediate).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(&note, format!("{}\n{rest}", process::id())).unwrap();
    assert_eq!(one(&dir.start()), "1");
}

#[test]
fn a_running_cluster_is_adopted_with_its_process() {
    let dir = Dir::new();
    assert!(Cluster::running(&dir.0).unwrap().is_none());
    let first = dir.start();
    let second = dir.start();
    assert!(second.was_adopted());
    assert_eq!(first.pid(), second.pid());
    let found = Cluster::running(&dir.0).unwrap().unwrap();
    assert_eq!(one(&found), "1");
    second.stop(StopMode::Immediate).unwrap();
    assert_eq!(first.status(), Status::Stopped);
}

#[test]
fn a_cluster_outlives_the_killed_process_group_that_started_it() {
    const DIR: &str = "GD_TEST_CLUSTER_DIR";
    const NAME: &str = "a_cluster_outlives_the_killed_process_group_that_started_it";
    if let Some(dir) = std::env::var_os(DIR) {
        // This is the process that will be killed: it starts the cluster and never ends by itself.
        let options = Options::new(dir).with("shared_buffers", "16MB").with("fsync", "off");
        let _cluster = Cluster::start(&options, &mut |_| ()).unwrap();
        loop {
            thread::park();
        }
    }
    let dir = Dir::new();
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut starter = command.args([NAME, "--exact"]).env(DIR, &dir.0).process_group(0).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let found = loop {
        match Cluster::running(&dir.0).unwrap() {
            Some(cluster) if cluster.status() == Status::Ready => break cluster,
            Some(_) | None => assert!(Instant::now() < deadline, "the other process started no cluster"),
        }
        thread::sleep(Duration::from_millis(20));
    };
    let group = format!("-{}", starter.id());
    assert!(Command::new("kill").args(["-9", "--", &group]).status().unwrap().success());
    starter.wait().unwrap();
    let adopted = dir.start();
    assert!(adopted.was_adopted());
    assert_eq!(adopted.pid(), found.pid());
    assert_eq!(one(&adopted), "1");
}

#[test]
fn processes_that_start_it_at_once_share_one_cluster() {
    let dir = Dir::new();
    let pids: Vec<Option<u32>> = thread::scope(|scope| {
        let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| dir.start().pid())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert!(pids[0].is_some());
    assert!(pids.iter().all(|pid| *pid == pids[0]), "{pids:?}");
}

#[test]
fn a_folder_that_postgres_cannot_use_gets_a_pointer_to_its_cluster() {
    let parent = Dir::new();
    let deep = Dir::under(&parent.0.join("x".repeat(90)));
    let cluster = deep.start();
    assert!(cluster.socket_dir().starts_with("/var/tmp"), "{}", cluster.socket_dir().display());
    assert!(deep.0.join("postgres-home").is_file());
    cluster.query("postgres", "create table kept as select 1").unwrap();
    cluster.stop(StopMode::Fast).unwrap();
    assert_eq!(deep.start().query("postgres", "select count(*) from kept").unwrap(), "1");
    let elsewhere = cluster.data_dir();
    Cluster::destroy(&deep.0).unwrap();
    assert!(!elsewhere.exists());
}

#[test]
fn a_setting_that_postgres_refuses_fails_with_its_words() {
    let dir = Dir::new();
    let options = Options::new(&dir.0).with("no_such_setting", "1");
    let error = Cluster::start(&options, &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("no_such_setting"), "{error}");
}
