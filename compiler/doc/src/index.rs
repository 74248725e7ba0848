//! The index: what there is, what was found of it, how it is connected.

use crate::found::Tone;
use crate::page::{tag, tone};
use crate::shell::figure;
use crate::{Spec, connections, shell};
use arch_base::quantity::{counted, thousands};
use arch_grammar::ast::ItemKind;
use maud::{Markup, html};

/// The page.
pub fn render(specs: &[Spec<'_>], names: &[String]) -> String {
    let all: Vec<(&Spec<'_>, &String)> = specs.iter().zip(names).collect();
    let archetype = |(spec, _): &&(&Spec<'_>, &String)| spec.module.header.is_some();
    let archetypes: Vec<_> = all.iter().filter(archetype).copied().collect();
    let others: Vec<_> = all.iter().filter(|pair| !archetype(pair)).copied().collect();
    let content = html! {
        h1 { "The catalogue" }
        p class="soft" { (summary(specs)) }
        @if !archetypes.is_empty() { h2 { "Archetypes" } (table(&archetypes)) }
        @if !others.is_empty() {
            h2 { @if archetypes.is_empty() { "Specs" } @else { "Other specs" } }
            (table(&others))
        }
        (graph(specs, names))
        footer { "Written by " code { "archc doc" } "." }
    };
    shell::page("The catalogue", &content)
}

/// What was looked at, in a sentence: never more than that.
fn summary(specs: &[Spec<'_>]) -> String {
    let number = counted(specs.len() as u64, "spec");
    let checked = specs.iter().filter(|s| s.found.verdict.is_some()).count();
    if checked == 0 {
        return format!("{number}. None was checked for this site: it has no verdicts.");
    }
    let count = |wanted: Tone| {
        let tones = specs.iter().filter_map(|s| s.found.verdict.as_ref());
        tones.filter(|v| v.tone == wanted).count()
    };
    let of = if checked == specs.len() { "checked".to_owned() } else { format!("{checked} of them checked") };
    let mut parts = vec![format!("{number}, {of}: {} as they should be", count(Tone::Good))];
    let rest = [(Tone::Open, "open"), (Tone::Bad, "violated or wrong")];
    parts.extend(rest.iter().filter(|(t, _)| count(*t) > 0).map(|(t, w)| format!("{} {w}", count(*t))));
    format!("{}.", parts.join(", "))
}

fn table(specs: &[(&Spec<'_>, &String)]) -> Markup {
    html! {
        div class="table" { table class="wide" {
            thead { tr {
                th { "Spec" } th { "Verdict" } th { "Instance" } th class="number" { "States" }
                th class="number" { "Properties" } th class="number" { "Failure modes shown" }
            } }
            tbody { @for (spec, name) in specs { (row(spec, name)) } }
        } }
    }
}

fn row(spec: &Spec<'_>, name: &str) -> Markup {
    let found = &spec.found;
    let states =
        found.explored.map(|e| format!("{}{}", if e.complete { "" } else { "over " }, thousands(e.states)));
    let count = |wanted: fn(&ItemKind) -> bool| spec.module.items.iter().filter(|i| wanted(&i.kind)).count();
    let modes = count(|k| matches!(k, ItemKind::Failure(_)));
    let shown = match modes {
        0 => "–".to_owned(),
        _ if found.failures.is_empty() => format!("– of {modes}"),
        _ => format!("{} of {modes}", found.failures_shown()),
    };
    html! {
        tr {
            td { a href=(name) { (heading(spec)) } }
            td data-of="verdict" {
                @match &found.verdict {
                    Some(v) => (tag(tone(v.tone), &v.word.to_lowercase())),
                    None => (tag("", "not checked")),
                }
            }
            td data-of="instance" { (found.instance.as_deref().unwrap_or(if found.verdict.is_some() { "defaults" } else { "–" })) }
            td class="number" data-of="states" { (states.unwrap_or_else(|| "–".to_owned())) }
            td class="number" data-of="properties" { (count(|k| matches!(k, ItemKind::Property(_)))) }
            td class="number" data-of="failure modes shown" { (shown) }
        }
    }
}

fn heading(spec: &Spec<'_>) -> Markup {
    match &spec.module.header {
        Some(header) => html! {
            b { (header.id.name) } " " (header.title.as_ref().map_or("", |t| t.value.as_str()))
        },
        None => html! { (spec.file) },
    }
}

fn graph(specs: &[Spec<'_>], names: &[String]) -> Markup {
    let links = connections::Links::of(specs, names);
    let Some(svg) = connections::draw(specs, &links) else { return html! {} };
    html! {
        h2 id="connections" { "How the archetypes are connected" }
        p {
            "As their headers say: an arrow leads from what feeds to what is fed or protected; a dashed one from what is laid \
             over another archetype to that archetype."
        }
        (figure(svg))
    }
}
