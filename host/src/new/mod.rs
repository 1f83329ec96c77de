//! `gd-host new`: a crate for a new FSM that builds, tests and deploys as its own README says.
//!
//! SDK, macros and contract are unpacked beside it, from this binary, so that it needs nothing that was published.

mod embedded;
mod lock;
mod manifest;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::cli::{Language, NewArgs};

/// Where in the crate the SDK is unpacked to.
const SDK: &str = "gd";

/// The files of a new crate, with `{{name}}` and `{{crate}}` for its name and that name as Rust writes it.
const TEMPLATE: [(&str, &str); 6] = [
    (".gitignore", include_str!("template/gitignore.txt")),
    ("Cargo.toml", include_str!("template/manifest.toml")),
    ("README.md", include_str!("template/README.md")),
    ("build.rs", include_str!("template/build.rs")),
    ("src/lib.rs", include_str!("template/lib.rs")),
    ("src/tests.rs", include_str!("template/tests.rs")),
];

/// Makes the crate and says how to go on.
///
/// # Errors
/// When its folder holds something already, or cannot be written.
pub fn new(args: &NewArgs) -> anyhow::Result<()> {
    let Language::Rust = args.lang;
    let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    refuse_occupied(&dir)?;
    for (path, text) in files(&args.name)? {
        write(&dir.join(path), &text)?;
    }
    println!("{} is made in {}", args.name, dir.display());
    println!();
    println!("  cd {}", dir.display());
    println!("  cargo test");
    println!("  cargo build --release --target wasm32-wasip2");
    println!("  gd-host dev target/wasm32-wasip2/release/{}.wasm", snake(&args.name));
    Ok(())
}

/// Every file of the crate of this name, by its path in it.
fn files(name: &str) -> anyhow::Result<Vec<(String, String)>> {
    let fill = |text: &str| text.replace("{{name}}", name).replace("{{crate}}", &snake(name));
    let mut files: Vec<(String, String)> =
        TEMPLATE.iter().map(|(path, text)| ((*path).to_owned(), fill(text))).collect();
    files.push(("rust-toolchain.toml".to_owned(), embedded::text("rust-toolchain.toml").to_owned()));
    files.push(("Cargo.lock".to_owned(), lock::pruned(embedded::text("Cargo.lock"), name)?));
    for (path, text) in embedded::sdk() {
        let text = match path.ends_with("Cargo.toml") {
            true => manifest::standalone(text, embedded::text("Cargo.toml")).with_context(|| path.to_owned())?,
            false => text.to_owned(),
        };
        files.push((format!("{SDK}/{path}"), text));
    }
    Ok(files)
}

fn refuse_occupied(dir: &Path) -> anyhow::Result<()> {
    let is_empty = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(error).with_context(|| format!("{} cannot be looked into", dir.display())),
    };
    if !is_empty {
        bail!("{} is there already and is not empty; choose another folder with --dir", dir.display());
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let failed = || format!("{} cannot be written", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    fs::write(path, text).with_context(failed)
}

/// A crate's name as Rust and the file of its component have it.
fn snake(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_has_everything_that_it_needs_and_no_placeholder() {
        let files = files("my-flow").unwrap();
        let text = |path: &str| &files.iter().find(|(found, _)| found == path).unwrap_or_else(|| panic!("{path}")).1;
        assert!(text("Cargo.toml").contains("name = \"my-flow\""));
        assert!(text("README.md").contains("release/my_flow.wasm"));
        assert!(text("gd/wit/world.wit").contains("world fsm"));
        assert!(text("gd/guest-sdk/src/bindings.rs").contains("path: \"../wit\""));
        assert!(text("gd/guest-sdk/Cargo.toml").contains("path = \"../host/core\""));
        for manifest in ["gd/guest-sdk/Cargo.toml", "gd/guest-sdk/macros/Cargo.toml", "gd/host/core/Cargo.toml"] {
            assert!(!text(manifest).contains("workspace"), "{manifest}");
        }
        assert!(text("rust-toolchain.toml").contains("wasm32-wasip2"));
        for (path, text) in &files {
            assert!(!text.contains("{{"), "{path}");
        }
    }

    #[test]
    fn a_folder_that_holds_something_is_left_alone() {
        let dir = std::env::temp_dir().join(format!("gd-new-{}", std::process::id()));
        refuse_occupied(&dir).unwrap();
        fs::create_dir_all(&dir).unwrap();
        refuse_occupied(&dir).unwrap();
        fs::write(dir.join("mine"), "").unwrap();
        let refused = refuse_occupied(&dir).unwrap_err().to_string();
        fs::remove_dir_all(&dir).unwrap();
        assert!(refused.contains("--dir"), "{refused}");
    }
}
