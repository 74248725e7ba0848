//! `archc.lock`: what the specs of a project came to, as text that one can read, review and compare.
//!
//! It holds one entry for each spec and choice of constants whose result was as it should be, everything explored. It is
//! written by `archc check --lock`, and compared by `archc check --locked` ([`crate::locked`]). It lies in the directory
//! in which archc is called, and names files from there.

use crate::atomic;
use crate::codes;
use crate::digest::sha256;
use crate::load::reason;
use crate::outcome::{ExitStatus, FailureOutcome, PropertyOutcome, SpecOutcome, strength};
use arch_base::Diagnostic;
use arch_grammar::ast::Module;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

/// The file.
pub const FILE: &str = "archc.lock";

/// The version of its format. It grows when a field is removed or changes its meaning.
const VERSION: u32 = 1;

const HEADER: &str = "\
# What the specs of this project came to. Written by `archc check --lock`, compared by `archc check --locked`:
# review its changes, do not edit it.
";

/// The whole file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u32,
    /// The entries, by file, instance and settings.
    #[serde(rename = "spec", default)]
    entries: Vec<Entry>,
}

/// What stands behind the verdict of a property that says nothing of its model.
pub const VACUOUSLY: &str = " vacuously";

/// What tells entries apart: the file as named from the lock, the instance, the constants that `--set` chose.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Key {
    file: String,
    instance: Option<String>,
    settings: Vec<String>,
}

/// What one spec came to with one choice of constants.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    file: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    settings: Vec<String>,
    /// Of the text without its comments and its layout.
    pub hash: String,
    /// The version of archc that explored it.
    pub archc: String,
    /// `holds`, or `violated` where that is expected.
    pub verdict: String,
    /// What followed the file's name in the first line.
    pub summary: Vec<String>,
    /// The engine.
    pub engine: String,
    /// What was interchangeable, if states that differ in names alone were stored once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symmetry: Vec<String>,
    /// States stored.
    pub distinct_states: u64,
    /// States that they stand for.
    pub represented_states: u64,
    /// Events of the stored states.
    pub transitions: u64,
    /// The greatest distance from an initial state.
    pub depth: u32,
    /// What is treated fairly, if liveness is judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fairness: Vec<String>,
    /// The identities of all guard atoms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<String>,
    /// The codes of what exploration warned of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Properties and built-in checks, in their order, each with its kind, its verdict and what it claims.
    pub properties: IndexMap<String, String>,
    /// For each failure mode and property, the verdict.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<String, String>,
    /// What each part is for, if it was written with `--audit`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub audit: BTreeMap<String, String>,
}

/// What a check does with the lock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Locking {
    /// Nothing.
    Off,
    /// It writes what the specs come to.
    Write {
        /// As it was.
        lock: Lock,
        /// Whether specs are audited that were not.
        audit: bool,
    },
    /// It answers from it, and compares with it.
    Compare(Lock),
}

/// What each part of a spec is for, as far as the lock is concerned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pinned {
    /// Nobody asked.
    Nothing,
    /// What the lock says is of the same text and archc.
    Known(BTreeMap<String, String>),
    /// Only an audit can tell.
    Wanted,
}

impl Locking {
    /// The lock to answer from and to compare with.
    #[must_use]
    pub fn compared(&self) -> Option<&Lock> {
        match self {
            Locking::Compare(lock) => Some(lock),
            Locking::Off | Locking::Write { .. } => None,
        }
    }

    /// What there is to do for the audit of a spec that was explored. Of one that is not as it should be, nothing.
    #[must_use]
    pub fn audit_of(&self, outcome: &SpecOutcome) -> Pinned {
        let (lock, asked) = match self {
            Locking::Off => return Pinned::Nothing,
            Locking::Write { lock, audit } => (lock, *audit),
            Locking::Compare(lock) => (lock, false),
        };
        let key = Key::of(outcome);
        let kept = lock.entry(&key).filter(|e| !e.audit.is_empty());
        match kept {
            _ if Entry::of(outcome, &key).is_none() => Pinned::Nothing,
            Some(entry) if entry.hash == outcome.hash && entry.is_of_this_archc() => {
                Pinned::Known(entry.audit.clone())
            }
            None if !asked => Pinned::Nothing,
            _ => Pinned::Wanted,
        }
    }
}

