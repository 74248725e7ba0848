//! The machine-readable report; `docs/report.schema.json` describes it.

use super::diagnostics::word;
use super::statistics;
use crate::outcome::{
    AssumptionOutcome, Change, CoverageOutcome, ExitStatus, Explanation, FailureOutcome, OwnershipOutcome,
    Place, PropertyOutcome, SpecOutcome, StepOutcome, SymmetryOutcome, ToldApart, TreatedOutcome, strength,
};
use arch_base::{Diagnostic, Label, SourceMap, Span};
use serde::Serialize;

/// Grows whenever a field is removed or changes its meaning; new fields do not count.
pub(crate) const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    archc: &'static str,
    exit_status: u8,
    specs: Vec<Spec<'a>>,
}

#[derive(Serialize)]
struct Spec<'a> {
    file: &'a str,
    archetype: Option<&'a str>,
    instance: Option<&'a str>,
    settings: Vec<Constant<'a>>,
    verdict: &'static str,
    exit_status: u8,
    expected: Option<bool>,
    expectations: &'a [String],
    sketch: bool,
    summary: String,
    reasons: &'a [String],
    engine: Option<&'static str>,
    distinct_states: Option<u64>,
    represented_states: Option<u64>,
    symmetry: Option<SymmetryJson<'a>>,
    transitions: Option<u64>,
    depth: Option<u32>,
    complete: bool,
    statistics: Option<statistics::Json<'a>>,
    simulation: Option<SimulationJson>,
    compaction: Option<CompactionJson>,
    fairness: Vec<FairnessJson<'a>>,
    properties: Vec<Property<'a>>,
    failures: Vec<Failure<'a>>,
    coverage: Vec<CoverageJson<'a>>,
    ownership: Vec<OwnershipJson<'a>>,
    diagnostics: Vec<Message<'a>>,
}

#[derive(Serialize)]
struct CompactionJson {
    fingerprint_bits: u32,
    missed_probability: f64,
}

#[derive(Serialize)]
struct OwnershipJson<'a> {
    shape: &'a str,
    owner: Option<&'a str>,
    expiry: Option<&'a str>,
    generation: Option<GenerationJson<'a>>,
}

#[derive(Serialize)]
struct GenerationJson<'a> {
    kind: &'static str,
    name: &'a str,
}

#[derive(Serialize)]
struct SimulationJson {
    seed: u64,
    runs: u64,
    depth: u32,
}

#[derive(Serialize)]
struct SymmetryJson<'a> {
    used: bool,
    interchangeable: &'a [String],
    told_apart: Vec<ToldApartJson<'a>>,
}

#[derive(Serialize)]
struct ToldApartJson<'a> {
    name: &'a str,
    reason: &'static str,
    span: Option<PlaceJson>,
}

#[derive(Serialize)]
struct Constant<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct Property<'a> {
    name: &'a str,
    kind: &'static str,
    claim: Option<&'a str>,
    verdict: &'static str,
    reason: Option<&'a str>,
    expected_violated: bool,
    span: Option<PlaceJson>,
    initial: Option<Vec<CellJson<'a>>>,
    trace: Vec<Step<'a>>,
    cycle_start: Option<u32>,
    treated: Vec<TreatedJson<'a>>,
    needs: Option<NeedsJson<'a>>,
    vacuous: bool,
    shown_in: Option<&'a str>,
    explanations: Vec<ExplanationJson<'a>>,
}

#[derive(Serialize)]
struct FairnessJson<'a> {
    name: &'a str,
    strength: &'static str,
}

#[derive(Serialize)]
struct TreatedJson<'a> {
    unit: &'a str,
    strength: &'static str,
    taken_at: Option<u32>,
    disabled_after: Option<u32>,
}

#[derive(Serialize)]
struct NeedsJson<'a> {
    fairness: Vec<FairnessJson<'a>>,
    smallest: bool,
}

#[derive(Serialize)]
struct CellJson<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct Step<'a> {
    actor: Option<&'a str>,
    operation: Option<&'a str>,
    run: Option<&'a str>,
    event: &'a str,
    span: Option<PlaceJson>,
    because: &'a [String],
    changes: Vec<ChangeJson<'a>>,
    problem: Option<&'a str>,
}

#[derive(Serialize)]
struct ChangeJson<'a> {
    name: &'a str,
    old: &'a str,
    new: &'a str,
}

#[derive(Serialize)]
struct ExplanationJson<'a> {
    text: &'a str,
    span: Option<PlaceJson>,
    details: &'a [String],
}

#[derive(Serialize)]
struct Failure<'a> {
    name: &'a str,
    verdict: &'static str,
    reason: Option<&'a str>,
    repair: bool,
    removed: &'a [String],
    property: &'a str,
    span: PlaceJson,
    cycle_start: Option<u32>,
    #[serde(flatten)]
    behaviour: ShownJson<'a>,
}

