//! The parts that an audit takes out: what they are called, where they are, and what taking them out changes.

use arch_base::{SourceMap, Span};
use arch_ir::change::{Change, StepRef, StmtPath, statements};
use arch_ir::{ChainId, FaultId, FaultKind, Program, ProtocolId, StmtKind, guard};

/// A part of a spec.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// Its identity: `main.commit#1`, `guard of main.commit`, `effect 3 of main.commit`, `branch main.step_down`,
    /// `protocol repair`, `fault crash worker`, `budget of crash worker`.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// What it says, on one line.
    pub text: String,
    /// Where it is written.
    pub span: Span,
    /// What taking it out changes.
    pub change: Change,
    /// The name of the step that it belongs to, `main.commit`, if it belongs to one.
    pub step: Option<String>,
    /// Whether it is an atom that reads nothing but constants: a switch of the check, not of the protocol.
    pub constant: bool,
}

/// What a part is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// A whole guard of several atoms.
    Guard,
    /// An atom of a guard.
    Atom,
    /// A statement that advances an ordinal.
    Effect,
    /// A branch.
    Branch,
    /// A protocol.
    Protocol,
    /// A fault: without it, it never happens.
    Fault,
    /// The budget of a fault: without it, the fault happens any number of times (a duplicate once more).
    Budget,
}

impl Kind {
    /// The word that reports use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Guard => "guard",
            Kind::Atom => "atom",
            Kind::Effect => "effect",
            Kind::Branch => "branch",
            Kind::Protocol => "protocol",
            Kind::Fault => "fault",
            Kind::Budget => "budget",
        }
    }
}

/// Every part of a program that is taken out, in order; of statements those that advance an ordinal, and those that
/// are `named`.
#[must_use]
pub fn items<'c>(
    program: &'c Program,
    named: impl IntoIterator<Item = &'c Change>,
    sources: &'c SourceMap,
) -> Vec<Item> {
    let lister = Lister { program, sources, named: named.into_iter().collect() };
    let mut found = Vec::new();
    for protocol in program.protocols.indices() {
        lister.protocol(protocol, &mut found);
    }
    for fault in program.faults.indices() {
        lister.fault(fault, &mut found);
    }
    found
}

struct Lister<'a> {
    program: &'a Program,
    sources: &'a SourceMap,
    named: Vec<&'a Change>,
}

impl Lister<'_> {
    fn protocol(&self, id: ProtocolId, found: &mut Vec<Item>) {
        let protocol = &self.program.protocols[id];
        // A step without a chain is what is left of one that was taken out already.
        let chained = |step| protocol.chains.iter().any(|c| c.steps.contains(&step));
        for step in protocol.steps.indices().filter(|s| chained(*s)) {
            self.step(StepRef { protocol: id, step }, found);
        }
        for (chain, branch) in protocol.chains.iter_enumerated().skip(1) {
            let first = StepRef { protocol: id, step: branch.steps[0] };
            let name = format!("branch {}", step_name(self.program, first));
            let change = Change::Branch(id, chain);
            found.push(self.item(name, Kind::Branch, branch.span, change, None));
        }
        if protocol.parent.is_none() {
            let name = format!("protocol {}", protocol.name);
            found.push(self.item(name, Kind::Protocol, protocol.span, Change::Protocol(id), None));
        }
    }

    fn step(&self, at: StepRef, found: &mut Vec<Item>) {
        let (step, name) = (self.program.step(at), step_name(self.program, at));
        if step.atoms.len() > 1 {
            let id = format!("guard of {name}");
            found.push(self.item(id, Kind::Guard, step.guard.span, Change::Guard(at), Some(&name)));
        }
        for atom in &step.atoms {
            let change = Change::Term(at, atom.id.clone());
            let item = self.item(atom.id.clone(), Kind::Atom, atom.expr.span, change, Some(&name));
            found.push(Item { constant: guard::is_constant(&atom.expr), ..item });
        }
        let before = self.statements_of_first_half(at);
        for (path, statement) in statements(&step.effect) {
            let id = format!("effect {} of {name}", number(&path, before));
            let change = Change::Effect(at, path);
            if matches!(statement.kind, StmtKind::Advance(..)) || self.named.contains(&&change) {
                found.push(self.item(id, Kind::Effect, statement.span, change, Some(&name)));
            }
        }
    }

    /// The statements of a split step are numbered through both halves.
    fn statements_of_first_half(&self, at: StepRef) -> u32 {
        let protocol = &self.program.protocols[at.protocol];
        let halves = protocol.steps.iter_enumerated().filter(|(_, s)| s.name == protocol.steps[at.step].name);
        halves.filter(|(s, _)| *s < at.step).map(|(_, s)| s.effect.len() as u32).sum()
    }

    fn fault(&self, id: FaultId, found: &mut Vec<Item>) {
        let fault = &self.program.faults[id];
        let name = self.fault_name(&fault.kind);
        let item = |id: String, kind, change| self.item(id, kind, fault.span, change, None);
        found.push(item(format!("fault {name}"), Kind::Fault, Change::Budget(id, Some(0))));
        let without = Change::without_budget(id, fault);
        found.extend(without.map(|change| item(format!("budget of {name}"), Kind::Budget, change)));
    }

    /// The fault with the whole name of its step.
    fn fault_name(&self, kind: &FaultKind) -> String {
        match kind {
            FaultKind::Lose { protocol, step } | FaultKind::Duplicate { protocol, step, .. } => {
                let at = StepRef { protocol: *protocol, step: *step };
                let word = if matches!(kind, FaultKind::Lose { .. }) { "lose" } else { "duplicate" };
                format!("{word} {}", step_name(self.program, at))
            }
            _ => self.program.show_fault(kind),
        }
    }

    fn item(&self, id: String, kind: Kind, span: Span, change: Change, step: Option<&str>) -> Item {
        let text = &self.sources.text(span.file)[span.range()];
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Item { id, kind, text, span, change, step: step.map(str::to_owned), constant: false }
    }
}

