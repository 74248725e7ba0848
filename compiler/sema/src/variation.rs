//! The spec with what a failure mode names removed or changed.
//!
//! What an author changes (`with …`) and labels are changed in the syntax tree, which is then analyzed like any other,
//! so that everything that follows from the change follows. What is removed is removed from the program
//! ([`arch_ir::change`]), where nothing that refers to it has to be rewritten.

use crate::analyzer::{self, Analyzer};
use crate::diagnostics::failures as errors;
use crate::{Clause, Failure, Options, Redundant};
use arch_base::{Diagnostic, Severity, Span};
use arch_grammar::ast::{self, ExprKind, FaultKind, HeadItem, Item, ItemKind, StmtKind, Target, TargetKind};
use arch_ir::change::{Change, StepRef};
use arch_ir::{ChainId, Fault, FaultId, Program, StepId};
use std::collections::BTreeSet;

/// The failure modes of a spec without errors, with the programs that show them; reports those that leave none.
pub fn failures(
    module: &ast::Module,
    options: &Options,
    program: &Program,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Failure> {
    let declared = module.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Failure(decl) => Some(decl),
        _ => None,
    });
    let mut found = Vec::new();
    for decl in declared {
        let clauses = decl.clauses.iter().map(|c| clause(module, options, decl, c));
        let mut kept = Vec::new();
        for clause in clauses {
            match clause {
                Ok(clause) => kept.push(clause),
                Err(diagnostic) => diagnostics.push(*diagnostic),
            }
        }
        // An instance may have chosen already what a prevention changes.
        if options.instance.is_none() && options.settings.is_empty() {
            let without: Vec<&Program> = kept.iter().filter(|c| !c.repair).map(|c| &c.without).collect();
            diagnostics.extend(crate::lints::without_guard(decl, program, &without));
        }
        found.push(Failure { name: decl.name.value.clone(), span: decl.name.span, clauses: kept });
    }
    found
}

fn clause(
    module: &ast::Module,
    options: &Options,
    failure: &ast::FailureDecl,
    clause: &ast::FailureClause,
) -> Result<Clause, Box<Diagnostic>> {
    let alone = clause.repair && !clause.despite;
    let prevented = failure.clauses.iter().filter(|c| alone && !c.repair);
    let given: Vec<&Target> = prevented.flat_map(|c| &c.by).collect();
    let all: Vec<&Target> = clause.by.iter().collect();
    let with = |targets: &[&Target]| vary(module, options, &[&given, targets].concat());
    let but_one = |i: usize| {
        let rest: Vec<&Target> = all.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, t)| *t).collect();
        with(&rest)
    };
    let parts = if all.len() > 1 { all.len() } else { 0 };
    Ok(Clause {
        repair: clause.repair,
        span: clause.span,
        targets: clause.by.iter().map(|t| t.span).collect(),
        properties: clause.violates.iter().map(|p| p.name.clone()).collect(),
        given: if given.is_empty() { None } else { Some(with(&[])?) },
        without: with(&all)?,
        but_one: (0..parts).map(but_one).collect::<Result<_, _>>()?,
    })
}

/// The program of the spec with all of these removed or changed.
fn vary(module: &ast::Module, options: &Options, targets: &[&Target]) -> Result<Program, Box<Diagnostic>> {
    let mut edited = module.clone();
    let mut options = options.clone();
    edited.items.retain(|i| !matches!(i.kind, ItemKind::Failure(_) | ItemKind::Redundant(_)));
    targets.iter().for_each(|t| edit(&mut edited, &mut options, &t.kind));
    let joining = crate::segments::joining_steps(&edited);
    let mut analyzer = analyzer::passes(&edited, &joining, &options);
    let place = targets.first().map(|t| t.span).unwrap_or_default();
    let changes: Vec<(Span, Change)> =
        targets.iter().flat_map(|t| analyzer.changes(t).into_iter().map(|c| (t.span, c))).collect();
    if let Some(error) = analyzer.diagnostics.iter().find(|d| d.severity == Severity::Error) {
        return Err(Box::new(errors::no_spec_left(place, &error.message, error.span())));
    }
    if analyzer.is_sketch() {
        return Err(Box::new(errors::no_spec_left(place, "an effect is still to be written", None)));
    }
    let only: Vec<Change> = changes.iter().map(|(_, c)| c.clone()).collect();
    arch_ir::change::apply(&analyzer.program, &only).map_err(|refusal| {
        let alone = |c: &Change| arch_ir::change::apply(&analyzer.program, std::slice::from_ref(c)).is_err();
        let culprit = changes.iter().find(|(_, c)| alone(c)).map_or(place, |(span, _)| *span);
        Box::new(errors::no_spec_left(culprit, &refusal.why, Some(refusal.span)))
    })
}

