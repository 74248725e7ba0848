//! Protocols: subjects, roles, run variables, chains and branch windows.
//!
//! First every protocol gets its names and steps ([`Analyzer::declare_runs`]), then the bodies are lowered,
//! since bodies of one protocol can refer to runs and steps of another.

use crate::analyzer::Analyzer;
use crate::diagnostics::{names, protocols as errors};
use crate::scope::{Above, RoleNames, RunNames, RunSite, RunVarNames, Scope, Site};
use crate::tables::{ProtocolEntry, ProtocolSource};
use crate::types::INT;
use arch_base::Span;
use arch_grammar::ast::{self, HeadItem, ItemKind};
use arch_ir::{
    Actor, Chain, Expr, ProtocolId, Role, RunVar, RunVarId, SortId, StepId, Subject, Type, Window,
};

/// The most runs that a protocol may have.
const MAX_RUNS: u64 = 1 << 12;

/// A step as written, with the steps that it is lowered to (two when split).
pub struct WrittenStep<'m> {
    /// The step.
    pub step: &'m ast::Step,
    /// The number of its chain.
    pub chain: usize,
    /// Its lowered steps.
    pub ids: Vec<StepId>,
    /// How many statements the first half has, when split.
    pub split: Option<u32>,
}

/// A protocol's steps and names.
pub struct RunTable<'m> {
    /// Its names.
    pub names: RunNames,
    /// Its steps as written, main chain first.
    pub steps: Vec<WrittenStep<'m>>,
}

impl<'m> Analyzer<'m> {
    /// Lowers all protocols.
    pub fn lower_protocols(&mut self) {
        self.check_annotations();
        self.check_branches_and_outcomes();
        for index in 0..self.tables.protocols.len() {
            self.declare_run(index);
        }
        for index in 0..self.tables.protocols.len() {
            self.lower_run_variables(index);
        }
        for index in 0..self.tables.protocols.len() {
            self.lower_steps(index);
            self.lower_chains(index);
        }
        self.lower_deadlines();
    }

    /// Subjects, roles and the numbers of steps.
    fn declare_run(&mut self, index: usize) {
        let entry = &self.tables.protocols[index];
        let (id, subjects, steps) = (entry.id, entry.subjects.clone(), entry.steps());
        let mut names = RunNames::default();
        self.check_subjects(&subjects);
        for subject in &subjects {
            self.declare_subject(id, subject, &mut names);
        }
        self.check_run_count(index);
        let mut written: Vec<WrittenStep<'m>> = Vec::new();
        let mut next = 0;
        for (number, (chain, step)) in steps.into_iter().enumerate() {
            if let Some(earlier) = written.iter().find(|w| w.step.operation.name == step.operation.name) {
                self.report(errors::duplicate_step(&step.operation, earlier.step.operation.span));
            }
            self.declare_acting_role(id, step, number, &mut names);
            let split = self.split_of(index, &step.operation.name);
            let ids: Vec<StepId> =
                (0..if split.is_some() { 2 } else { 1 }).map(|i| StepId(next + i)).collect();
            next += ids.len() as u32;
            written.push(WrittenStep { step, chain, ids, split });
        }
        self.runs.push(RunTable { names, steps: written });
        if let Some((parent, before)) = self.parent_entry(index) {
            let position = self.position_after(parent, before);
            let protocol = self.tables.protocols[parent].id;
            self.program.protocols[id].parent = Some(arch_ir::Parent { protocol, position });
            self.check_shared_roles(index, parent);
        }
        self.declare_head(index);
    }

    fn check_run_count(&mut self, index: usize) {
        let (id, span) = (self.tables.protocols[index].id, self.tables.protocols[index].span);
        let protocol = &self.program.protocols[id];
        let sizes = protocol.subjects.iter().map(|s| u64::from(self.program.sorts[s.sort].size));
        let runs = sizes.fold(u64::from(protocol.copies), u64::saturating_mul);
        if runs > MAX_RUNS {
            let what = format!("`{}`, with a run for each combination of its subjects,", protocol.name);
            self.report(crate::diagnostics::types::too_large(span, &what, runs, MAX_RUNS));
            self.program.protocols[id].subjects.truncate(1);
        }
    }

