//! Where cargo puts things.

use std::path::{Path, PathBuf};

/// The top folder of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the repository").to_owned()
}

/// Cargo's target folder: the test that runs is in `TARGET/PROFILE/deps`, wherever that was put.
pub fn target() -> PathBuf {
    profile().parent().expect("a profile's folder is in the target folder").to_owned()
}

/// A program that cargo built beside this test.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = profile().join(name);
    assert!(path.is_file(), "{} is not there: build it with `cargo build --workspace`", path.display());
    path
}

/// The folder of the programs that cargo built beside this test.
pub fn program_folder() -> PathBuf {
    profile()
}

/// A folder for one test, emptied first. What a killed run has left running there is ended by whoever starts it again.
pub fn scratch(name: &str) -> PathBuf {
    let folder = target().join("test-scratch").join(name);
    drop(gd_dev_postgres::Cluster::destroy(&folder.join(".gd")));
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).expect("a folder can be made in the target folder");
    folder
}

fn profile() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    test.ancestors().nth(2).expect("a test is in PROFILE/deps").to_owned()
}
