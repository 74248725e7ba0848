//! The sources of the crate arch-runtime, as this archc was built with them: a generated crate carries them along, so that
//! it builds wherever it is, with the runtime that its code is made for.

use toml::{Table, Value};

/// Where it is in a generated crate.
pub const FOLDER: &str = "vendor/arch-runtime";

static SOURCES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/runtime.rs"));
static MANIFEST: &str = include_str!("../../../runtime/Cargo.toml");
static WORKSPACE: &str = include_str!("../../../Cargo.toml");
static FORMAT: &str = include_str!("../../../rustfmt.toml");

/// Its files, by their paths in a generated crate.
///
/// # Panics
/// Its manifest is not what this module knows: a bug, which a test finds.
#[must_use]
pub fn files() -> Vec<(String, String)> {
    let manifest = standalone(MANIFEST, WORKSPACE).expect("the runtime's manifest");
    let own = [("Cargo.toml", manifest.as_str()), ("rustfmt.toml", FORMAT)];
    let all = own.into_iter().chain(SOURCES.iter().copied());
    all.map(|(path, text)| (format!("{FOLDER}/{path}"), text.to_owned())).collect()
}

/// A manifest that stands without its workspace: what it inherits is written out, and what is not vendored is left out.
fn standalone(manifest: &str, workspace: &str) -> Option<String> {
    let mut manifest: Table = manifest.parse().ok()?;
    let workspace: Table = workspace.parse().ok()?;
    let workspace = workspace.get("workspace")?.as_table()?;
    for left_out in ["dev-dependencies", "example", "lints"] {
        manifest.remove(left_out);
    }
    let package = manifest.get_mut("package")?.as_table_mut()?;
    for (key, value) in package.iter_mut().filter(|(_, value)| inherits(value)) {
        *value = workspace.get("package")?.get(key)?.clone();
    }
    let dependencies = manifest.get_mut("dependencies")?.as_table_mut()?;
    for (name, value) in dependencies.iter_mut().filter(|(_, value)| inherits(value)) {
        *value = inherited(value, workspace.get("dependencies")?.get(name)?)?;
    }
    Some(format!(
        "# Of archc {}: written by `archc generate`, not to be edited.\n\n{manifest}",
        env!("CARGO_PKG_VERSION")
    ))
}

fn inherits(value: &Value) -> bool {
    value.get("workspace").is_some()
}

/// A dependency of the workspace, with the features and the rest that its user adds.
fn inherited(asked: &Value, declared: &Value) -> Option<Value> {
    let mut all = match declared {
        Value::String(version) => Table::from_iter([("version".to_owned(), Value::from(version.as_str()))]),
        other => other.as_table()?.clone(),
    };
    for (key, value) in asked.as_table()?.iter().filter(|(key, _)| *key != "workspace") {
        match (all.get_mut(key), value) {
            (Some(Value::Array(there)), Value::Array(more)) => there.extend(more.iter().cloned()),
            _ => drop(all.insert(key.clone(), value.clone())),
        }
    }
    Some(Value::Table(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_stands_alone() {
        let files = files();
        let (_, manifest) =
            files.iter().find(|(path, _)| path == "vendor/arch-runtime/Cargo.toml").expect("it");
        assert!(!manifest.contains("workspace"), "{manifest}");
        let manifest: Table = manifest.parse().expect("TOML");
        let serde = &manifest["dependencies"]["serde"];
        assert_eq!(serde["version"].as_str(), Some("1"));
        assert_eq!(serde["features"].to_string(), r#"["derive", "rc"]"#);
        assert_eq!(manifest["package"]["edition"].as_str(), Some("2024"));
        assert!(manifest.get("features").is_some() && manifest.get("dev-dependencies").is_none());
    }

    #[test]
    fn every_source_is_there() {
        let files = files();
        for path in ["src/lib.rs", "src/step/perform.rs", "src/store/sqlite/mod.rs", "src/model/mod.rs"] {
            assert!(files.iter().any(|(p, _)| *p == format!("{FOLDER}/{path}")), "{path}");
        }
    }
}