    fn declare_subject(&mut self, id: ProtocolId, subject: &ast::Subject, names: &mut RunNames) {
        let sort = self.sort_named(&subject.sort).unwrap_or_else(|| self.stand_in(&subject.sort));
        let position = self.program.protocols[id].subjects.len() as u32;
        self.program.protocols[id].subjects.push(Subject { name: subject.name.name.clone(), sort });
        names.subjects.insert(subject.name.name.clone(), (position, sort));
        let role = RoleNames { actor: Actor::Subject(position), sort };
        names.roles.insert(subject.name.name.clone(), role);
    }

    /// Subjects of one name.
    fn check_subjects(&mut self, subjects: &[ast::Subject]) {
        for (i, subject) in subjects.iter().enumerate() {
            if let Some(earlier) = subjects[..i].iter().find(|s| s.name.name == subject.name.name) {
                self.report(names::duplicate(&subject.name, "subject", earlier.name.span));
            }
        }
    }

    /// The role that acts in a step; a new one when the step is its first.
    fn declare_acting_role(&mut self, id: ProtocolId, step: &ast::Step, number: usize, names: &mut RunNames) {
        self.declare_role_use(id, &step.actor, number, names);
    }

    fn declare_role_use(&mut self, id: ProtocolId, name: &ast::Ident, number: usize, names: &mut RunNames) {
        if let Some(known) = names.roles.get(&name.name) {
            if let Actor::Role(role) = known.actor {
                names.bound_by.entry(role).or_default().push(number);
            }
            return;
        }
        let (sort, shared) = self.role_sort(name);
        let actor_name = self.program.sorts[sort].name.clone();
        let same = if shared { self.same_instance(sort, &actor_name, names) } else { None };
        let entry = same.unwrap_or_else(|| {
            let label = if shared { actor_name.clone() } else { name.name.clone() };
            let role = self.program.protocols[id].roles.push(Role { name: label, sort, span: name.span });
            RoleNames { actor: Actor::Role(role), sort }
        });
        if shared {
            names.roles.entry(actor_name).or_insert(entry);
        }
        if let Actor::Role(role) = entry.actor {
            names.bound_by.entry(role).or_default().push(number);
        }
        names.roles.insert(name.name.clone(), entry);
    }

    /// The sort of an actor or role name, and whether it is the same instance as others of its actor's name.
    fn role_sort(&mut self, name: &ast::Ident) -> (SortId, bool) {
        if let Some(role) = self.tables.roles.get(&name.name) {
            let found = (role.sort, role.same_instance);
            self.used.insert(name.name.clone());
            return found;
        }
        let sort = self.sort_of(&name.name).unwrap_or_else(|| {
            let error = names::unknown_actor(name, &self.tables);
            self.report(error);
            self.stand_in(name)
        });
        (sort, true)
    }

    /// The subject of this sort, if there is just one, or the role that its actor's name already is.
    fn same_instance(&self, sort: SortId, actor_name: &str, names: &RunNames) -> Option<RoleNames> {
        let mut subjects =
            names.roles.values().filter(|r| matches!(r.actor, Actor::Subject(_)) && r.sort == sort);
        match (subjects.next(), subjects.next()) {
            (Some(only), None) => Some(*only),
            _ => names.roles.get(actor_name).copied(),
        }
    }

