//! What was found: verdict, properties, failure modes with the behaviours that show them, the audit.

use super::{Context, answer, marked, tag, tone};
use crate::found::{Explored, Failure, Part, Trace};
use crate::sequence;
use crate::shell::figure;
use arch_base::Span;
use arch_base::quantity::{counted, thousands};
use arch_grammar::ast::{FailureClause, FailureDecl, ItemKind, PropertyDecl};
use maud::{Markup, html};

/// The widest drawing that a page shows whole on a large screen.
const WIDEST: i32 = 1_090;

/// The verdict, and how much was looked at.
pub fn verdict(context: &Context<'_>) -> Markup {
    let found = &context.spec.found;
    let Some(verdict) = &found.verdict else {
        return html! {
            div class="verdict" { (tag("", "NOT CHECKED")) span { "Nothing on this page was verified when it was written." } }
        };
    };
    let instance =
        found.instance.as_ref().map_or("with its defaults".to_owned(), |i| format!("instance {i}"));
    html! {
        div class="verdict" {
            (tag(tone(verdict.tone), &verdict.word))
            span { (instance) }
            @for part in &verdict.parts { span { (part) } }
        }
        @if let Some(explored) = &found.explored { (states(explored)) }
        @if !found.problems.is_empty() {
            div class="note" { ul { @for problem in &found.problems { li { (marked(problem)) } } } }
        }
    }
}

fn states(explored: &Explored) -> Markup {
    let Explored { states, stored, transitions, depth, complete } = *explored;
    html! {
        p class="soft" {
            @if !complete { "Not all was explored: " }
            (thousands(states)) " states"
            @if stored != states { " (" (thousands(stored)) " stored: the others differ in names alone)" }
            ", " (thousands(transitions)) " transitions, at most " (depth) " steps from the beginning."
        }
    }
}

/// The properties with what was found of each.
pub fn properties(context: &Context<'_>) -> Option<Markup> {
    let declared = context.spec.module.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Property(property) => Some((item.span, property)),
        _ => None,
    });
    let rows: Vec<Markup> = declared.map(|(span, p)| property(context, span, p)).collect();
    let built_in: Vec<_> = context.spec.found.properties.iter().filter(|p| p.built_in).collect();
    if rows.is_empty() && built_in.is_empty() {
        return None;
    }
    Some(html! {
        div class="table" { table class="wide" {
            thead { tr { th { "Property" } th { "Claims" } th { "Found" } } }
            tbody {
                @for row in rows { (row) }
                @for p in &built_in {
                    tr { td class="name" { (p.name) } td class="soft" { "a check that every spec has" } td data-of="found" { (answer(&p.answer)) } }
                }
            }
        } }
        @for p in context.spec.found.properties.iter().filter(|p| p.violated) {
            @if let Some(trace) = &p.trace { (behaviour(&format!("{} is violated", p.name), trace)) }
        }
    })
}

fn property(context: &Context<'_>, span: Span, property: &PropertyDecl) -> Markup {
    let name = &property.name.name;
    let claim = context.written(Span { start: property.name.span.end, ..span });
    let about = context.prose.above(span);
    html! {
        tr id={ "property-" (name) } {
            td class="name" { (name) }
            td data-of="claims" {
                code { (claim.trim_start_matches([':', ' '])) }
                @if !about.is_empty() { div class="soft" { (marked(&about)) } }
            }
            td data-of="found" {
                @match context.spec.found.property(name) {
                    Some(found) => (answer(&found.answer)),
                    None => (tag("", "not checked")),
                }
            }
        }
    }
}

/// The failure modes: what prevents and repairs each, and what was verified of that.
pub fn failures(context: &Context<'_>) -> Option<Markup> {
    let declared = context.spec.module.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Failure(failure) => Some((item.span, failure)),
        _ => None,
    });
    let failures: Vec<_> = declared.collect();
    if failures.is_empty() {
        return None;
    }
    Some(html! {
        div class="table" { table class="wide" {
            thead { tr { th { "Failure mode" } th { "Prevention or repair" } th { "Without it violated" } th { "Verified" } } }
            tbody { @for (span, failure) in failures { (mode(context, span, failure)) } }
        } }
        (counterexamples(&context.spec.found.failures))
    })
}

