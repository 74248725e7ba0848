//! A folder with a crate: what its `Cargo.toml` says, and where other things lie from there.

use crate::load::reason;
use crate::runtime_crate;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use toml::{Table, Value};

/// What its `Cargo.toml` says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Package {
    /// The package.
    pub name: String,
    /// Its library, as Rust code calls it.
    pub lib_name: String,
    /// Whether it carries the runtime along.
    pub vendors: bool,
    /// Whether the runtime's feature for gRPC is on.
    pub grpc: bool,
}

impl Package {
    /// One that carries the runtime along or not.
    #[must_use]
    pub fn new(name: &str, vendors: bool) -> Package {
        Package { name: name.to_owned(), lib_name: name.replace('-', "_"), vendors, grpc: false }
    }

    /// The crate in a folder; none where there is no `Cargo.toml`.
    ///
    /// # Errors
    /// It cannot be read, or is not the manifest of a package.
    pub fn read(folder: &Path) -> Result<Option<Package>, String> {
        let path = folder.join("Cargo.toml");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(format!("cannot read {}: {}", path.display(), reason(&e))),
        };
        let manifest: Table = text.parse().map_err(|e| format!("{} is no TOML: {e}", path.display()))?;
        let text_at = |keys: &[&str]| at(&manifest, keys).and_then(Value::as_str);
        let name = text_at(&["package", "name"]);
        let name = name.ok_or_else(|| format!("{} names no package", path.display()))?;
        let runtime = text_at(&["dependencies", "arch-runtime", "path"]);
        let mut package = Package::new(name, runtime.is_some_and(|p| p == runtime_crate::FOLDER));
        let features = at(&manifest, &["dependencies", "arch-runtime", "features"]).and_then(Value::as_array);
        package.grpc = features.is_some_and(|all| all.iter().any(|f| f.as_str() == Some("grpc")));
        if let Some(lib) = text_at(&["lib", "name"]) {
            lib.clone_into(&mut package.lib_name);
        }
        Ok(Some(package))
    }
}

fn at<'t>(table: &'t Table, keys: &[&str]) -> Option<&'t Value> {
    let (first, rest) = keys.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.get(key))
}

/// The path from the working directory's root, without links as far as it is there.
#[must_use]
pub fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut there = path.clone();
    loop {
        if let Ok(found) = there.canonicalize() {
            let rest = path.strip_prefix(&there).unwrap_or(Path::new(""));
            return rest.components().fold(found, |path, part| path.join(part));
        }
        if !there.pop() {
            return path;
        }
    }
}

/// The way from a folder to a file, with `/`: the same wherever both are moved to together, and from wherever it is asked.
#[must_use]
pub fn from_there(folder: &Path, file: &Path) -> String {
    let (folder, file) = (absolute(folder), absolute(file));
    let (up, down): (Vec<_>, Vec<_>) = (folder.components().collect(), file.components().collect());
    let same = up.iter().zip(&down).take_while(|(a, b)| a == b).count();
    let back = up[same..].iter().map(|_| "..".to_owned());
    let on = down[same..].iter().map(|part: &Component<'_>| part.as_os_str().to_string_lossy().into_owned());
    back.chain(on).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_between_folders() {
        let way = |folder: &str, file: &str| from_there(Path::new(folder), Path::new(file));
        assert_eq!(way("/no/such/crate", "/no/such/specs/a.arch"), "../specs/a.arch");
        assert_eq!(way("/no/such", "/no/such/a.arch"), "a.arch");
        assert_eq!(way("no-such", "a.arch"), "../a.arch");
        assert_eq!(way(".", "a.arch"), "a.arch");
    }
}