    /// `bind` items of the head.
    fn declare_head(&mut self, index: usize) {
        let entry = &self.tables.protocols[index];
        let (id, head) = (entry.id, entry.head());
        for (position, item) in head.iter().enumerate() {
            match item {
                HeadItem::BindRole { at, .. } if self.is_elsewhere(index, &at.operation) => {}
                HeadItem::BindRole { role, at } => {
                    let Some(number) = self.written_step(index, &at.operation) else { continue };
                    self.check_bind(index, role, number);
                    let mut names = std::mem::take(&mut self.runs[index].names);
                    self.declare_role_use(id, role, number, &mut names);
                    self.runs[index].names = names;
                }
                HeadItem::BindTruth { truth, .. } => {
                    if let Some(entry) = self.tables.truths.get(&truth.name) {
                        let (keys, declared) = (entry.keys.len(), entry.span);
                        if keys != 1 {
                            let error = crate::diagnostics::types::key_count(
                                truth.span,
                                &truth.name,
                                1,
                                keys,
                                declared,
                            );
                            self.report(error);
                        }
                        self.runs[index].names.truth_keys.insert(truth.name.clone(), position);
                    } else {
                        let error = names::unknown_truth_name(truth, &self.tables);
                        self.report(error);
                    }
                }
                _ => {}
            }
        }
    }

    /// A role can be bound only where it is not bound yet.
    fn check_bind(&mut self, index: usize, role: &ast::Ident, number: usize) {
        let table = &self.runs[index];
        let Some(known) = table.names.roles.get(&role.name) else { return };
        let entry = &self.tables.protocols[index];
        let (when, earlier) = match known.actor {
            Actor::Subject(_) => {
                let subject = entry.subjects.iter().find(|s| Some(known.sort) == self.sort_of(&s.sort.name));
                ("from the start, as the subject of the run".to_owned(), subject.map(|s| s.name.span))
            }
            Actor::Role(role) if table.names.first_step(role) < number => {
                let step = table.steps[table.names.first_step(role)].step;
                (format!("by `{}` already", step.operation.name), Some(step.actor.span))
            }
            Actor::Role(_) => return,
        };
        self.report(errors::bound_already(role, &when, earlier.unwrap_or(entry.span)));
    }

    fn sort_of(&self, name: &str) -> Option<SortId> {
        match self.type_named(name)? {
            crate::tables::NamedType::Sort(id) => Some(id),
            _ => None,
        }
    }

    /// A role of a run that its sub-runs would bind again, as another instance.
    fn check_shared_roles(&mut self, index: usize, parent: usize) {
        let roles =
            |i: usize| self.runs[i].names.roles.iter().filter(|(_, r)| matches!(r.actor, Actor::Role(_)));
        let shared = roles(index).find(|(name, role)| {
            self.program.sorts[role.sort].size > 1 && roles(parent).any(|(other, _)| other == *name)
        });
        if let Some((name, _)) = shared {
            let entry = &self.tables.protocols[index];
            let error = errors::shared_role(name, entry.span, self.tables.protocols[parent].span);
            self.report(error);
        }
    }

    /// The number of the step of this name; reports one that the protocol does not have.
    pub fn written_step(&mut self, index: usize, operation: &ast::Ident) -> Option<usize> {
        let found = self.runs[index].steps.iter().position(|w| w.step.operation.name == operation.name);
        if found.is_none() {
            let known = self.runs[index].steps.iter().map(|w| w.step.operation.name.as_str());
            let error = errors::no_such_step(operation, &self.tables.protocols[index].name, known);
            self.report(error);
        }
        found
    }

    /// Run variables with their types, in order of declaration.
    fn lower_run_variables(&mut self, index: usize) {
        let entry = &self.tables.protocols[index];
        let (id, head) = (entry.id, entry.head());
        let segment = entry.is_segment();
        for item in head {
            match item {
                HeadItem::Var(_) | HeadItem::Any(_) | HeadItem::Let { at: None, .. } if segment => {}
                HeadItem::Let { at: Some(at), .. } if self.is_elsewhere(index, &at.operation) => {}
                HeadItem::Var(field) | HeadItem::Any(field) => {
                    let ty = self.resolve_type(&field.ty, &field.name.name);
                    if matches!(item, HeadItem::Any(_))
                        && ty != Type::Unknown
                        && self.program.cardinality(&ty).is_none()
                    {
                        let shown = self.show_type(&ty);
                        self.report(crate::diagnostics::types::not_enumerable(
                            field.ty.span,
                            "a parameter",
                            &shown,
                        ));
                    }
                    self.declare_run_var(index, id, &field.name, ty);
                }
                HeadItem::Let { name, value, at: None } => {
                    let scope = self.head_scope(index);
                    let value = self.expr(value, None, &scope);
                    let ty = self.storable(&value);
                    if let Some(var) = self.declare_run_var(index, id, name, ty) {
                        self.program.protocols[id].begin.push((var, value));
                    }
                }
                HeadItem::Let { name, value, at: Some(at) } => {
                    let Some(number) = self.written_step(index, &at.operation) else { continue };
                    let scope = self.step_scope(index, number);
                    let value = self.expr(value, None, &scope);
                    let ty = self.storable(&value);
                    if let Some(var) = self.declare_run_var(index, id, name, ty) {
                        self.step_lets.entry((id, number)).or_default().push((var, value));
                    }
                }
                _ => {}
            }
        }
    }