fn mode(context: &Context<'_>, span: Span, failure: &FailureDecl) -> Markup {
    let about = context.prose.above(span);
    html! {
        @for (i, clause) in failure.clauses.iter().enumerate() {
            tr {
                @if i == 0 {
                    td rowspan=(failure.clauses.len()) {
                        b { (failure.name.value) }
                        @if !about.is_empty() { div class="soft" { (marked(&about)) } }
                    }
                }
                td {
                    (if clause.repair { "repaired by " } else { "prevented by " })
                    @for (i, target) in clause.by.iter().enumerate() {
                        @if i > 0 { " and " }
                        code { (context.written(target.span)) }
                    }
                    @if clause.despite { " (needed with the prevention in place)" }
                }
                td data-of="without it violated" { @for (i, p) in clause.violates.iter().enumerate() { @if i > 0 { br; } code { (p.name) } } }
                td data-of="verified" { (verified(context, clause)) }
            }
        }
    }
}

/// One line for each property of a clause.
fn verified(context: &Context<'_>, clause: &FailureClause) -> Markup {
    let results: Vec<&Failure> = context.spec.found.clause(clause.span).collect();
    html! {
        @if results.is_empty() { (tag("", "not checked")) }
        @for result in results { div { (answer(&result.answer)) } }
    }
}

fn counterexamples(failures: &[Failure]) -> Markup {
    let traced: Vec<(&Failure, &Trace)> =
        failures.iter().filter_map(|f| Some((f, f.trace.as_ref()?))).collect();
    if traced.is_empty() {
        return html! {};
    }
    html! {
        h3 { "How they happen" }
        p { "The behaviour that was found for each: with the prevention taken out, unless it says otherwise." }
        @for (failure, trace) in traced {
            @let title = format!("{}: {}, {} is violated", failure.name, failure.setting, failure.property);
            (behaviour(&title, trace))
        }
    }
}

fn behaviour(title: &str, trace: &Trace) -> Markup {
    html! {
        details class="trace" {
            summary { (title) " " span class="soft" { "— " (counted(trace.steps.len() as u64, "step")) } }
            @let below = figure(sequence::below(trace, title));
            @match sequence::beside(trace, title, WIDEST) {
                Some(beside) => { div class="roomy" { (figure(beside)) } div class="narrow" { (below) } },
                None => (below),
            }
        }
    }
}

/// What each part of the guards is for, if an audit said so.
pub fn guards(context: &Context<'_>) -> Option<Markup> {
    let audit = context.spec.found.audit.as_ref()?;
    Some(html! {
        @if let Some(why) = &audit.open { div class="note" { "The audit is open: " (why) } }
        @if !audit.parts.is_empty() {
            p { "Each part was taken out in turn, and the spec without it compared with the spec." }
            div class="table" { table class="wide" {
                thead { tr { th { "Part" } th { "Says" } th { "Is" } th { "Without it" } } }
                tbody { @for part in &audit.parts { (row(part)) } }
            } }
        }
    })
}

fn row(part: &Part) -> Markup {
    let class = match part.class.as_str() {
        "load-bearing" => "good",
        "masked" => "",
        "redundant" | "unobserved" | "inconclusive" => "open",
        _ => "bad",
    };
    html! {
        tr {
            td { code { (part.id) } }
            td data-of="says" { code { (part.text) } }
            td data-of="is" { (tag(class, &part.class)) }
            td data-of="without it" {
                @if let Some((property, steps)) = &part.breaks {
                    code { (property) } " is violated"
                    @if let Some(steps) = steps { " in " (counted(*steps as u64, "step")) }
                }
                @for note in &part.notes { div class="soft" { (note) } }
            }
        }
    }
}
