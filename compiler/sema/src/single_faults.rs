//! The spec under each fault alone, declared or not: what `archc faults` compares.

use crate::analyzer;
use crate::{Options, variation};
use arch_base::{Severity, Span};
use arch_grammar::ast::{self, FaultDecl, FaultKind, ItemKind};
use arch_ir::{Actor, ChainId, Program, Protocol, SortId, StepId};

/// The spec with one fault, and no other.
#[derive(Clone, Debug)]
pub struct SingleFault {
    /// The fault as one would declare it; none for the spec without faults.
    pub text: Option<String>,
    /// Whether the spec declares it; its budget is that of the declaration then, and 1 otherwise.
    pub declared: bool,
    /// The program, or why there is none.
    pub program: Result<Program, String>,
}

/// No fault, then each that could happen in a spec without errors: to every actor, every hand-off, every clock.
#[must_use]
pub fn single_faults(module: &ast::Module, options: &Options, program: &Program) -> Vec<SingleFault> {
    let none = SingleFault { text: None, declared: false, program: alone(module, options, None) };
    let declared: Vec<&FaultDecl> = variation::declared_faults(module).collect();
    let mut rows = vec![none];
    let row = |fault: &FaultDecl, declared| SingleFault {
        text: Some(arch_grammar::print_fault(fault)),
        declared,
        program: alone(module, options, Some(fault)),
    };
    let mut shown: Vec<&FaultDecl> = Vec::new();
    for (text, span) in possible(program) {
        let Some(mut fault) = parsed(&text) else { continue };
        fault.span = span;
        let own: Vec<&FaultDecl> =
            declared.iter().copied().filter(|d| is_like(&d.kind, &fault.kind)).collect();
        if own.is_empty() {
            rows.push(row(&fault, false));
        }
        rows.extend(own.iter().map(|fault| row(fault, true)));
        shown.extend(own);
    }
    // What is declared has a row, whatever anybody thinks of it.
    let rest = declared.iter().filter(|d| !shown.iter().any(|s| s.span == d.span));
    rows.extend(rest.map(|fault| row(fault, true)));
    rows
}

/// Whether a declared fault answers what a possible one asks: the same, or a partition of the same two, whichever of them one
/// calls cut off.
fn is_like(declared: &FaultKind, possible: &FaultKind) -> bool {
    match (declared, possible) {
        (FaultKind::Partition(a, b), FaultKind::Partition(c, d)) if a.name == d.name && b.name == c.name => {
            true
        }
        _ => variation::same_fault(declared, possible),
    }
}

fn parsed(text: &str) -> Option<FaultDecl> {
    let module = arch_grammar::parse(arch_base::FileId::default(), &format!("faults {{ {text} }}")).ok()?;
    variation::declared_faults(&module).next().cloned()
}

fn alone(module: &ast::Module, options: &Options, fault: Option<&FaultDecl>) -> Result<Program, String> {
    let mut edited = module.clone();
    edited
        .items
        .retain(|i| !matches!(i.kind, ItemKind::Faults(_) | ItemKind::Failure(_) | ItemKind::Redundant(_)));
    if let Some(fault) = fault {
        let kind = ItemKind::Faults(vec![fault.clone()]);
        edited.items.push(ast::Item { kind, span: fault.span });
    }
    let joining = crate::segments::joining_steps(&edited);
    let analyzer = analyzer::passes(&edited, &joining, options);
    match analyzer.diagnostics.iter().find(|d| d.severity == Severity::Error) {
        Some(error) => Err(error.message.clone()),
        None => arch_ir::validate::validate(&analyzer.program).map(|()| analyzer.program.clone()),
    }
}

/// What could happen, as one would write it, with what it would happen to.
fn possible(program: &Program) -> Vec<(String, Span)> {
    let mut found: Vec<(String, Span)> = Vec::new();
    let mut add = |text: String, span| {
        if !found.iter().any(|(t, _)| *t == text) {
            found.push((text, span));
        }
    };
    let actors: Vec<SortId> = program.sorts.indices().filter(|s| program.sorts[*s].actor).collect();
    let acting: Vec<SortId> = actors.into_iter().filter(|s| acts(program, *s)).collect();
    for sort in acting.iter().map(|s| &program.sorts[*s]) {
        add(format!("crash {}", sort.name), sort.span);
    }
    for protocol in program.protocols.iter().filter(|p| !p.rule) {
        for step in handed_off(protocol) {
            let step = &protocol.steps[step];
            add(format!("lose {}", named(program, protocol, &step.name)), step.name_span);
        }
    }
    for protocol in program.protocols.iter().filter(|p| !p.rule) {
        for step in protocol.steps.iter().filter(|s| !s.name.contains(' ')) {
            add(format!("duplicate {}", named(program, protocol, &step.name)), step.name_span);
        }
    }
    let clocks = program.vars.iter().any(|v| program.holds_time(&v.ty));
    for sort in acting.iter().filter(|_| clocks).map(|s| &program.sorts[*s]) {
        add(format!("skew {} by 1", sort.name), sort.span);
    }
    for (from, to) in connected(program) {
        let (from, to) = (&program.sorts[from], &program.sorts[to]);
        add(format!("partition {} from {}", from.name, to.name), from.span);
    }
    found
}

fn actor_sort(protocol: &Protocol, step: StepId) -> SortId {
    match protocol.steps[step].actor {
        Actor::Subject(i) => protocol.subjects[i as usize].sort,
        Actor::Role(role) => protocol.roles[role].sort,
    }
}

fn acts(program: &Program, sort: SortId) -> bool {
    program.protocols.iter().any(|p| p.steps.indices().any(|s| actor_sort(p, s) == sort))
}

/// The steps that a run can wait for.
fn handed_off(protocol: &Protocol) -> Vec<StepId> {
    let begins = !protocol.begin.is_empty();
    let first = |chain: ChainId| usize::from(!(chain == ChainId(0) && begins));
    let chains = protocol.chains.iter_enumerated();
    let steps: Vec<StepId> =
        chains.flat_map(|(id, c)| c.steps.iter().copied().skip(first(id)).collect::<Vec<_>>()).collect();
    steps.into_iter().filter(|s| !protocol.steps[*s].name.contains(' ')).collect()
}

/// `commit`, or `main.commit` where several protocols have one.
fn named(program: &Program, protocol: &Protocol, step: &str) -> String {
    let owners = program.protocols.iter().filter(|p| p.steps.iter().any(|s| s.name == step)).count();
    if owners > 1 { format!("{}.{step}", protocol.name) } else { step.to_owned() }
}

/// Pairs of actors that hand runs to each other, and actors with the places of truth objects.
fn connected(program: &Program) -> Vec<(SortId, SortId)> {
    let mut pairs = Vec::new();
    for protocol in &program.protocols {
        for chain in &protocol.chains {
            let sorts: Vec<SortId> = chain.steps.iter().map(|s| actor_sort(protocol, *s)).collect();
            pairs.extend(sorts.windows(2).map(|w| (w[0], w[1])));
        }
        let places: Vec<SortId> = program.truths.iter().filter_map(|t| t.place).collect();
        for step in protocol.steps.indices() {
            pairs.extend(places.iter().map(|place| (actor_sort(protocol, step), *place)));
        }
    }
    pairs.retain(|(a, b)| a != b || program.sorts[*a].size > 1);
    let mut seen: Vec<(SortId, SortId)> = Vec::new();
    for (a, b) in pairs {
        if !seen.contains(&(a, b)) && !seen.contains(&(b, a)) {
            seen.push((a, b));
        }
    }
    seen
}
