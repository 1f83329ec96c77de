//! Manifests of the workspace, made to stand alone.

use anyhow::{Context, bail};
use toml::{Table, Value};

/// The manifest with everything that it inherits from `workspace` written out. Lints are left out: they are the author's. So is
/// what only its own tests need: they are not run there.
pub(super) fn standalone(manifest: &str, workspace: &str) -> anyhow::Result<String> {
    let mut manifest: Table = toml::from_str(manifest).context("the manifest is no TOML")?;
    let workspace: Table = toml::from_str(workspace).context("the workspace's manifest is no TOML")?;
    let shared = workspace.get("workspace").and_then(Value::as_table).context("it holds no workspace")?;
    manifest.remove("lints");
    manifest.remove("dev-dependencies");
    if let (Some(package), Some(from)) = (table(&mut manifest, "package"), shared.get("package")) {
        inherit(package, from)?;
    }
    let from = shared.get("dependencies").context("the workspace has no dependencies")?;
    if let Some(dependencies) = table(&mut manifest, "dependencies") {
        inherit(dependencies, from)?;
    }
    for (_, target) in table(&mut manifest, "target").into_iter().flatten() {
        if let Some(dependencies) = target.as_table_mut().and_then(|target| table(target, "dependencies")) {
            inherit(dependencies, from)?;
        }
    }
    Ok(toml::to_string(&manifest)?)
}

fn table<'a>(parent: &'a mut Table, name: &str) -> Option<&'a mut Table> {
    parent.get_mut(name).and_then(Value::as_table_mut)
}

/// Replaces each `name.workspace = true` by what the workspace has under that name.
fn inherit(table: &mut Table, from: &Value) -> anyhow::Result<()> {
    for (name, value) in table.iter_mut() {
        let own = value.as_table().filter(|own| own.get("workspace").and_then(Value::as_bool) == Some(true));
        if let Some(own) = own {
            let inherited = from.get(name).with_context(|| format!("the workspace has no {name}"))?;
            *value = merged(name, inherited, own)?;
        }
    }
    Ok(())
}

/// What the workspace has, with the features that are asked for beside it.
fn merged(name: &str, inherited: &Value, own: &Table) -> anyhow::Result<Value> {
    if let Some(unknown) = own.keys().find(|key| !["workspace", "features"].contains(&key.as_str())) {
        bail!("{name} adds {unknown} to what it inherits, which is not known here");
    }
    let mut merged = match inherited {
        Value::Table(table) => table.clone(),
        Value::String(version) if own.contains_key("features") => {
            Table::from_iter([("version".to_owned(), Value::from(version.clone()))])
        }
        other => return Ok(other.clone()),
    };
    if let Some(Value::String(path)) = merged.get_mut("path") {
        *path = from_sdk(path).with_context(|| format!("{name} is at {path}, which is not embedded"))?;
    }
    if let Some(more) = own.get("features").and_then(Value::as_array) {
        let features = merged.entry("features").or_insert_with(|| Value::Array(Vec::new()));
        features.as_array_mut().with_context(|| format!("the features of {name} are no list"))?.extend(more.clone());
    }
    Ok(Value::Table(merged))
}

/// A path in the repository as it is named from guest-sdk/, where the only manifest that names others is.
fn from_sdk(path: &str) -> Option<String> {
    match path.strip_prefix("guest-sdk/") {
        Some(inside) => Some(inside.to_owned()),
        None => (path == "host/core").then(|| format!("../{path}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = r#"
        [workspace.package]
        version = "1.2.3"
        [workspace.dependencies]
        plain = "1"
        rich = { version = "2", default-features = false, features = ["a"] }
        sibling = { path = "guest-sdk/macros" }
        rules = { path = "host/core" }
        stranger = { path = "host" }
    "#;

    fn check(manifest: &str, expected: &str) {
        let found: Table = toml::from_str(&standalone(manifest, WORKSPACE).unwrap()).unwrap();
        assert_eq!(found, toml::from_str::<Table>(expected).unwrap(), "{manifest}");
    }

    #[test]
    fn what_is_inherited_is_written_out() {
        check(
            "[package]\nname = 'x'\nversion.workspace = true\n[lints]\nworkspace = true",
            "[package]\nname = 'x'\nversion = '1.2.3'",
        );
        check(
            "[dependencies]\nplain.workspace = true\nown = '3'\nrich = { workspace = true, features = ['b'] }",
            "[dependencies]\nplain = '1'\nown = '3'\nrich = { version = '2', default-features = false, features = ['a', 'b'] }",
        );
        check(
            "[dependencies]\nplain = { workspace = true, features = ['c'] }\nsibling.workspace = true",
            "[dependencies]\nplain = { version = '1', features = ['c'] }\nsibling = { path = 'macros' }",
        );
        check(
            "[target.'cfg(unix)'.dependencies]\nplain.workspace = true\nrules.workspace = true",
            "[target.'cfg(unix)'.dependencies]\nplain = '1'\nrules = { path = '../host/core' }",
        );
        check("[dev-dependencies]\nplain.workspace = true", "");
    }

    #[test]
    fn what_cannot_stand_alone_is_an_error_and_not_a_manifest_that_does_not_build() {
        let refused = |manifest: &str, part: &str| {
            let error = format!("{:#}", standalone(manifest, WORKSPACE).unwrap_err());
            assert!(error.contains(part), "{error}");
        };
        refused("[dependencies]\nnobody.workspace = true", "has no nobody");
        refused("[dependencies]\nstranger.workspace = true", "not embedded");
        refused("[dependencies]\nplain = { workspace = true, optional = true }", "optional");
    }
}