/// Changes the text as far as the target is a change of the text.
fn edit(module: &mut ast::Module, options: &mut Options, target: &TargetKind) {
    match target {
        TargetKind::WithConst(name, value) => set_constant(module, options, name, value),
        TargetKind::WithOn(on) => replace_effect(module, on),
        TargetKind::WithOrder(a, b) => chains(module, |chain| reorder(chain, a, b)),
        TargetKind::WithSplit(split) => {
            let same =
                |i: &Item| matches!(&i.kind, ItemKind::Split(s) if same_step(&s.target, &split.target));
            remove_items(module, &same);
            let span = split.target.span();
            module.items.push(Item { kind: ItemKind::Split(split.clone()), span });
        }
        TargetKind::WithFault(fault) => add_fault(module, fault),
        TargetKind::Label(label) => blocks(module, &mut |block| unlabel(block, label)),
        TargetKind::Guard(_)
        | TargetKind::Term(..)
        | TargetKind::Branch(_)
        | TargetKind::Protocol(_)
        | TargetKind::Step(_)
        | TargetKind::Effect(..)
        | TargetKind::Fault(_)
        | TargetKind::Budget(_) => {}
    }
}

fn set_constant(module: &mut ast::Module, options: &mut Options, name: &ast::Ident, value: &ast::Expr) {
    options.settings.retain(|s| s.name != name.name);
    for item in &mut module.items {
        match &mut item.kind {
            ItemKind::Const(decl) if decl.name.name == name.name => decl.value = value.clone(),
            ItemKind::Instance(decl) => decl.settings.retain(|(n, _)| n.name != name.name),
            _ => {}
        }
    }
}

fn same_step(a: &ast::OpRef, b: &ast::OpRef) -> bool {
    let name = |r: &ast::OpRef| r.protocol.as_ref().map(|p| p.name.clone());
    a.operation.name == b.operation.name && (name(a) == name(b) || name(a).is_none() || name(b).is_none())
}

/// Puts an effect in place of the one that the step has; its `requires` stays unless another is written.
fn replace_effect(module: &mut ast::Module, on: &ast::OnDecl) {
    let of_step = |i: &Item, exact: bool| match &i.kind {
        ItemKind::On(o) if o.body.is_some() && same_step(&o.target, &on.target) => {
            !exact || o.target.protocol.is_some()
        }
        _ => false,
    };
    let declared: Vec<Item> = all_items(module).filter(|i| of_step(i, false)).cloned().collect();
    let specific = declared.iter().find(|i| of_step(i, true)).or(declared.first());
    let mut new = on.clone();
    if let Some(ItemKind::On(old)) = specific.map(|i| &i.kind) {
        new.requires = new.requires.or_else(|| old.requires.clone());
    }
    let shared = |i: &Item| match &i.kind {
        ItemKind::On(o) => o.target.protocol.is_none() && on.target.protocol.is_some(),
        _ => false,
    };
    remove_items(module, &|i| of_step(i, false) && !shared(i));
    module.items.push(Item { kind: ItemKind::On(new), span: on.target.span() });
}

/// Moves one step of a chain directly before another.
fn reorder(chain: &mut ast::Chain, a: &ast::OpRef, b: &ast::OpRef) {
    let position = |r: &ast::OpRef| chain.steps.iter().position(|s| s.operation.name == r.operation.name);
    if let (Some(from), Some(to)) = (position(a), position(b))
        && from > to
    {
        let step = chain.steps.remove(from);
        chain.steps.insert(to, step);
    }
}

/// Adds a fault; the same one with another budget replaces the one that is there.
fn add_fault(module: &mut ast::Module, fault: &ast::FaultDecl) {
    for item in &mut module.items {
        if let ItemKind::Faults(list) = &mut item.kind {
            list.retain(|f| !same_fault(&f.kind, &fault.kind));
        }
    }
    module.items.push(Item { kind: ItemKind::Faults(vec![fault.clone()]), span: fault.span });
}