    /// The type of a variable that holds this value; reports one that is not bounded.
    fn storable(&mut self, value: &Expr) -> Type {
        match &value.ty {
            ty if self.program.holds(ty, &|t| *t == INT) => {
                self.report(crate::diagnostics::types::unbounded(value.span));
                Type::Unknown
            }
            Type::Set(element, None)
                if self.program.cardinality(element).is_none() && **element != Type::Unknown =>
            {
                let shown = self.show_type(element);
                self.report(crate::diagnostics::types::set_needs_max(value.span, &shown));
                Type::Unknown
            }
            Type::Null => {
                self.report(crate::diagnostics::types::null_variable(value.span));
                Type::Unknown
            }
            ty => ty.clone(),
        }
    }

    fn declare_run_var(
        &mut self,
        index: usize,
        id: ProtocolId,
        name: &ast::Ident,
        ty: Type,
    ) -> Option<RunVarId> {
        if let Some(earlier) = self.runs[index].names.vars.get(&name.name) {
            let error = names::duplicate(name, "run variable", earlier.span);
            self.report(error);
            return None;
        }
        let ty = self.small_enough(ty, &[], &format!("`{}`", name.name), name.span);
        let init = self.program.default_value(&ty);
        let var = RunVar { name: name.name.clone(), ty: ty.clone(), init, span: name.span };
        let var = self.program.protocols[id].vars.push(var);
        let entry = RunVarNames { id: var, ty, span: name.span };
        self.runs[index].names.vars.insert(name.name.clone(), entry);
        Some(var)
    }

    /// The scope of the head: `self` is the subject if there is exactly one.
    fn head_scope(&self, index: usize) -> Scope {
        let entry = &self.tables.protocols[index];
        let subjects: Vec<_> =
            self.runs[index].names.roles.values().filter(|r| matches!(r.actor, Actor::Subject(_))).collect();
        let actor = match subjects.as_slice() {
            [only] => Some((only.actor, only.sort)),
            _ => None,
        };
        self.run_scope(index, entry, actor, None, Vec::new())
    }

    /// The scope of a step's guard, effect and claims.
    pub fn step_scope(&self, index: usize, number: usize) -> Scope {
        let entry = &self.tables.protocols[index];
        let step = self.runs[index].steps[number].step;
        let actor = self.runs[index].names.roles.get(&step.actor.name).map(|r| (r.actor, r.sort));
        let executed = self.executed_at(index, number);
        self.run_scope(index, entry, actor, Some(step.operation.name.clone()), executed)
    }

    fn run_scope(
        &self,
        index: usize,
        entry: &ProtocolEntry<'m>,
        actor: Option<(Actor, SortId)>,
        operation: Option<String>,
        executed: Vec<usize>,
    ) -> Scope {
        let site =
            RunSite { protocol: entry.id, protocol_name: entry.alias.clone(), actor, operation, executed };
        let mut run = self.runs[index].names.clone();
        run.above = self.parent_entry(index).map(|(parent, before)| {
            let names = self.runs[parent].names.clone();
            let certain = self.executed_at(parent, before).into_iter().filter(|n| *n < before).collect();
            Box::new(Above { protocol: self.tables.protocols[parent].id, names, certain })
        });
        Scope { site: Site::Run(site), run, ..Scope::global() }
    }

