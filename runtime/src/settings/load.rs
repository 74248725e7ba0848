//! Reads the file and the environment.

use super::Settings;
use config::{Config, Environment, File, FileFormat};
use std::path::{Path, PathBuf};

/// A configuration that cannot be used. Says which key is wrong, and where it comes from.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file that was named cannot be read.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        why: String,
    },
    /// A key has a wrong value, or there is no such key.
    #[error("{key}: {why} (a key of the file, or the variable {variable})")]
    Key {
        /// The key, `store.url`.
        key: String,
        /// What is wrong.
        why: String,
        /// The environment variable that sets it.
        variable: String,
    },
}

/// The variable that sets a key.
fn variable(service: &str, key: &str) -> String {
    let prefix = prefix(service);
    format!("{prefix}__{}", key.replace('.', "__").to_ascii_uppercase())
}

fn prefix(service: &str) -> String {
    service.replace('-', "_").to_ascii_uppercase()
}

/// The configuration of a service: defaults, then the file (`<service>.toml` if it is there and none is named), then the
/// environment. `variables` is the environment. A variable may hold a whole table, as TOML writes it in one line: names in it may
/// have dots and capitals, which the names of variables cannot (`CLAIMS__OUTBOX__TARGETS={ "main.told" = "http://…" }`).
///
/// # Errors
/// What is wrong, with the key.
pub fn load(
    service: &str,
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Settings, SettingsError> {
    let prefix = prefix(service);
    let variables = variables.into_iter().filter(|(name, _)| name.starts_with(&format!("{prefix}__")));
    let (tables, plain): (Vec<_>, Vec<_>) =
        variables.partition(|(_, value)| value.trim_start().starts_with('{'));
    let environment = Environment::with_prefix(&prefix)
        .separator("__")
        .try_parsing(true)
        .source(Some(plain.into_iter().collect()));
    let mut builder = Config::builder();
    if let Some(path) = file_of(service, file)? {
        builder = builder.add_source(File::from(path).format(FileFormat::Toml));
    }
    for (name, value) in tables {
        builder = builder.add_source(File::from_str(&table(&prefix, &name, &value)?, FileFormat::Toml));
    }
    let path = file.map_or_else(|| format!("{service}.toml"), |p| p.display().to_string());
    let unreadable = |e: config::ConfigError| SettingsError::File { path, why: e.to_string() };
    let merged = builder.add_source(environment).build().map_err(unreadable)?;
    let settings: Settings = serde_path_to_error::deserialize(merged).map_err(|e| wrong(service, &e))?;
    settings.check(|key, why| SettingsError::Key {
        key: key.into(),
        why,
        variable: variable(service, key),
    })?;
    Ok(settings.complete(service))
}

/// A table that a variable holds, as a file has it.
fn table(prefix: &str, variable: &str, value: &str) -> Result<String, SettingsError> {
    let path = variable.strip_prefix(&format!("{prefix}__")).unwrap_or(variable).to_ascii_lowercase();
    let key = path.replace("__", ".");
    let text = format!("{key} = {}", value.trim());
    match toml::from_str::<toml::Table>(&text) {
        Ok(_) => Ok(text),
        // The message shows the text, in which a token may be.
        Err(e) => Err(SettingsError::Key {
            key,
            why: format!("is no table as TOML writes it, `{{ name = value, … }}`: {}", e.message()),
            variable: variable.to_owned(),
        }),
    }
}

fn file_of(service: &str, named: Option<&Path>) -> Result<Option<PathBuf>, SettingsError> {
    match named {
        Some(path) if path.is_file() => Ok(Some(path.to_owned())),
        Some(path) => {
            Err(SettingsError::File { path: path.display().to_string(), why: "there is no such file".into() })
        }
        None => Ok(Some(PathBuf::from(format!("{service}.toml"))).filter(|path| path.is_file())),
    }
}

fn wrong(service: &str, error: &serde_path_to_error::Error<config::ConfigError>) -> SettingsError {
    let key = error.path().to_string();
    // What is left of the message once the key is said.
    let why = match error.inner() {
        config::ConfigError::Type { origin, unexpected, expected, .. } => {
            let from = origin.as_ref().map(|o| format!(" in {o}")).unwrap_or_default();
            format!("found {unexpected}{from}, expected {expected}")
        }
        config::ConfigError::At { error, origin, .. } => {
            let from = origin.as_ref().map(|o| format!(" in {o}")).unwrap_or_default();
            format!("{error}{from}")
        }
        other => other.to_string(),
    };
    let variable = variable(service, &key);
    SettingsError::Key { key, why, variable }
}