impl Lock {
    /// Reads the lock; none if there is none.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is no lock, or is of a later version.
    pub fn read(path: &Path) -> Result<Option<Lock>, Diagnostic> {
        let wrong = |why: String| {
            Diagnostic::error(codes::LOCK, format!("{} cannot be used: {why}", path.display()))
                .help("restore it, or delete it and write it anew with `archc check --lock`")
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(wrong(e.to_string())),
        };
        let lock: Lock = toml::from_str(&text).map_err(|e| wrong(e.to_string().trim_end().to_owned()))?;
        if lock.version != VERSION {
            return Err(wrong(format!(
                "it has format {}, and this archc reads format {VERSION}",
                lock.version
            )));
        }
        if let Some(twice) = lock.named_twice() {
            return Err(wrong(format!("it has two entries for {twice}, as after a merge")));
        }
        Ok(Some(lock))
    }

    fn named_twice(&self) -> Option<&str> {
        let mut known = BTreeSet::new();
        self.entries.iter().find(|e| !known.insert(e.key())).map(|e| e.file.as_str())
    }

    /// Writes the lock in one piece, unless it says the same already.
    ///
    /// # Errors
    ///
    /// When it cannot be written; then the file is as it was.
    pub fn write(&self, path: &Path) -> Result<(), Diagnostic> {
        let text = self.text();
        if std::fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
            return Ok(());
        }
        atomic::write(path, text.as_bytes())
            .map_err(|e| format!("{} cannot be written: {}", path.display(), reason(&e)))
            .map_err(|message| Diagnostic::error(codes::LOCK, message))
    }

    fn text(&self) -> String {
        let body = toml::to_string_pretty(self).expect("a lock has string keys only");
        format!("{HEADER}{body}")
    }

    /// The entry of a spec.
    #[must_use]
    pub fn entry(&self, key: &Key) -> Option<&Entry> {
        self.entries.iter().find(|e| e.key() == *key)
    }

    /// The files that have an entry, lie in one of these directories, and are gone.
    #[must_use]
    pub fn gone(&self, paths: &[PathBuf]) -> Vec<&str> {
        let named: Vec<String> = paths.iter().map(|p| relative(&p.to_string_lossy())).collect();
        let below = |file: &str| named.iter().any(|p| p.is_empty() || Path::new(file).starts_with(p));
        let files: BTreeSet<&str> = self.entries.iter().map(|e| e.file.as_str()).collect();
        files.into_iter().filter(|f| below(f) && !Path::new(f).exists()).collect()
    }

    /// The instances that have an entry and that their files, of which these are all instances, do not have any more.
    #[must_use]
    pub fn gone_instances(&self, declared: &Declared) -> Vec<(&str, &str)> {
        let gone = self.entries.iter().filter(|e| !is_declared(declared, &e.key()));
        gone.filter_map(|e| Some((e.file.as_str(), e.instance.as_deref()?))).collect()
    }

    /// Puts in what specs came to. What is not as it should be has no entry, and an entry of an earlier text goes, too;
    /// one of the same text stays when the spec was not explored to the end this time. Files and instances that are gone are
    /// forgotten.
    #[must_use]
    pub fn updated(self, outcomes: &[SpecOutcome], declared: &Declared) -> Lock {
        let mut entries: BTreeMap<Key, Entry> = self.entries.into_iter().map(|e| (e.key(), e)).collect();
        entries.retain(|key, _| Path::new(&key.file).exists() && is_declared(declared, key));
        for outcome in outcomes {
            let key = Key::of(outcome);
            let stays = outcome.status == ExitStatus::Inconclusive
                && entries.get(&key).is_some_and(|e| e.hash == outcome.hash && e.is_of_this_archc());
            match Entry::of(outcome, &key) {
                Some(entry) => drop(entries.insert(key, entry)),
                None if stays => {}
                None => drop(entries.remove(&key)),
            }
        }
        Lock { version: VERSION, entries: entries.into_values().collect() }
    }
}

/// The instances of files, by the name that entries have for the file.
pub type Declared = BTreeMap<String, Vec<String>>;

/// Whether the instance of a key is there, or its file was not looked at.
fn is_declared(declared: &Declared, key: &Key) -> bool {
    match (&key.instance, declared.get(&key.file)) {
        (Some(instance), Some(known)) => known.contains(instance),
        _ => true,
    }
}

impl Key {
    /// The key of a spec.
    #[must_use]
    pub fn of(outcome: &SpecOutcome) -> Key {
        let settings = outcome.settings.iter().map(|(name, value)| format!("{name}={value}"));
        let mut settings: Vec<String> = settings.collect();
        settings.sort();
        Key { file: relative(&outcome.file), instance: outcome.instance.clone(), settings }
    }
}

