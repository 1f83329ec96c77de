//! The files of the repository that this binary carries: `build.rs` lists them anew whenever one changes.

/// Path in the repository, and text.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Folders that keep their places to one another: the SDK, the rules that its test kit decides by, and the contract.
const SDK: [&str; 3] = ["guest-sdk/", "host/core/", "wit/"];

/// All files of the SDK.
pub(super) fn sdk() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().copied().filter(|(path, _)| SDK.iter().any(|folder| path.starts_with(folder)))
}

/// One file.
///
/// # Panics
/// When `build.rs` embeds none of this name.
pub(super) fn text(path: &str) -> &'static str {
    let found = FILES.iter().find(|(name, _)| *name == path);
    found.unwrap_or_else(|| panic!("{path} is not embedded: add it to build.rs")).1
}