/// Whether two declarations are of one fault, whatever its budget.
pub fn same_fault(a: &FaultKind, b: &FaultKind) -> bool {
    match (a, b) {
        (FaultKind::Crash { actor: a, .. }, FaultKind::Crash { actor: b, .. })
        | (FaultKind::Skew(a, _), FaultKind::Skew(b, _)) => a.name == b.name,
        (FaultKind::Lose(a), FaultKind::Lose(b)) | (FaultKind::Duplicate(a), FaultKind::Duplicate(b)) => {
            same_step(a, b)
        }
        (FaultKind::Partition(a, b), FaultKind::Partition(c, d)) => a.name == c.name && b.name == d.name,
        _ => false,
    }
}

/// The declaration of a fault, whatever its budget.
pub fn declared_fault<'m>(module: &'m ast::Module, kind: &FaultKind) -> Option<&'m ast::FaultDecl> {
    declared_faults(module).find(|f| same_fault(&f.kind, kind))
}

/// All faults that a spec declares.
pub fn declared_faults(module: &ast::Module) -> impl Iterator<Item = &ast::FaultDecl> {
    let lists = module.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Faults(list) => Some(list),
        _ => None,
    });
    lists.flatten()
}

/// Whether a fault has a budget that could be left out: a clock is skewed or it is not.
pub fn has_budget(fault: &ast::FaultDecl) -> bool {
    !matches!(fault.kind, FaultKind::Skew(..)) && !matches!(fault.budget, Some(ast::FaultBudget::Unbounded))
}

/// What a labelled `if` guards happens always.
fn unlabel(block: &mut ast::Block, wanted: &ast::Ident) {
    for statement in &mut block.statements {
        if let StmtKind::If { condition, label, otherwise, .. } = &mut statement.kind
            && label.as_ref().is_some_and(|l| l.name == wanted.name)
        {
            condition.kind = ExprKind::Bool(true);
            *otherwise = None;
        }
    }
}

/// Every declaration, those in heads of protocols included.
fn all_items(module: &ast::Module) -> impl Iterator<Item = &Item> {
    module.items.iter().flat_map(|item| {
        let head: &[HeadItem] = match &item.kind {
            ItemKind::Protocol(p) => &p.head,
            ItemKind::Rules(r) => &r.head,
            _ => &[],
        };
        let inside = head.iter().filter_map(|h| match h {
            HeadItem::Item(item) => Some(item),
            _ => None,
        });
        std::iter::once(item).chain(inside)
    })
}

fn remove_items(module: &mut ast::Module, gone: &dyn Fn(&Item) -> bool) {
    module.items.retain(|i| !gone(i));
    for item in &mut module.items {
        let head = match &mut item.kind {
            ItemKind::Protocol(p) => &mut p.head,
            ItemKind::Rules(r) => &mut r.head,
            _ => continue,
        };
        head.retain(|h| !matches!(h, HeadItem::Item(item) if gone(item)));
    }
}

fn chains(module: &mut ast::Module, change: impl Fn(&mut ast::Chain)) {
    for item in &mut module.items {
        if let ItemKind::Protocol(p) = &mut item.kind {
            std::iter::once(&mut p.main).chain(&mut p.branches).for_each(&change);
        }
    }
}

/// Every block of every effect, outer ones first.
fn blocks(module: &mut ast::Module, change: &mut dyn FnMut(&mut ast::Block)) {
    for item in &mut module.items {
        blocks_of(item, change);
        let head = match &mut item.kind {
            ItemKind::Protocol(p) => &mut p.head,
            ItemKind::Rules(r) => &mut r.head,
            _ => continue,
        };
        for item in head {
            if let HeadItem::Item(item) = item {
                blocks_of(item, change);
            }
        }
    }
}

fn blocks_of(item: &mut Item, change: &mut dyn FnMut(&mut ast::Block)) {
    let body = match &mut item.kind {
        ItemKind::On(on) => &mut on.body,
        ItemKind::Rejects(rejects) => &mut rejects.body,
        _ => return,
    };
    body.iter_mut().for_each(|b| nested(b, change));
}

fn nested(block: &mut ast::Block, change: &mut dyn FnMut(&mut ast::Block)) {
    change(block);
    for statement in &mut block.statements {
        match &mut statement.kind {
            StmtKind::If { then, otherwise, .. } => {
                nested(then, change);
                otherwise.iter_mut().for_each(|b| nested(b, change));
            }
            StmtKind::For { body, .. } => nested(body, change),
            _ => {}
        }
    }
}

