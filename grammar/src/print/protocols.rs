//! Protocols and rules.

use super::exprs::expr;
use super::items;
use super::words::{field, for_each, op_ref};
use super::writer::{Place, Writer};
use crate::ast::*;
use arch_base::Span;

pub(super) fn protocol(writer: &mut Writer<'_>, of: &Protocol, span: Span) {
    writer.open(Place { start: span.start as usize, end: head_end(of) }, &head(of));
    head_items(writer, &of.head);
    main_chain(writer, &of.main);
    writer.deeper();
    for chain in &of.branches {
        branch(writer, chain);
    }
    writer.shallower();
    writer.close(span.end as usize);
}

fn head(of: &Protocol) -> String {
    let mut parts = vec![format!("protocol {}{}", of.name.name, for_each(&of.subjects))];
    if let Some(count) = &of.runs {
        let cut = if of.runs_cut.is_some() { " cut" } else { "" };
        parts.push(format!("runs {}{cut}", expr(count)));
    }
    parts.extend(of.repeats.map(|_| "repeats".to_owned()));
    parts.extend(of.daemon.map(|_| "daemon".to_owned()));
    parts.join(", ")
}

/// Where the last known part before the `{` ends.
fn head_end(of: &Protocol) -> usize {
    let subjects = of.subjects.iter().map(|s| s.sort.span);
    let runs = of.runs.iter().map(|e| e.span);
    let marks = [of.runs_cut, of.repeats, of.daemon].into_iter().flatten();
    let ends = subjects.chain(runs).chain(marks).chain([of.name.span]).map(|s| s.end as usize);
    ends.max().unwrap_or_default()
}

pub(super) fn rules(writer: &mut Writer<'_>, of: &Rules, span: Span) {
    let end = of.subjects.last().map_or(span.start + 1, |s| s.sort.span.end);
    writer.open(
        Place { start: span.start as usize, end: end as usize },
        &format!("rules{}", for_each(&of.subjects)),
    );
    head_items(writer, &of.head);
    for each in &of.steps {
        writer.line(each.span, &step(each));
    }
    writer.close(span.end as usize);
}

fn head_items(writer: &mut Writer<'_>, head: &[HeadItem]) {
    for item in head {
        head_item(writer, item);
    }
}

fn head_item(writer: &mut Writer<'_>, item: &HeadItem) {
    match item {
        HeadItem::Let { name, value, at } => {
            let step = at.as_ref().map_or_else(String::new, |s| format!(" at {}", op_ref(s)));
            let end = at.as_ref().map_or(value.span, OpRef::span);
            writer
                .line(Place::between(name.span, end), &format!("let {} = {}{step}", name.name, expr(value)));
        }
        HeadItem::Var(of) => {
            writer.line(Place::between(of.name.span, of.ty.span), &format!("var {}", field(of)))
        }
        HeadItem::Any(of) => {
            writer.line(Place::between(of.name.span, of.ty.span), &format!("any {}", field(of)))
        }
        HeadItem::BindRole { role, at } => {
            writer
                .line(Place::between(role.span, at.span()), &format!("bind {} at {}", role.name, op_ref(at)));
        }
        HeadItem::BindTruth { truth, key } => {
            writer
                .line(Place::between(truth.span, key.span), &format!("bind {} = {}", truth.name, expr(key)));
        }
        HeadItem::Item(inner) => items::item(writer, inner),
    }
}

/// A step stays on one line, however long, as in notes.
fn step(of: &Step) -> String {
    let guard = of.guard.as_ref().map_or_else(String::new, |g| format!(" {{{}}}", super::expression(g)));
    format!("{}[{}{guard}]", of.actor.name, of.operation.name)
}

fn outcome(chain: &Chain) -> String {
    chain.outcome.as_ref().map_or_else(String::new, |word| format!(" => {}", word.name))
}

/// The first step, and the others indented below it.
fn main_chain(writer: &mut Writer<'_>, chain: &Chain) {
    lines(writer, chain, "", 1);
}

/// A branch, on one line if it fits.
fn branch(writer: &mut Writer<'_>, chain: &Chain) {
    let steps = chain.steps.iter().map(step).collect::<Vec<_>>().join(" -> ");
    let line = format!("|-> {steps}{}", outcome(chain));
    if writer.fits(&line) && !comment_between_steps(writer, chain) || chain.steps.len() == 1 {
        writer.line(chain.span, &line);
    } else {
        lines(writer, chain, "|-> ", 2);
    }
}

fn comment_between_steps(writer: &Writer<'_>, chain: &Chain) -> bool {
    let first = chain.steps.first().map_or(chain.span, |s| s.span);
    writer.has_comment(Span { start: first.end, ..chain.span })
}

/// One step on each line, all but the first `deeper` levels deeper.
fn lines(writer: &mut Writer<'_>, chain: &Chain, mark: &str, deeper: usize) {
    for (index, each) in chain.steps.iter().enumerate() {
        let last = index + 1 == chain.steps.len();
        let tail = if last { outcome(chain) } else { " ->".to_owned() };
        let end = if last { chain.span } else { each.span };
        let mark = if index == 0 { mark } else { "" };
        writer.line(Place::between(each.span, end), &format!("{mark}{}{tail}", step(each)));
        if index == 0 {
            (0..deeper).for_each(|_| writer.deeper());
        }
    }
    (0..deeper).for_each(|_| writer.shallower());
}
