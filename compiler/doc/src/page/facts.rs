//! What a spec says of itself: title, introduction, header, faults, instances, source.

use super::{Context, marked};
use crate::connections::Links;
use crate::{Spec, header};
use arch_grammar::ast::{Header, HeaderValue, ItemKind};
use maud::{Markup, html};

/// What a spec is called.
pub fn name(spec: &Spec<'_>) -> String {
    match &spec.module.header {
        Some(Header { id, title: Some(title), .. }) => format!("{} {}", id.name, title.value),
        Some(header) => header.id.name.clone(),
        None => {
            let last = spec.file.rsplit(['/', '\\']).next().unwrap_or_default();
            last.strip_suffix(".arch").unwrap_or(last).replace('_', " ")
        }
    }
}

/// The heading of the page.
pub fn title(context: &Context<'_>) -> Markup {
    match &context.spec.module.header {
        Some(Header { id, title: Some(title), .. }) => {
            html! { h1 { span class="id" { (id.name) } (title.value) } }
        }
        _ => html! { h1 { (name(context.spec)) } },
    }
}

/// The paragraphs in front of the declarations, and what the header lacks.
pub fn introduction(context: &Context<'_>) -> Markup {
    let module = context.spec.module;
    let from = module.header.as_ref().map_or(0, |h| h.span.end);
    let paragraphs = context.prose.introduction(from, module.items.first().map(|i| i.span));
    let missing = header::missing_fields(module);
    html! {
        @for paragraph in paragraphs { p { (marked(&paragraph)) } }
        @if !missing.is_empty() {
            div class="note" {
                "The header lacks "
                @for (i, field) in missing.iter().enumerate() { @if i > 0 { ", " } b { (field) } }
                ", which every archetype of a catalogue says of itself."
            }
        }
    }
}

/// The entries of the header.
pub fn header(context: &Context<'_>) -> Option<Markup> {
    let header = context.spec.module.header.as_ref().filter(|h| !h.fields.is_empty())?;
    Some(html! {
        dl class="facts" {
            @for field in &header.fields {
                dt { (header::key(field)) }
                dd { (entry(&field.values, context.links)) }
            }
        }
    })
}

fn entry(values: &[HeaderValue], links: &Links) -> Markup {
    let texts = values.iter().filter(|v| matches!(v, HeaderValue::Text(_))).count();
    if texts > 1 && texts == values.len() {
        return html! { ul { @for value in values { li { (linked(header::text(value), links)) } } } };
    }
    html! {
        @for (i, value) in values.iter().enumerate() {
            @if i > 0 { ", " }
            (linked(header::text(value), links))
        }
    }
}

/// A text in which every archetype of the site is a link.
fn linked(text: &str, links: &Links) -> Markup {
    let mut parts: Vec<(&str, Option<&str>)> = Vec::new();
    let mut rest = text;
    for identity in header::identities(text) {
        let Some((before, after)) = rest.split_once(identity.as_str()) else { continue };
        let word = &rest[before.len()..before.len() + identity.len()];
        parts.extend([(before, None), (word, links.page(&identity))]);
        rest = after;
    }
    parts.push((rest, None));
    html! {
        @for (part, page) in parts {
            @match page {
                Some(page) => a href=(page) title=[links.title(part)] { (part) },
                None => (part),
            }
        }
    }
}

/// The declared faults.
pub fn faults(context: &Context<'_>) -> Option<Markup> {
    let declared = context.spec.module.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Faults(faults) => Some(faults),
        _ => None,
    });
    let faults: Vec<_> = declared.flatten().collect();
    if faults.is_empty() {
        return None;
    }
    Some(html! {
        p { "Besides every interleaving and delay, these faults are part of the model; each happens once, unless more is said." }
        ul { @for fault in faults {
            li {
                code { (context.written(fault.span)) }
                @let about = context.prose.beside(fault.span);
                @if !about.is_empty() { " — " (marked(&about)) }
            }
        } }
    })
}

/// The instances with what they set and expect.
pub fn instances(context: &Context<'_>) -> Option<Markup> {
    let declared = context.spec.module.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Instance(instance) => Some((item.span, instance)),
        _ => None,
    });
    let instances: Vec<_> = declared.collect();
    if instances.is_empty() {
        return None;
    }
    let checked = context.spec.found.verdict.is_some().then_some(context.spec.found.instance.as_deref());
    let state =
        |name: &str| if checked == Some(Some(name)) { "checked" } else { "not checked for this page" };
    Some(html! {
        div class="table" { table class="wide" {
            thead { tr { th { "Instance" } th { "Sets" } th { "Expects violated" } th { "" } } }
            tbody { @for (span, instance) in instances {
                @let sets: Vec<String> = instance.settings.iter()
                    .map(|(n, v)| format!("{} = {}", n.name, context.expr(v))).collect();
                @let left_out = instance.no_failures.is_some();
                @let expects: Vec<&str> = instance.expectations.iter().map(|e| e.property.name.as_str()).collect();
                @let about = context.prose.about(span);
                tr {
                    td class="name" { (instance.name.name) }
                    td data-of="sets" { code { (sets.join(", ")) } @if left_out { " without failure modes" } @if !about.is_empty() { " " span class="soft" { (marked(&about)) } } }
                    td data-of="expects violated" { (expects.join(", ")) }
                    td class="soft" { (state(&instance.name.name)) }
                }
            } }
        } }
    })
}

/// The text of the file, folded away.
pub fn source(context: &Context<'_>) -> Markup {
    html! {
        details {
            summary { code { (context.spec.file) } ", " (context.spec.text.lines().count()) " lines" }
            pre { code { (context.spec.text) } }
        }
    }
}
