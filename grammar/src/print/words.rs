//! Small pieces: names, lists, quoted texts, subjects, targets, faults.

use super::BREAK;
use super::effects::inline_block;
use super::exprs::expr;
use super::types::ty;
use crate::ast::*;

/// Pieces with commas between them.
pub(super) fn comma_list<T>(list: &[T], piece: impl Fn(&T) -> String) -> String {
    list.iter().map(piece).collect::<Vec<_>>().join(", ")
}

pub(super) fn names(list: &[Ident]) -> String {
    comma_list(list, |name| name.name.clone())
}

pub(super) fn op_ref(step: &OpRef) -> String {
    match &step.protocol {
        Some(protocol) => format!("{}.{}", protocol.name, step.operation.name),
        None => step.operation.name.clone(),
    }
}

pub(super) fn op_refs(steps: &[OpRef]) -> String {
    comma_list(steps, op_ref)
}

pub(super) fn quoted(text: &Text) -> String {
    format!("\"{}\"", text.value.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(super) fn field(of: &FieldDecl) -> String {
    format!("{}: {}", of.name.name, ty(&of.ty))
}

pub(super) fn fields(list: &[FieldDecl]) -> String {
    comma_list(list, field)
}

/// ` for each task`, or nothing.
pub(super) fn for_each(subjects: &[Subject]) -> String {
    match subjects {
        [] => String::new(),
        [one] if one.name == one.sort => format!(" for each {}", one.sort.name),
        many => format!(" for each ({})", comma_list(many, |s| format!("{}: {}", s.name.name, s.sort.name))),
    }
}

pub(super) fn setting((name, value): &(Ident, Expr)) -> String {
    format!("{} = {}", name.name, expr(value))
}

pub(super) fn expectation(of: &Expectation) -> String {
    format!("expect violated {}", of.property.name)
}

fn fault_kind(of: &FaultKind) -> String {
    match of {
        FaultKind::Crash { actor, stops } => {
            format!("crash {}{}", actor.name, if *stops { " stops" } else { "" })
        }
        FaultKind::Lose(step) => format!("lose {}", op_ref(step)),
        FaultKind::Duplicate(step) => format!("duplicate {}", op_ref(step)),
        FaultKind::Skew(actor, by) => format!("skew {} by {}", actor.name, expr(by)),
        FaultKind::Partition(one, other) => format!("partition {} from {}", one.name, other.name),
    }
}

pub(super) fn fault(of: &FaultDecl) -> String {
    let what = fault_kind(&of.kind);
    match &of.budget {
        None => what,
        Some(FaultBudget::Unbounded) => format!("{what} unbounded"),
        Some(FaultBudget::AtMost(count)) => format!("{what} at most {}", expr(count)),
    }
}

pub(super) fn clause(of: &FailureClause) -> String {
    let how = if of.repair { "repaired" } else { "prevented" };
    let despite = if of.despite { format!("{BREAK}despite prevention") } else { String::new() };
    let by = of.by.iter().map(target).collect::<Vec<_>>().join(&format!("{BREAK}and ")) + &despite;
    match of.violates.as_slice() {
        [] => format!("{how} by {by}"),
        violated => format!("{how} by {by}{BREAK}else violates {}", names(violated)),
    }
}

pub(super) fn target(of: &Target) -> String {
    match &of.kind {
        TargetKind::Guard(step) => format!("guard of {}", op_ref(step)),
        TargetKind::Term(index, step) => format!("term {index} of {}", op_ref(step)),
        TargetKind::Branch(step) => format!("branch {}", op_ref(step)),
        TargetKind::Protocol(name) => format!("protocol {}", name.name),
        TargetKind::Step(step) => format!("step {}", op_ref(step)),
        TargetKind::Effect(place, step) => format!("effect {place} of {}", op_ref(step)),
        TargetKind::Label(name) => name.name.clone(),
        TargetKind::WithConst(name, value) => format!("with {} = {}", name.name, expr(value)),
        TargetKind::WithOn(on) => match &on.body {
            Some(body) => format!("with {} {}", on_head(on), inline_block(body)),
            None => format!("with {}", on_head(on)),
        },
        TargetKind::WithOrder(first, second) => {
            format!("with order {} before {}", op_ref(first), op_ref(second))
        }
        TargetKind::WithSplit(of) => format!("with {}", split(of)),
        TargetKind::WithFault(of) => format!("with fault {}", fault(of)),
        TargetKind::Fault(of) => format!("fault {}", fault_kind(of)),
        TargetKind::Budget(of) => format!("budget of {}", fault_kind(of)),
    }
}

/// `on S requires {P}`; `extend` when there is no body.
pub(super) fn on_head(on: &OnDecl) -> String {
    let keyword = if on.body.is_some() { "on" } else { "extend" };
    let requires = on.requires.as_ref().map_or_else(String::new, |p| format!(" requires {{{}}}", expr(p)));
    format!("{keyword} {}{requires}", op_ref(&on.target))
}

pub(super) fn split(of: &SplitDecl) -> String {
    format!("split {} after {}", op_ref(&of.target), of.after)
}
