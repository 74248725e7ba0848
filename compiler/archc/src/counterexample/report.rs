//! The behaviours of a report: of `archc check --format json` or `archc faults --format json`.

use crate::narrate::ToldStep;
use crate::render::json::VERSION;
use serde::Deserialize;
use std::path::Path;

/// Where a behaviour is from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// The spec as it is written.
    Spec,
    /// A failure mode: the spec without what prevents or repairs it.
    Failure {
        /// Its name.
        name: String,
        /// What was removed.
        removed: Vec<String>,
        /// Whether that repairs (else it prevents).
        repair: bool,
    },
    /// The spec under this fault alone; none for the spec without faults.
    Fault(Option<String>),
}

/// A behaviour that violates a property.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Where it is from.
    pub source: Source,
    /// The property.
    pub property: String,
    /// What is violated, in the words of the report.
    pub words: Vec<String>,
    /// Cells of the initial state that are worth telling.
    pub initial: Vec<(String, String)>,
    /// Its steps.
    pub(crate) steps: Vec<ToldStep>,
    /// Whether it goes on for ever.
    pub endless: bool,
}

/// The behaviours of one spec, and the constants they were found with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The spec, as it was named.
    pub file: String,
    /// The instance.
    pub instance: Option<String>,
    /// Constants from the command line; a matrix does not tell them.
    pub settings: Option<Vec<(String, String)>>,
    /// Its behaviours.
    pub told: Vec<Told>,
}

/// The report of a spec.
///
/// # Errors
/// It is none, or has nothing of this spec.
pub fn read(text: &str, spec: &Path) -> Result<Report, String> {
    let document: Document = serde_json::from_str(text).map_err(|e| {
        format!("this is no report of `archc check --format json` or `archc faults --format json`: {e}")
    })?;
    if document.version != VERSION {
        return Err(format!("this is a report of version {}, and {VERSION} is read", document.version));
    }
    let files: Vec<String> = document.specs.iter().map(|s| s.file.clone()).collect();
    let same = |file: &str| match (Path::new(file).canonicalize(), spec.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => Path::new(file) == spec,
    };
    let alone = files.len() == 1;
    let found: Vec<Spec> = document.specs.into_iter().filter(|s| alone || same(&s.file)).collect();
    match <[Spec; 1]>::try_from(found) {
        Ok([spec]) => Ok(report(spec)),
        Err(none) if none.is_empty() => {
            Err(format!("the report has nothing of {}: it is of {}", spec.display(), files.join(", ")))
        }
        Err(several) => Err(format!(
            "the report has {} results of {}: make it for one choice of constants (`--instance NAME`)",
            several.len(),
            spec.display()
        )),
    }
}

#[derive(Deserialize)]
struct Document {
    version: u32,
    specs: Vec<Spec>,
}

#[derive(Deserialize)]
struct Spec {
    file: String,
    instance: Option<String>,
    settings: Option<Vec<Cell>>,
    #[serde(default)]
    properties: Vec<Property>,
    #[serde(default)]
    failures: Vec<Failure>,
    #[serde(default)]
    faults: Vec<Fault>,
}

#[derive(Deserialize)]
struct Cell {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Property {
    name: String,
    verdict: String,
    #[serde(flatten)]
    shown: Shown,
}

#[derive(Deserialize)]
struct Shown {
    initial: Option<Vec<Cell>>,
    trace: Vec<Step>,
    cycle_start: Option<u32>,
    #[serde(default)]
    treated: Vec<serde_json::Value>,
    explanations: Vec<Explanation>,
}

#[derive(Deserialize)]
struct Step {
    event: String,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    name: String,
    old: String,
    new: String,
}

#[derive(Deserialize)]
struct Explanation {
    text: String,
}

#[derive(Deserialize)]
struct Failure {
    name: String,
    repair: bool,
    removed: Vec<String>,
    property: String,
    #[serde(flatten)]
    shown: Shown,
}

#[derive(Deserialize)]
struct Fault {
    fault: Option<String>,
    properties: Vec<Property>,
}

fn report(spec: Spec) -> Report {
    let of = |source: Source, properties: Vec<Property>| -> Vec<Told> {
        let violated = properties.into_iter().filter(|p| p.verdict == "violated");
        violated.filter_map(|p| told(source.clone(), p.name, p.shown)).collect()
    };
    let mut all = of(Source::Spec, spec.properties);
    for failure in spec.failures {
        let Failure { name, repair, removed, property, shown } = failure;
        all.extend(told(Source::Failure { name, removed, repair }, property, shown));
    }
    for row in spec.faults {
        all.extend(of(Source::Fault(row.fault), row.properties));
    }
    let settings = spec.settings.map(|list| list.into_iter().map(|c| (c.name, c.value)).collect());
    Report { file: spec.file, instance: spec.instance, settings, told: all }
}

/// The behaviour that is told, if one is: what never happens has none.
fn told(source: Source, property: String, shown: Shown) -> Option<Told> {
    let change = |c: Change| (c.name, c.old, c.new);
    let step = |s: Step| ToldStep { event: s.event, changes: s.changes.into_iter().map(change).collect() };
    Some(Told {
        source,
        property,
        words: shown.explanations.into_iter().map(|e| e.text).collect(),
        initial: shown.initial?.into_iter().map(|c| (c.name, c.value)).collect(),
        steps: shown.trace.into_iter().map(step).collect(),
        endless: shown.cycle_start.is_some() || !shown.treated.is_empty(),
    })
}
