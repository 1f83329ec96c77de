//! The files of the repository that this binary carries: `build.rs` lists them anew whenever one changes.

/// Path in the repository, and text.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The SDK and the contract, which keep their places to one another.
pub(super) fn sdk() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().copied().filter(|(path, _)| path.starts_with("guest-sdk/") || path.starts_with("wit/"))
}

/// One file.
///
/// # Panics
/// When `build.rs` embeds none of this name.
pub(super) fn text(path: &str) -> &'static str {
    let found = FILES.iter().find(|(name, _)| *name == path);
    found.unwrap_or_else(|| panic!("{path} is not embedded: add it to build.rs")).1
}
