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

/// A test is in `PROFILE/deps`, a program of this crate in `PROFILE`.
fn profile() -> PathBuf {
    let program = std::env::current_exe().expect("a program knows where it is");
    let folder = program.parent().expect("a program is in a folder");
    if folder.ends_with("deps") {
        folder.parent().expect("deps is in a profile's folder").to_owned()
    } else {
        folder.to_owned()
    }
}