/// `3`, `3.1` for the first statement in the third, `3.else.1`.
fn number(path: &StmtPath, before: u32) -> String {
    let mut text = String::new();
    for (i, n) in path.iter().enumerate() {
        match i {
            0 => text.push_str(&(n + before + 1).to_string()),
            _ if i % 2 == 0 => text.push_str(&format!(".{}", n + 1)),
            _ if *n == 1 => text.push_str(".else"),
            _ => {}
        }
    }
    text
}

/// `main.commit`; of a rule, its operation; the steps of sub-runs have the name of the protocol that they are written in.
#[must_use]
pub fn step_name(program: &Program, at: StepRef) -> String {
    let step = &program.step(at).name;
    let mut protocol = &program.protocols[at.protocol];
    while let Some(parent) = protocol.parent {
        protocol = &program.protocols[parent.protocol];
    }
    if protocol.rule { step.clone() } else { format!("{}.{step}", protocol.name) }
}

/// Whether taking out `whole` takes out `part` as well, so that both together are no more than `whole`.
pub(super) fn contains(program: &Program, whole: &Change, part: &Change) -> bool {
    match (whole, part) {
        _ if whole == part => true,
        (Change::Guard(a), Change::Term(b, _)) => a == b,
        (Change::Budget(a, Some(0)), Change::Budget(b, _)) => a == b,
        (Change::Branch(p, chain), _) => {
            let steps = &program.protocols[*p].chains[*chain].steps;
            step_of(part).is_some_and(|at| at.protocol == *p && steps.contains(&at.step))
        }
        (Change::Protocol(p), Change::Branch(q, _) | Change::Protocol(q)) => is_below(program, *q, *p),
        (Change::Protocol(p), _) => step_of(part).is_some_and(|at| is_below(program, at.protocol, *p)),
        _ => false,
    }
}

/// Whether a protocol is another one, or its sub-runs.
pub(super) fn is_below(program: &Program, protocol: ProtocolId, of: ProtocolId) -> bool {
    let parent = program.protocols[protocol].parent;
    protocol == of || parent.is_some_and(|parent| is_below(program, parent.protocol, of))
}

/// The step whose guard or effect is changed.
pub(super) fn step_of(change: &Change) -> Option<StepRef> {
    match change {
        Change::Guard(at) | Change::Term(at, _) | Change::Effect(at, _) => Some(*at),
        _ => None,
    }
}

/// The chain of a branch.
pub(super) fn chain_of(change: &Change) -> Option<(ProtocolId, ChainId)> {
    match change {
        Change::Branch(protocol, chain) => Some((*protocol, *chain)),
        _ => None,
    }
}