    /// The names of a protocol's runs.
    pub fn run_names(&self, protocol: ProtocolId) -> RunNames {
        let index = self.tables.protocols.iter().position(|p| p.id == protocol);
        index.and_then(|i| self.runs.get(i)).map(|r| r.names.clone()).unwrap_or_default()
    }

    /// The first lowered step of an operation of a protocol.
    pub fn step_of(&self, protocol: ProtocolId, operation: &str) -> Option<StepId> {
        let index = self.tables.protocols.iter().position(|p| p.id == protocol)?;
        let written = self.runs.get(index)?.steps.iter().find(|w| w.step.operation.name == operation)?;
        written.ids.first().copied()
    }

    /// An instance of a type that a word refers to at this place: a subject, bound role or self.
    pub fn inferred_subject(&mut self, word: &ast::Ident, ty: &Type, scope: &Scope) -> Option<Expr> {
        let candidates = self.key_candidates(ty, word.span, scope);
        if let [(_, only)] = candidates.as_slice() {
            return Some(only.clone());
        }
        if self.has_stand_in(scope) {
            return None;
        }
        let names: Vec<&str> = candidates.iter().map(|(n, _)| n.as_str()).collect();
        let shown = self.show_type(ty);
        self.report(names::ambiguous_subject(word, &shown, &names));
        None
    }

    fn lower_chains(&mut self, index: usize) {
        let (id, source) = (self.tables.protocols[index].id, self.tables.protocols[index].source);
        let written: Vec<(&'m ast::Chain, Option<Window>)> = match source {
            ProtocolSource::Rule(..) => {
                let steps = self.chain_steps(index, 0);
                let outcome = self.rearming("done");
                let span = self.tables.protocols[index].span;
                self.program.protocols[id].chains.push(Chain { steps, outcome, window: None, span });
                return;
            }
            ProtocolSource::Segment { .. } => {
                let steps = self.chain_steps(index, 0);
                let outcome = arch_ir::Outcome { word: "done".into(), ends: true, then: None };
                let span = self.tables.protocols[index].span;
                self.check_chain_end(id, &steps, false);
                self.program.protocols[id].chains.push(Chain { steps, outcome, window: None, span });
                return;
            }
            ProtocolSource::Protocol(p) => {
                let mut chains = vec![(&p.main, None)];
                for branch in &p.branches {
                    chains.push((branch, Some(self.window(index, branch))));
                }
                chains
            }
        };
        for (number, (chain, window)) in written.into_iter().enumerate() {
            let steps = self.chain_steps(index, number);
            let last = self.runs[index].steps.iter().rposition(|w| w.chain == number).unwrap_or(0);
            let detached = window.as_ref().is_some_and(|w| w.detached);
            let outcome = self.outcome_of_chain(index, chain, last, detached);
            self.check_chain_end(id, &steps, window.is_some());
            self.program.protocols[id].chains.push(Chain { steps, outcome, window, span: chain.span });
        }
    }

    fn chain_steps(&self, index: usize, chain: usize) -> Vec<StepId> {
        self.runs[index]
            .steps
            .iter()
            .filter(|w| w.chain == chain)
            .flat_map(|w| w.ids.iter().copied())
            .collect()
    }

    fn check_chain_end(&mut self, id: ProtocolId, steps: &[StepId], branch: bool) {
        let protocol = &self.program.protocols[id];
        let looping = |step: Option<&StepId>| step.map(|s| &protocol.steps[*s]).filter(|s| s.loops);
        let last = looping(steps.last()).map(|s| (s.name_span, "ends"));
        let first = looping(steps.first()).filter(|_| branch).map(|s| (s.name_span, "begins"));
        if let Some((span, how)) = last.or(first) {
            self.report(errors::loop_at_end(span, how));
        }
    }