/// The file as named from the working directory, if it is below it, with `/` between its parts.
#[must_use]
pub fn relative(file: &str) -> String {
    let path = Path::new(file);
    let here = std::env::current_dir().ok();
    let below = here.as_ref().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    let parts = below.components().filter(|c| !matches!(c, std::path::Component::CurDir));
    let mut name = String::new();
    for part in parts {
        let part = part.as_os_str().to_string_lossy();
        let slash = if name.is_empty() || name.ends_with('/') || part == "/" { "" } else { "/" };
        let _ = write!(name, "{slash}{part}");
    }
    name
}

impl Entry {
    fn key(&self) -> Key {
        Key { file: self.file.clone(), instance: self.instance.clone(), settings: self.settings.clone() }
    }

    /// Whether the same archc wrote it.
    #[must_use]
    pub fn is_of_this_archc(&self) -> bool {
        self.archc == env!("CARGO_PKG_VERSION")
    }

    /// The entry of a spec that is as it should be; of others there is none.
    #[must_use]
    pub fn of(outcome: &SpecOutcome, key: &Key) -> Option<Entry> {
        let explored = outcome.exploration.as_ref().filter(|e| e.complete)?;
        if !matches!(outcome.status, ExitStatus::Success | ExitStatus::Strict) {
            return None;
        }
        let used = explored.symmetry.as_ref().filter(|s| s.used);
        Some(Entry {
            file: key.file.clone(),
            instance: key.instance.clone(),
            settings: key.settings.clone(),
            hash: outcome.hash.clone(),
            archc: env!("CARGO_PKG_VERSION").to_owned(),
            verdict: outcome.verdict.word().to_owned(),
            summary: outcome.headline.parts.clone(),
            engine: explored.engine.to_owned(),
            symmetry: used.map_or_else(Vec::new, |s| s.interchangeable.clone()),
            distinct_states: explored.distinct_states,
            represented_states: explored.represented_states,
            transitions: explored.transitions,
            depth: explored.depth,
            fairness: fairness(&outcome.properties),
            guards: outcome.guards.clone(),
            warnings: warnings(outcome),
            properties: outcome.properties.iter().map(property).collect(),
            failures: failures(&outcome.failures),
            audit: outcome.audit.clone(),
        })
    }
}

fn fairness(properties: &[PropertyOutcome]) -> Vec<String> {
    let live = properties.iter().find_map(|p| p.liveness.as_ref());
    let assumed = live.map_or(&[][..], |l| &l.assumed);
    assumed.iter().map(|a| format!("{} ({})", a.name, strength(a.strong))).collect()
}

fn warnings(outcome: &SpecOutcome) -> Vec<String> {
    let explored = outcome.diagnostics.iter().filter(|d| d.code.0.starts_with("W09"));
    let mut codes: Vec<String> = explored.map(|d| d.code.0.to_owned()).collect();
    codes.sort();
    codes
}

fn property(property: &PropertyOutcome) -> (String, String) {
    let vacuously = if property.vacuous { VACUOUSLY } else { "" };
    let claim = if property.built_in() { String::new() } else { format!(": {}", property.claim) };
    (property.name.clone(), format!("{} {}{vacuously}{claim}", property.kind, property.verdict.word()))
}

/// A failure mode can say several things of one property; they are told apart by what they remove.
fn failures(failures: &[FailureOutcome]) -> BTreeMap<String, String> {
    let row = |f: &FailureOutcome| {
        let verb = if f.repair { "repaired by" } else { "prevented by" };
        let name = format!("{}: {verb} {} else {}", f.name, f.removed.join(" and "), f.property);
        (name, f.verdict.word().to_owned())
    };
    failures.iter().map(row).collect()
}

/// The hash of a text without its comments and its layout: indentation, blank lines, spaces at the ends of lines.
#[must_use]
pub fn hash(text: &str, module: &Module) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut at = 0;
    for comment in &module.comments {
        bare.push_str(&text[at..comment.span.start as usize]);
        at = comment.span.end as usize;
    }
    bare.push_str(&text[at..]);
    let lines = bare.lines().map(str::trim).filter(|l| !l.is_empty());
    format!("sha256:{}", sha256(&lines.map(|line| format!("{line}\n")).collect::<String>()))
}
