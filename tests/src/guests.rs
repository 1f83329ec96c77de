//! The components that tests deploy, and variants of them made by patching bytes.

use crate::paths::target;

/// The component that `cargo xtask guests` built of the crate `name`.
pub fn guest(name: &str) -> Vec<u8> {
    let path = target().join("wasm32-wasip2/guest").join(format!("{name}.wasm"));
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{} cannot be read ({error}): run `cargo xtask guests`", path.display()))
}

/// Another version of the machine `probe`, which reports this number of four digits as its release.
pub fn release(number: u32) -> Vec<u8> {
    patched(&guest("probe"), "probe-release:0001", &format!("probe-release:{number:04}"))
}

/// The component with every `from` replaced by `to`, which is as long: names and constants can be changed so.
pub fn patched(component: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "a patch never moves a byte");
    let mut patched = component.to_vec();
    let places: Vec<usize> =
        component.windows(from.len()).enumerate().filter(|(_, at)| *at == from.as_bytes()).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "{from:?} does not occur in the component");
    for at in places {
        patched[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    patched
}
