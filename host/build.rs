//! Embeds the guest SDK, the rules that its test kit decides by, and the contract as they stand in the repository, for `gd-host new`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Folders that are embedded whole.
const FOLDERS: [&str; 4] = ["guest-sdk/src", "guest-sdk/macros/src", "host/core/src", "wit"];
/// Files that are embedded beside them.
const FILES: [&str; 6] = [
    "guest-sdk/Cargo.toml",
    "guest-sdk/macros/Cargo.toml",
    "host/core/Cargo.toml",
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
];

fn main() -> io::Result<()> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let mut files: Vec<PathBuf> = FILES.iter().map(PathBuf::from).collect();
    for folder in FOLDERS {
        // Cargo looks into a folder for whatever changed: a file that is new there is not forgotten.
        println!("cargo:rerun-if-changed=../{folder}");
        collect(&repository, Path::new(folder), &mut files)?;
    }
    // The migrator, too, takes in a whole folder, and rustc tells cargo of the files that it saw alone.
    println!("cargo:rerun-if-changed=../migrations");
    println!("cargo:rerun-if-changed=build.rs");
    files.sort();
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    fs::write(out.join("embedded.rs"), table(&repository, &files))
}

fn collect(repository: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(repository.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        // Components that show what older packages looked like are of no use to an author.
        if path == Path::new("wit/golden") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(repository, &path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The text of a slice of names and texts. `include_str!` has a change of a file compile the crate again.
fn table(repository: &Path, files: &[PathBuf]) -> String {
    let mut table = String::from("&[\n");
    for file in files {
        let (name, path) = (file.display(), repository.join(file));
        writeln!(table, "    ({:?}, include_str!({path:?})),", name.to_string()).ok();
    }
    table + "]\n"
}
