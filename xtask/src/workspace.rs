//! The repository as cargo sees it: where it is, where it builds to, which of its crates are wasm guests.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

/// The repository.
pub(crate) struct Workspace {
    /// Its top folder.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
    /// The crates that are built to wasm.
    pub(crate) guests: Vec<Guest>,
}

/// A crate that is built to wasm.
pub(crate) struct Guest {
    /// The package.
    pub(crate) name: String,
    /// The file that cargo makes of it.
    pub(crate) file: String,
    /// Made to misbehave, for the tests: not a program that builds for this machine too.
    pub(crate) only_wasm: bool,
    /// Its manifest, when it is no member of the workspace.
    pub(crate) foreign_manifest: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let metadata = metadata(&manifest)?;
        let root = metadata.workspace_root;
        let mut guests: Vec<Guest> = metadata.packages.iter().filter_map(|package| guest(package, &root)).collect();
        for manifest in test_guest_manifests(&root) {
            if !metadata.packages.iter().any(|package| package.manifest_path == manifest) {
                let own = self::metadata(&manifest)?;
                let found = own.packages.iter().filter_map(|package| guest(package, &root));
                guests.extend(found.map(|guest| Guest { foreign_manifest: Some(manifest.clone()), ..guest }));
            }
        }
        Ok(Self { root, target: metadata.target_directory, guests })
    }

    /// The one selection of packages for every native build, lint and test: with another selection cargo resolves
    /// other features, and builds the large dependencies a second time.
    pub(crate) fn selection(&self) -> Vec<String> {
        let only_wasm = self.guests.iter().filter(|guest| guest.only_wasm && guest.foreign_manifest.is_none());
        let excluded = only_wasm.flat_map(|guest| ["--exclude".to_owned(), guest.name.clone()]);
        ["--workspace".to_owned()].into_iter().chain(excluded).collect()
    }

    /// A program of the development build.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// Where a guest's component is once it is built.
    pub(crate) fn component(&self, file: &str) -> PathBuf {
        self.target.join("wasm32-wasip2/guest").join(file)
    }
}

fn metadata(manifest: &Path) -> anyhow::Result<Metadata> {
    let mut command = Command::new(crate::cargo::program());
    command.args(["metadata", "--format-version", "1", "--no-deps", "--manifest-path"]).arg(manifest);
    let output = command.output().context("running cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata of {}: {}", manifest.display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("reading what cargo metadata says")
}

fn guest(package: &Package, root: &Path) -> Option<Guest> {
    let target = package.targets.iter().find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"))?;
    let only_wasm = package.manifest_path.starts_with(root.join("tests/guests"));
    let is_guest = only_wasm || package.manifest_path.starts_with(root.join("examples"));
    let file = format!("{}.wasm", target.name.replace('-', "_"));
    is_guest.then(|| Guest { name: package.name.clone(), file, only_wasm, foreign_manifest: None })
}

fn test_guest_manifests(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root.join("tests/guests")).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        entries.map(|entry| entry.path().join("Cargo.toml")).filter(|path| path.is_file()).collect();
    found.sort();
    found
}