impl<'m> Analyzer<'m> {
    /// What is declared to be redundant.
    pub fn redundant(&mut self) -> Vec<Redundant> {
        let declared = self.module.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Redundant(decl) => Some(decl),
            _ => None,
        });
        let of = |decl: &'m ast::RedundantDecl| Redundant {
            changes: self.changes(&decl.target),
            why: decl.why.value.clone(),
            span: decl.target.span,
        };
        declared.map(of).collect()
    }

    /// What a target removes from the program; nothing for changes of the text.
    fn changes(&mut self, target: &Target) -> Vec<Change> {
        match &target.kind {
            TargetKind::Guard(step) => self.first_half(step).map(Change::Guard).into_iter().collect(),
            TargetKind::Term(n, step) => {
                let at = self.first_half(step);
                let atom = |at| self.program.step(at).atoms.get(*n as usize - 1).map(|a| a.id.clone());
                let term = at.and_then(|at| atom(at).map(|id| Change::Term(at, id)));
                term.into_iter().collect()
            }
            TargetKind::Effect(place, step) => self.written_statement(place, step).into_iter().collect(),
            TargetKind::Fault(kind) => self.faults(kind, |id, _| Some(Change::Budget(id, Some(0)))),
            TargetKind::Budget(kind) => self.faults(kind, Change::without_budget),
            TargetKind::Step(step) => self.halves(step).into_iter().map(Change::Step).collect(),
            TargetKind::Branch(step) => {
                let found = self.written(step).filter(|(_, _, chain, _)| *chain > 0);
                let branch = found.map(|(id, _, chain, _)| Change::Branch(id, ChainId(chain as u32)));
                branch.into_iter().collect()
            }
            TargetKind::Protocol(name) => {
                let entry = self.tables.protocols.iter().find(|p| p.name == name.name);
                entry.map(|p| Change::Protocol(p.id)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The protocol of an operation, its steps (two when split), its chain, and how many statements the first has.
    fn written(
        &mut self,
        step: &ast::OpRef,
    ) -> Option<(arch_ir::ProtocolId, Vec<StepId>, usize, Option<u32>)> {
        let index = self.protocol_with(step)?;
        let id = self.tables.protocols[index].id;
        let found = self.runs[index].steps.iter().find(|w| w.step.operation.name == step.operation.name)?;
        Some((id, found.ids.clone(), found.chain, found.split))
    }

    fn halves(&mut self, step: &ast::OpRef) -> Vec<StepRef> {
        let Some((protocol, ids, ..)) = self.written(step) else { return Vec::new() };
        ids.into_iter().map(|step| StepRef { protocol, step }).collect()
    }

    fn first_half(&mut self, step: &ast::OpRef) -> Option<StepRef> {
        self.halves(step).first().copied()
    }

    /// A change of each fault that a declaration stands for.
    fn faults(&self, kind: &FaultKind, change: fn(FaultId, &Fault) -> Option<Change>) -> Vec<Change> {
        let Some(declared) = declared_fault(self.module, kind) else { return Vec::new() };
        let of_it = self.program.faults.iter_enumerated().filter(|(_, fault)| fault.span == declared.span);
        of_it.filter_map(|(id, fault)| change(id, fault)).collect()
    }

    /// The statement at this place, which a split may have put into the second half.
    fn written_statement(&mut self, place: &ast::StatementPlace, step: &ast::OpRef) -> Option<Change> {
        let n = place.first;
        let (protocol, ids, _, split) = self.written(step)?;
        let first = split.filter(|first| n > *first);
        let (half, index) = first.map_or((0, n - 1), |first| (1, n - 1 - first));
        let at = StepRef { protocol, step: *ids.get(half)? };
        let inner =
            place.inner.iter().flat_map(|(otherwise, n)| [u32::from(*otherwise), n.saturating_sub(1)]);
        Some(Change::Effect(at, std::iter::once(index).chain(inner).collect()))
    }
}

/// The labels of a spec.
pub fn labels(module: &ast::Module) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut module = module.clone();
    blocks(&mut module, &mut |block| {
        for statement in &block.statements {
            if let StmtKind::If { label: Some(label), .. } = &statement.kind {
                found.insert(label.name.clone());
            }
        }
    });
    found
}
