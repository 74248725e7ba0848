//! Protocols: a diagram of each, and what its steps do.

use super::{Context, marked};
use crate::flow::{self, Annotations, Flow};
use crate::protocol;
use crate::shell::figure;
use arch_base::Span;
use arch_grammar::ast::{HeadItem, ItemKind, Protocol, Rules, Step, Subject};
use maud::{Markup, html};

/// All protocols and `rules` blocks, in the order of the file.
pub fn section(context: &Context<'_>) -> Option<Markup> {
    let items = context.spec.module.items.iter();
    let drawn: Vec<Markup> = items
        .filter_map(|item| match &item.kind {
            ItemKind::Protocol(p) => Some(of_protocol(context, item.span, p)),
            ItemKind::Rules(r) => Some(of_rules(context, item.span, r)),
            _ => None,
        })
        .collect();
    if drawn.is_empty() {
        return None;
    }
    Some(html! { @for protocol in drawn { (protocol) } })
}

fn of_protocol(context: &Context<'_>, span: Span, protocol: &Protocol) -> Markup {
    let name = &protocol.name.name;
    let about = Annotations::new(context.spec.module, Some(name), &protocol.head);
    let steps: Vec<&Step> =
        std::iter::once(&protocol.main).chain(&protocol.branches).flat_map(|c| &c.steps).collect();
    let drawing = flow::of_protocol(context.spec.module, protocol);
    html! {
        h3 id={ "protocol-" (name) } { code { (name) } " " span class="for" { (manner(context, protocol)) } }
        (body(context, span, name, &drawing, &protocol.head))
        (effects(context, &about, &steps))
    }
}

fn of_rules(context: &Context<'_>, span: Span, rules: &Rules) -> Markup {
    let about = Annotations::new(context.spec.module, None, &rules.head);
    let steps: Vec<&Step> = rules.steps.iter().collect();
    let drawing = flow::of_rules(context.spec.module, rules);
    html! {
        h3 { "rules " span class="for" { (each(&rules.subjects)) } }
        p class="soft" { "Each of these may happen whenever its guard holds." }
        (body(context, span, "rules", &drawing, &rules.head))
        (effects(context, &about, &steps))
    }
}

fn body(context: &Context<'_>, span: Span, name: &str, drawing: &Flow, head: &[HeadItem]) -> Markup {
    let about = context.prose.above(span);
    let reads: Vec<String> = head.iter().filter_map(|h| declared(context, h)).collect();
    html! {
        @if !about.is_empty() { p { (marked(&about)) } }
        @if !reads.is_empty() {
            p class="soft" { "A run has " @for (i, read) in reads.iter().enumerate() { @if i > 0 { "; " } code { (read) } } "." }
        }
        (figure(protocol::draw(drawing, &format!("The protocol {name}"))))
    }
}

/// What a run carries, in the words of the head; what is about a step is drawn there.
fn declared(context: &Context<'_>, item: &HeadItem) -> Option<String> {
    match item {
        HeadItem::Let { name, value, at: None } => Some(format!("{} = {}", name.name, context.expr(value))),
        HeadItem::Var(field) => Some(format!("{}: {}", field.name.name, context.ty(&field.ty))),
        HeadItem::Any(field) => Some(format!("any {}: {}", field.name.name, context.ty(&field.ty))),
        HeadItem::BindTruth { truth, key } => {
            Some(format!("{} = {}[{}]", truth.name, truth.name, context.expr(key)))
        }
        HeadItem::Let { .. } | HeadItem::BindRole { .. } | HeadItem::Item(_) => None,
    }
}

fn each(subjects: &[Subject]) -> String {
    let name = |s: &Subject| {
        let (name, sort) = (&s.name.name, &s.sort.name);
        if name == sort { name.clone() } else { format!("{name}: {sort}") }
    };
    let names: Vec<String> = subjects.iter().map(name).collect();
    if names.is_empty() { String::new() } else { format!("for each {}", names.join(", ")) }
}

/// How a protocol runs, in words.
fn manner(context: &Context<'_>, protocol: &Protocol) -> String {
    let mut parts = vec![each(&protocol.subjects)];
    parts.extend(protocol.runs.as_ref().map(|n| format!("up to {} runs at a time", context.expr(n))));
    parts.extend(protocol.repeats.map(|_| "again and again".to_owned()));
    parts.extend(protocol.daemon.map(|_| "sooner or later".to_owned()));
    parts.retain(|p| !p.is_empty());
    parts.join(", ")
}

/// What the steps do, folded away.
fn effects(context: &Context<'_>, about: &Annotations<'_>, steps: &[&Step]) -> Markup {
    let mut spans: Vec<Span> = Vec::new();
    for step in steps {
        let name = &step.operation.name;
        spans.extend(about.on(name).iter().map(|(item, _)| item.span));
        spans.extend(about.rejects(name).iter().map(|(item, _)| item.span));
    }
    spans.dedup();
    if spans.is_empty() {
        return html! {};
    }
    html! {
        details {
            summary { "What the steps do" }
            @for span in spans {
                @let said = context.prose.above(span);
                @if !said.is_empty() { p class="soft" { (marked(&said)) } }
                pre { code { (context.block(span)) } }
            }
        }
    }
}