#[derive(Serialize, Default)]
struct ShownJson<'a> {
    initial: Option<Vec<CellJson<'a>>>,
    trace: Vec<Step<'a>>,
    treated: Vec<TreatedJson<'a>>,
    explanations: Vec<ExplanationJson<'a>>,
}

#[derive(Serialize)]
struct CoverageJson<'a> {
    kind: &'static str,
    name: &'a str,
    covered: bool,
    executed: Option<u64>,
    refused: Option<bool>,
    span: PlaceJson,
}

#[derive(Serialize)]
struct Message<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    labels: Vec<LabelJson<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct LabelJson<'a> {
    #[serde(flatten)]
    place: PlaceJson,
    message: &'a str,
    primary: bool,
}

#[derive(Serialize)]
struct PlaceJson {
    file: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

/// All specs as one document.
#[must_use]
pub fn document(outcomes: &[SpecOutcome], sources: &SourceMap) -> String {
    let worst = outcomes.iter().map(|o| o.status).max().unwrap_or(ExitStatus::Success);
    let document = Document {
        version: VERSION,
        archc: env!("CARGO_PKG_VERSION"),
        exit_status: worst.code(),
        specs: outcomes.iter().map(|o| spec(o, sources)).collect(),
    };
    let mut text = serde_json::to_string_pretty(&document).expect("the document has string keys only");
    text.push('\n');
    text
}

fn spec<'a>(outcome: &'a SpecOutcome, sources: &SourceMap) -> Spec<'a> {
    let explored = outcome.exploration.as_ref();
    Spec {
        file: &outcome.file,
        archetype: outcome.archetype.as_deref(),
        instance: outcome.instance.as_deref(),
        settings: outcome.settings.iter().map(|(name, value)| Constant { name, value }).collect(),
        verdict: outcome.verdict.word(),
        exit_status: outcome.status.code(),
        expected: outcome.as_expected,
        expectations: &outcome.expectations,
        sketch: outcome.sketch,
        summary: super::text::plain_headline(outcome),
        reasons: &outcome.reasons,
        engine: explored.map(|e| e.engine),
        distinct_states: explored.map(|e| e.distinct_states),
        represented_states: explored.map(|e| e.represented_states),
        symmetry: explored.and_then(|e| e.symmetry.as_ref()).map(|s| symmetry(s, sources)),
        transitions: explored.map(|e| e.transitions),
        depth: explored.map(|e| e.depth),
        complete: explored.is_some_and(|e| e.complete),
        statistics: explored.and_then(statistics::Json::of),
        simulation: explored.and_then(|e| e.simulation).map(|s| SimulationJson {
            seed: s.seed,
            runs: s.runs,
            depth: s.depth,
        }),
        compaction: explored
            .and_then(|e| e.compaction)
            .map(|c| CompactionJson { fingerprint_bits: c.bits, missed_probability: c.missed() }),
        fairness: fairness(
            outcome.properties.iter().find_map(|p| p.liveness.as_ref()).map_or(&[], |l| &l.assumed),
        ),
        properties: outcome.properties.iter().map(|p| property(p, sources)).collect(),
        failures: outcome.failures.iter().map(|f| failure(f, sources)).collect(),
        coverage: outcome.coverage.iter().map(|c| coverage(c, sources)).collect(),
        ownership: outcome.ownership.iter().map(ownership).collect(),
        diagnostics: outcome.diagnostics.iter().map(|d| message(d, sources)).collect(),
    }
}

fn ownership(found: &OwnershipOutcome) -> OwnershipJson<'_> {
    let generation = found.generation.as_ref();
    OwnershipJson {
        shape: &found.shape,
        owner: found.owner.as_deref(),
        expiry: found.expiry.as_deref(),
        generation: generation.map(|(kind, name)| GenerationJson { kind, name }),
    }
}

fn symmetry<'a>(found: &'a SymmetryOutcome, sources: &SourceMap) -> SymmetryJson<'a> {
    let told_apart = |t: &'a ToldApart| ToldApartJson {
        name: &t.name,
        reason: t.reason,
        span: place(Some(t.span), sources),
    };
    SymmetryJson {
        used: found.used,
        interchangeable: &found.interchangeable,
        told_apart: found.told_apart.iter().map(told_apart).collect(),
    }
}

/// A property as in the report of a check.
pub(super) fn property_value(of: &PropertyOutcome, sources: &SourceMap) -> serde_json::Value {
    serde_json::to_value(property(of, sources)).expect("a property has string keys only")
}

/// A place as in the report of a check.
pub(super) fn place_value(span: Span, sources: &SourceMap) -> serde_json::Value {
    serde_json::to_value(located(span, sources)).expect("a place has string keys only")
}

