//! What can be said of a component's bytes before anything is compiled: is it one, what does it import, is it sane.

use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

use super::Error;

/// Largest component. Source: the limits table of the trust model.
pub const COMPONENT_BYTES_MAX: usize = 16 << 20;
/// Instantiations of components in one component. A doubling chain of this length makes a few thousand instances, not
/// the million that a kilobyte could ask for.
const COMPONENT_INSTANCES_MAX: usize = 24;
/// Core modules in one component. A Rust guest has 4.
const MODULES_MAX: usize = 32;
/// Instantiations of core modules in one component.
const CORE_INSTANCES_MAX: usize = 64;
/// Functions in all modules together.
const FUNCTIONS_MAX: usize = 100_000;
/// Bytes of one function's body. Compilation grows faster than the body does.
const FUNCTION_BYTES_MAX: usize = 1 << 20;

/// What the bytes say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Imported interfaces by name, in the component's order.
    pub imports: Vec<String>,
    /// Exported interfaces by name.
    pub exports: Vec<String>,
    /// What works, but not as its author may think.
    pub warnings: Vec<String>,
    /// Whether it asks for outgoing HTTP.
    pub wants_http: bool,
}

/// Reads a component's structure.
///
/// # Errors
/// Which rule the bytes break: not WebAssembly, a core module, a foreign import, another world, or over a limit.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, Error> {
    if bytes.len() > COMPONENT_BYTES_MAX {
        return Err(Error::ComponentTooLarge { bytes: bytes.len(), max: COMPONENT_BYTES_MAX });
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(Error::NotAComponent("it does not begin with the bytes \\0asm".into()));
    }
    let mut inspection = Inspection::default();
    let mut counts = Counts::default();
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| Error::NotAComponent(error.to_string()))?;
        match payload {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => return Err(Error::CoreModule),
            Payload::ModuleSection { .. } => {
                depth += 1;
                counts.modules += 1;
            }
            Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentInstanceSection(section) => counts.component_instances += section.count() as usize,
            Payload::InstanceSection(section) => counts.core_instances += section.count() as usize,
            Payload::CodeSectionEntry(body) => counts.function(body.range().len()),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(|error| Error::NotAComponent(error.to_string()))?;
                    inspection.imports.push(import.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export.map_err(|error| Error::NotAComponent(error.to_string()))?;
                    inspection.exports.push(export.name.name.to_owned());
                }
            }
            // Everything else is the validator's to judge.
            _ => {}
        }
        counts.check()?;
    }
    Validator::new_with_features(WasmFeatures::default())
        .validate_all(bytes)
        .map_err(|error| Error::NotAComponent(error.to_string()))?;
    check_world(&mut inspection)?;
    Ok(inspection)
}

#[derive(Default)]
struct Counts {
    modules: usize,
    component_instances: usize,
    core_instances: usize,
    functions: usize,
    largest_function: usize,
}

impl Counts {
    fn function(&mut self, bytes: usize) {
        self.functions += 1;
        self.largest_function = self.largest_function.max(bytes);
    }

    fn check(&self) -> Result<(), Error> {
        for (what, count, max) in [
            ("core modules", self.modules, MODULES_MAX),
            ("instantiations of components", self.component_instances, COMPONENT_INSTANCES_MAX),
            ("instantiations of core modules", self.core_instances, CORE_INSTANCES_MAX),
            ("functions", self.functions, FUNCTIONS_MAX),
            ("bytes in one function", self.largest_function, FUNCTION_BYTES_MAX),
        ] {
            if count > max {
                return Err(Error::TooComplex { what, count, max });
            }
        }
        Ok(())
    }
}

/// Holds imports and exports to the contract, by name and by version.
fn check_world(inspection: &mut Inspection) -> Result<(), Error> {
    if !inspection.exports.iter().any(|name| matches_interface(name, "gd:fsm", &["step"], "0.1.")) {
        return Err(Error::OtherWorld { exports: inspection.exports.clone() });
    }
    for name in &inspection.imports {
        match judge(name) {
            Import::Fine => {}
            Import::Http => inspection.wants_http = true,
            Import::Denied(what) => inspection
                .warnings
                .push(format!("imports {name}: {what} is denied to every guest, each call of it fails")),
            Import::Foreign => return Err(Error::ForeignImport { import: name.clone() }),
        }
    }
    Ok(())
}

enum Import {
    Fine,
    Http,
    Denied(&'static str),
    Foreign,
}

fn judge(name: &str) -> Import {
    let package = name.split('/').next().unwrap_or(name);
    match package {
        "gd:fsm" if matches_interface(name, "gd:fsm", &["types", "log", "more"], "0.1.") => Import::Fine,
        "wasi:cli" | "wasi:clocks" | "wasi:random" | "wasi:io" if is_wasi_02(name) => Import::Fine,
        "wasi:filesystem" if is_wasi_02(name) => Import::Denied("the file system"),
        "wasi:sockets" if is_wasi_02(name) => Import::Denied("the network"),
        "wasi:http" if matches_interface(name, "wasi:http", &["types", "outgoing-handler"], "0.2.") => Import::Http,
        _ => Import::Foreign,
    }
}

fn is_wasi_02(name: &str) -> bool {
    name.rsplit_once('@').is_some_and(|(_, version)| version.starts_with("0.2."))
}

fn matches_interface(name: &str, package: &str, interfaces: &[&str], version: &str) -> bool {
    let Some((path, found)) = name.rsplit_once('@') else { return false };
    let Some((found_package, interface)) = path.split_once('/') else { return false };
    found_package == package && interfaces.contains(&interface) && found.starts_with(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_component_is_named() {
        assert!(matches!(inspect(b""), Err(Error::NotAComponent(_))));
        assert!(matches!(inspect(b"#!/bin/sh\n"), Err(Error::NotAComponent(_))));
        assert!(matches!(inspect(b"\0asm\x01\0\0\0"), Err(Error::CoreModule)));
        assert!(matches!(inspect(b"\0asm\x0d\0\x01\0"), Err(Error::OtherWorld { .. })));
        let large = vec![0; COMPONENT_BYTES_MAX + 1];
        assert!(matches!(inspect(&large), Err(Error::ComponentTooLarge { .. })));
    }

    #[test]
    fn imports_are_judged_by_name_and_version() {
        for (name, expected) in [
            ("gd:fsm/log@0.1.0", "fine"),
            ("gd:fsm/step@0.1.0", "foreign"),
            ("gd:fsm/log@0.2.0", "foreign"),
            ("wasi:io/streams@0.2.12", "fine"),
            ("wasi:io/streams@0.3.0", "foreign"),
            ("wasi:filesystem/types@0.2.3", "denied"),
            ("wasi:sockets/tcp@0.2.3", "denied"),
            ("wasi:http/outgoing-handler@0.2.3", "http"),
            ("wasi:http/incoming-handler@0.2.3", "foreign"),
            ("evil:host/files@1.0.0", "foreign"),
            ("wasi:iobad/x@0.2.0", "foreign"),
        ] {
            let found = match judge(name) {
                Import::Fine => "fine",
                Import::Http => "http",
                Import::Denied(_) => "denied",
                Import::Foreign => "foreign",
            };
            assert_eq!(found, expected, "{name}");
        }
    }
}
