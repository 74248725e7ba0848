//! Guards and bounds in words: source text with the values in it.

use super::Teller;
use arch_base::{SourceMap, Span};
use arch_ir::eval::{AtomTruth, GuardExplanation};
use arch_ir::{Event, Excess, ExcessKind, Place, Program, State, StmtKind, Type};

/// The longest piece of source text that is quoted.
const LONGEST_QUOTE: usize = 160;

/// The longest value that is shown beside a guard.
const LONGEST_VALUE: usize = 48;

impl Teller<'_> {
    /// The atoms of an event's guard that let it happen; for a rejection, those that were false.
    pub(super) fn because(&self, before: &State, event: &Event) -> Vec<String> {
        let happens = !matches!(event, Event::Reject { .. });
        let atoms = self.interpreter.atoms_at(before, event);
        let mut told: Vec<String> =
            atoms.iter().filter(|a| a.wanted == happens).map(|a| self.atom(a)).collect();
        told.dedup();
        told
    }

    /// What is so: `OwnerEpoch.current = my_epoch (both 1)`, `not …` when the atom is false.
    fn atom(&self, atom: &AtomTruth) -> String {
        let not = if atom.holds { "" } else { "not " };
        format!("{not}{}{}", quote(self.sources, atom.expr.span), self.values(atom, !atom.holds))
    }

    /// The values of an atom's operands, where its text does not say them.
    fn values(&self, atom: &AtomTruth, always: bool) -> String {
        let shown = |(e, v): &(arch_ir::Expr, arch_ir::Value)| {
            (quote(self.sources, e.span), self.program.show_value(&e.ty, v))
        };
        // A value that is its own text, or a set longer than the line, explains nothing.
        let telling =
            |(name, value): &(String, String)| name != value && value.chars().count() <= LONGEST_VALUE;
        let operands: Vec<(String, String)> = atom.operands.iter().map(shown).collect();
        if let [(_, a), (_, b)] = operands.as_slice()
            && a == b
            && operands.iter().all(telling)
        {
            return format!(" (both {a})");
        }
        let two = operands.len() > 1;
        let operands: Vec<(String, String)> = operands.into_iter().filter(telling).collect();
        if operands.is_empty() || !(two || always) {
            String::new()
        } else {
            format!(" ({})", listed(&operands))
        }
    }

    /// Why a step waits, given how each combination of choices fares.
    pub(super) fn why_waiting(&self, fates: &[GuardExplanation]) -> Vec<String> {
        let mut reasons: Vec<String> = fates.iter().flat_map(|f| self.why(f)).collect();
        let mut seen = std::collections::BTreeSet::new();
        reasons.retain(|r| seen.insert(r.clone()));
        reasons
    }

    fn why(&self, fate: &GuardExplanation) -> Vec<String> {
        let name = self.program.instance_name(fate.actor.0, fate.actor.1);
        match () {
            () if !fate.up => vec![format!("{name} is down")],
            () if !fate.connected => vec![format!("{name} is cut off")],
            () if fate.guard => {
                vec!["its guard holds, and its effect leaves a bound or finds nothing to pick".into()]
            }
            () => {
                let by = if fate.choices.is_empty() { String::new() } else { format!("for {name}: ") };
                let others = fate.atoms.iter().filter(|a| !a.wanted);
                let told: Vec<String> = others.map(|a| format!("{by}{}", self.atom(a))).collect();
                // A branch or step that is taken out has a guard without atoms.
                if told.is_empty() { vec![format!("{by}its guard is never true")] } else { told }
            }
        }
    }
}

fn listed(operands: &[(String, String)]) -> String {
    let parts: Vec<String> = operands.iter().map(|(name, value)| format!("{name} is {value}")).collect();
    parts.join(", ")
}

/// A piece of source on one line.
pub(super) fn quote(sources: &SourceMap, span: Span) -> String {
    let text = sources.slice(span).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= LONGEST_QUOTE {
        return text;
    }
    text.chars().take(LONGEST_QUOTE).chain("…".chars()).collect()
}

/// `0..3`, where the statement at a place assigns to a variable of that range.
fn assigned_range(program: &Program, span: Span) -> Option<String> {
    let steps = program.protocols.iter().flat_map(|p| &p.steps);
    let effects = steps.flat_map(|s| s.effect.iter().chain(s.reject.iter().flat_map(|r| &r.effect)));
    let mut range = None;
    for stmt in effects {
        stmt.visit(&mut |stmt| {
            if let (StmtKind::Assign(Place::Var(_, _, ty) | Place::RunVar(_, ty), _), true) =
                (&stmt.kind, stmt.span == span)
                && let Type::Int(int) = ty.unwrap_optional()
            {
                range = Some(format!("{}..{}", int.lo, int.hi));
            }
        });
    }
    range
}

/// What bound an effect left.
pub(super) fn excess(program: &Program, sources: &SourceMap, excess: &Excess) -> String {
    let statement = quote(sources, excess.span);
    match excess.kind {
        ExcessKind::Range(value) => {
            let range = assigned_range(program, excess.span).unwrap_or_else(|| "its range".to_owned());
            format!("`{statement}` leaves {range}: the value would be {value}")
        }
        ExcessKind::Size(elements) => {
            format!("`{statement}` leaves its bound: there would be {elements} elements")
        }
        ExcessKind::Runs => {
            format!("`{statement}` starts a further run, and every run of that subject is unfinished")
        }
        ExcessKind::Advance => format!(
            "`{statement}`: a greater value is alive already; whoever may pick the same next value needs a \
             bounded integer, and where such values are never compared, `allow advances \"why\"` says so"
        ),
    }
}