/// Diagnostics as in the report of a check.
pub(super) fn diagnostics_value(list: &[Diagnostic], sources: &SourceMap) -> serde_json::Value {
    let list: Vec<Message<'_>> = list.iter().map(|d| message(d, sources)).collect();
    serde_json::to_value(list).expect("a diagnostic has string keys only")
}

fn property<'a>(property: &'a PropertyOutcome, sources: &SourceMap) -> Property<'a> {
    let trace = property.trace.as_ref();
    let steps = trace.map_or(&[][..], |t| &t.steps);
    let ending = trace.map_or(&[][..], |t| &t.ending);
    let live = property.liveness.as_ref();
    let cycle = live.and_then(|l| l.cycle.as_ref());
    Property {
        name: &property.name,
        kind: property.kind,
        claim: (!property.built_in()).then_some(&property.claim),
        verdict: property.verdict.word(),
        reason: property.verdict.reason(),
        expected_violated: property.expected_violated,
        span: place(property.span, sources),
        initial: trace
            .map(|t| t.initial.iter().map(|c| CellJson { name: &c.name, value: &c.value }).collect()),
        trace: steps.iter().map(|s| step(s, sources)).collect(),
        cycle_start: cycle.map(|c| c.back_to),
        treated: cycle.map_or(&[][..], |c| &c.treated).iter().map(treated).collect(),
        needs: live
            .and_then(|l| l.needs.as_ref())
            .map(|(list, smallest)| NeedsJson { fairness: fairness(list), smallest: *smallest }),
        vacuous: property.shown_in.is_none() && (property.vacuous || live.is_some_and(|l| l.vacuous)),
        shown_in: property.shown_in.as_deref(),
        explanations: ending.iter().map(|e| explanation(e, sources)).collect(),
    }
}

fn fairness(list: &[AssumptionOutcome]) -> Vec<FairnessJson<'_>> {
    list.iter().map(|a| FairnessJson { name: &a.name, strength: strength(a.strong) }).collect()
}

fn treated(treated: &TreatedOutcome) -> TreatedJson<'_> {
    TreatedJson {
        unit: &treated.unit,
        strength: strength(treated.strong),
        taken_at: treated.taken,
        disabled_after: treated.disabled,
    }
}

fn step<'a>(step: &'a StepOutcome, sources: &SourceMap) -> Step<'a> {
    Step {
        actor: step.actor.as_deref(),
        operation: step.operation.as_deref(),
        run: step.run.as_deref(),
        event: &step.event,
        span: place(step.span, sources),
        because: &step.because,
        changes: step.changes.iter().map(change).collect(),
        problem: step.problem.as_deref(),
    }
}

fn change(change: &Change) -> ChangeJson<'_> {
    ChangeJson { name: &change.name, old: &change.old, new: &change.new }
}

fn explanation<'a>(explanation: &'a Explanation, sources: &SourceMap) -> ExplanationJson<'a> {
    ExplanationJson {
        text: &explanation.text,
        span: place(explanation.span, sources),
        details: &explanation.details,
    }
}

fn failure<'a>(failure: &'a FailureOutcome, sources: &SourceMap) -> Failure<'a> {
    let shown = failure.violation.as_ref().map(|v| property(v, sources));
    Failure {
        name: &failure.name,
        verdict: failure.verdict.word(),
        reason: failure.verdict.reason(),
        repair: failure.repair,
        removed: &failure.removed,
        property: &failure.property,
        span: located(failure.span, sources),
        cycle_start: shown.as_ref().and_then(|v| v.cycle_start),
        behaviour: shown.map_or_else(ShownJson::default, |v| ShownJson {
            initial: v.initial,
            trace: v.trace,
            treated: v.treated,
            explanations: v.explanations,
        }),
    }
}

fn coverage<'a>(of: &'a CoverageOutcome, sources: &SourceMap) -> CoverageJson<'a> {
    CoverageJson {
        kind: of.kind,
        name: &of.name,
        covered: of.covered,
        executed: of.executed,
        refused: of.refused,
        span: located(of.span, sources),
    }
}

fn message<'a>(diagnostic: &'a Diagnostic, sources: &SourceMap) -> Message<'a> {
    Message {
        code: diagnostic.code.0,
        severity: word(diagnostic.severity),
        message: &diagnostic.message,
        labels: diagnostic.labels.iter().map(|l| label(l, sources)).collect(),
        notes: &diagnostic.notes,
    }
}

fn label<'a>(label: &'a Label, sources: &SourceMap) -> LabelJson<'a> {
    LabelJson { place: located(label.span, sources), message: &label.message, primary: label.primary }
}

fn place(span: Option<Span>, sources: &SourceMap) -> Option<PlaceJson> {
    span.map(|s| located(s, sources))
}

fn located(span: Span, sources: &SourceMap) -> PlaceJson {
    let Place { file, line, column, end_line, end_column } = Place::of(sources, span);
    PlaceJson { file, line, column, end_line, end_column }
}