    /// Where a branch may be taken: from when the run has started, narrowed by its declarations.
    fn window(&mut self, index: usize, branch: &'m ast::Chain) -> Window {
        let id = self.tables.protocols[index].id;
        let begins = !self.program.protocols[id].begin.is_empty();
        let main = self.chain_steps(index, 0);
        let started = u32::from(!begins);
        let only_step = self.runs[index].steps.iter().filter(|w| w.chain == 0).count() == 1;
        let mut window = Window {
            from: if only_step { 0 } else { started },
            to: main.len() as u32 - 1,
            at_start: only_step && !begins,
            detached: false,
        };
        let operation = &branch.steps[0].operation;
        for (decl, span) in self.branch_declarations(index, &operation.name) {
            match &decl.window {
                ast::BranchWindow::AtStart(_) => {
                    (window.from, window.to, window.at_start) = (0, 0, !begins);
                }
                ast::BranchWindow::Detached(_) => {
                    window.detached = true;
                    if branch.steps.len() > 1 {
                        self.report(errors::detached_chain(span, branch.span));
                    } else if self.split_of(index, &operation.name).is_some() {
                        self.report(errors::whole_step(operation.span, "the step of a detached branch"));
                    }
                }
                ast::BranchWindow::After(step) => {
                    if let Some(position) = self.main_position(index, step, true) {
                        (window.from, window.at_start) = (position + 1, false);
                        if window.from > window.to {
                            self.report(errors::branch_after_last(span, operation.span));
                        }
                    }
                }
                ast::BranchWindow::At(step) => {
                    if let Some(position) = self.main_position(index, step, false) {
                        (window.from, window.to) = (position, position);
                        window.at_start = position == 0 && !begins;
                    }
                }
                ast::BranchWindow::Before(step) => {
                    if let Some(position) = self.main_position(index, step, false) {
                        window.to = position;
                    }
                }
            }
            let nowhere = window.from > window.to && !window.at_start;
            if nowhere && !matches!(decl.window, ast::BranchWindow::After(_)) {
                self.report(errors::branch_nowhere(span, operation.span));
            }
        }
        window
    }

    /// The position of a step in the main chain; of its second half if it is split and that is asked for.
    pub fn main_position(&mut self, index: usize, step: &ast::OpRef, last_half: bool) -> Option<u32> {
        if let Some(position) = self.segment_position(index, &step.operation.name) {
            // After a step of a segment is, at the earliest, while the run waits for it.
            return Some(if last_half { position.saturating_sub(1) } else { position });
        }
        let number = self.written_step(index, &step.operation)?;
        let written = &self.runs[index].steps[number];
        let id = if last_half { written.ids.last() } else { written.ids.first() }.copied();
        let position = self.chain_steps(index, 0).iter().position(|s| Some(*s) == id);
        if position.is_none() {
            self.report(errors::not_in_main_chain(&step.operation));
        }
        position.map(|p| p as u32)
    }

    pub fn branch_declarations(&self, index: usize, operation: &str) -> Vec<(&'m ast::BranchDecl, Span)> {
        self.annotations_of(index)
            .filter_map(|item| match &item.kind {
                ItemKind::Branch(decl) if decl.target.operation.name == operation => Some((decl, item.span)),
                _ => None,
            })
            .filter(|(decl, _)| self.means(index, &decl.target))
            .collect()
    }

    /// Annotations in the head of a protocol and outside any.
    pub fn annotations_of(&self, index: usize) -> impl Iterator<Item = &'m ast::Item> + use<'m> {
        let head = self.tables.protocols[index].head().iter().filter_map(|item| match item {
            HeadItem::Item(item) => Some(item),
            _ => None,
        });
        let global: Vec<&'m ast::Item> = self.tables.annotations.clone();
        head.chain(global)
    }

    /// Whether a reference can mean a step of this protocol.
    pub fn means(&self, index: usize, target: &ast::OpRef) -> bool {
        let name = &self.tables.protocols[index].alias;
        target.protocol.as_ref().is_none_or(|p| p.name == *name)
    }
}
