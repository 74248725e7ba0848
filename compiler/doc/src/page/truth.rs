//! What is stored and by whom: truth objects, actors, types, constants, definitions.

use super::{Context, marked};
use arch_base::Span;
use arch_grammar::ast::{AttrDecl, AttrValue, Item, ItemKind, SortDecl, TruthDecl};
use maud::{Markup, html};

/// The truth objects with their attributes.
pub fn truth(context: &Context<'_>) -> Option<Markup> {
    let declared = context.spec.module.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Truth(truth) => Some((item.span, truth)),
        _ => None,
    });
    let truths: Vec<_> = declared.collect();
    if truths.is_empty() {
        return None;
    }
    Some(html! {
        div class="table" { table class="wide" {
            thead { tr { th { "Object" } th { "Attribute" } th { "Type" } th { "Starts as" } th { "" } } }
            tbody { @for (span, truth) in truths { (object(context, span, truth)) } }
        } }
        @for (shape, fields) in &context.spec.found.ownership {
            p { "Ownership: " b { (shape) } ", " code { (fields) } "." }
        }
    })
}

fn object(context: &Context<'_>, span: Span, truth: &TruthDecl) -> Markup {
    let keys: Vec<String> = truth.keys.iter().map(|k| context.ty(&k.ty)).collect();
    let mut about = vec![context.prose.above(span)];
    if truth.ghost.is_some() {
        about.push("ghost: for properties only".to_owned());
    }
    about.extend(truth.place.iter().map(|p| format!("held by {}", p.name)));
    about.retain(|a| !a.is_empty());
    html! {
        @for (i, attr) in truth.attrs.iter().enumerate() {
            tr {
                @if i == 0 {
                    td rowspan=(truth.attrs.len()) {
                        b { (truth.name.name) }
                        @if !keys.is_empty() { code { "[" (keys.join(", ")) "]" } }
                        @for line in &about { div class="soft" { (marked(line)) } }
                    }
                }
                (attribute(context, attr))
            }
        }
    }
}

fn attribute(context: &Context<'_>, attr: &AttrDecl) -> Markup {
    let start = match &attr.value {
        Some(AttrValue::Init(value)) => context.expr(value),
        Some(AttrValue::Any(_)) => "any value".to_owned(),
        Some(AttrValue::Derived(value)) => format!(":= {}", context.expr(value)),
        None => String::new(),
    };
    html! {
        td data-of="attribute" { code { (attr.name.name) } }
        td data-of="of type" { @match &attr.ty { Some(ty) => code { (context.ty(ty)) }, None => span class="tag open" { "no type yet" } } }
        td data-of=[(!start.is_empty()).then_some("starts as")] { @if !start.is_empty() { code { (start) } } }
        td class="soft" { (marked(&context.prose.about(attr.span))) }
    }
}

/// Everything else that is declared around the protocols.
pub fn others(context: &Context<'_>) -> Option<Markup> {
    let items = &context.spec.module.items;
    let rows: Vec<Markup> = items.iter().filter_map(|item| row(context, item)).collect();
    if rows.is_empty() {
        return None;
    }
    Some(html! {
        div class="table" { table class="wide" {
            thead { tr { th { "" } th { "Name" } th { "Is" } th { "" } } }
            tbody { @for row in rows { (row) } }
        } }
    })
}

fn row(context: &Context<'_>, item: &Item) -> Option<Markup> {
    let (kind, name, is) = described(context, item)?;
    Some(html! {
        tr {
            td class="soft" { (kind) }
            td class="name" { (name) }
            td { @if !is.is_empty() { code { (is) } } }
            td class="soft" { (marked(&context.prose.about(item.span))) }
        }
    })
}

/// The kind of a declaration, its name, and what it says.
fn described(context: &Context<'_>, item: &Item) -> Option<(&'static str, String, String)> {
    let after = |name: Span| {
        let text = context.written(Span { start: name.end, ..item.span });
        text.trim_start_matches([':', '=', '*', ' ']).to_owned()
    };
    let named = |kind, name: &arch_grammar::ast::Ident| Some((kind, name.name.clone(), after(name.span)));
    match &item.kind {
        ItemKind::Actor(sort) => Some(("actor", sort.name.name.clone(), self::sort(context, sort))),
        ItemKind::Id(sort) => Some(("id", sort.name.name.clone(), self::sort(context, sort))),
        ItemKind::Role(role) => named("role", &role.name),
        ItemKind::View(view) => named("view", &view.truth),
        ItemKind::Ordinal(names) => {
            let names: Vec<&str> = names.iter().map(|n| n.name.as_str()).collect();
            Some(("ordinal", names.join(", "), String::new()))
        }
        ItemKind::Enum(decl) => named("enum", &decl.name),
        ItemKind::Record(decl) => named("record", &decl.name),
        ItemKind::Union(decl) => named("one of", &decl.name),
        ItemKind::Const(decl) => named("constant", &decl.name),
        ItemKind::Define(_) => {
            let text = context.written(item.span);
            let text = text.strip_prefix("define ").unwrap_or(&text);
            let (name, body) = text.split_once(" := ").unwrap_or((text, ""));
            Some(("definition", name.to_owned(), body.to_owned()))
        }
        _ => None,
    }
}

/// `2, each with my_epoch: Epoch`
fn sort(context: &Context<'_>, sort: &SortDecl) -> String {
    let mut parts = vec![sort.count.as_ref().map_or("1".to_owned(), |c| context.expr(c))];
    parts.extend(sort.ring.map(|_| "in a ring".to_owned()));
    parts.extend(sort.concurrent.map(|_| "concurrent".to_owned()));
    let locals: Vec<String> = sort.locals.iter().map(|l| context.written(l.span)).collect();
    if !locals.is_empty() {
        parts.push(format!("{{ {} }}", locals.join(", ")));
    }
    parts.join(" ")
}
