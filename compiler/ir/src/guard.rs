//! Guards and the atoms that they are made of: how atoms are found and numbered, and a guard without one.
//!
//! The scheme of identities, and what keeps them stable, is `docs/internals/guard-ids.md`.

use crate::eval::expr::compare;
use crate::program::{Atom, Expr, ExprKind, Type};
use crate::value::Value;
use arch_base::Span;

/// The guard of a step with its atoms, from the conditions that are written for it, in order: the one of the
/// protocol line, then each `requires`. Atoms are named `prefix#1`, `prefix#2`, ….
#[must_use]
pub fn joined(conditions: Vec<Expr>, prefix: &str, span: Span) -> (Expr, Vec<Atom>) {
    let mut atoms = Vec::new();
    let several = conditions.len() != 1;
    for (i, condition) in conditions.iter().enumerate() {
        let mut path = if several { vec![i as u32] } else { Vec::new() };
        collect(condition, prefix, &mut path, &mut atoms);
    }
    let guard = match <[Expr; 1]>::try_from(conditions) {
        Ok([only]) => only,
        Err(all) => Expr { kind: ExprKind::And(all), ty: Type::Bool, span },
    };
    (guard, atoms)
}

/// Adds the atoms of what stands at `path`, in order of writing.
fn collect(e: &Expr, prefix: &str, path: &mut Vec<u32>, out: &mut Vec<Atom>) {
    let operands = written_operands(e);
    if operands.is_empty() {
        let id = format!("{prefix}#{}", out.len() + 1);
        return out.push(Atom { id, expr: e.clone(), path: path.clone() });
    }
    for (i, operand) in operands.into_iter().enumerate() {
        path.push(i as u32);
        collect(operand, prefix, path, out);
        path.pop();
    }
}

/// The operands of a connective, if they stand where it stands. A definition is expanded in place of its name,
/// with the name's span: what it consists of is written elsewhere, and the guard has one atom for it.
fn written_operands(e: &Expr) -> Vec<&Expr> {
    let operands: Vec<&Expr> = match &e.kind {
        ExprKind::And(parts) | ExprKind::Or(parts) => parts.iter().collect(),
        ExprKind::Not(inner) => vec![inner],
        _ => Vec::new(),
    };
    let inside = |part: &&Expr| {
        part.span.file == e.span.file && e.span.start <= part.span.start && part.span.end <= e.span.end
    };
    if operands.iter().all(inside) { operands } else { Vec::new() }
}

/// The truth value that a condition has in every state because constants alone decide it, as in a guard with a switch.
/// `None`: the state has a say, as far as this looks.
#[must_use]
pub fn decided(e: &Expr) -> Option<bool> {
    match &e.kind {
        ExprKind::Literal(Value::Bool(value)) => Some(*value),
        ExprKind::Not(inner) => decided(inner).map(|value| !value),
        ExprKind::And(parts) => decided_by(parts, false),
        ExprKind::Or(parts) => decided_by(parts, true),
        ExprKind::Compare(op, left, right) => match (&left.kind, &right.kind) {
            (ExprKind::Literal(left), ExprKind::Literal(right)) => Some(compare(*op, left, right)),
            _ => None,
        },
        _ => None,
    }
}

/// A connective is decided by one operand that `decides`, or when all operands are decided the other way.
fn decided_by(parts: &[Expr], decides: bool) -> Option<bool> {
    let values = || parts.iter().map(decided);
    match values().any(|v| v == Some(decides)) {
        true => Some(decides),
        false => values().all(|v| v.is_some()).then_some(!decides),
    }
}

/// Whether an expression is made of constants alone: in a guard, a switch of the check and not of the protocol.
#[must_use]
pub fn is_constant(e: &Expr) -> bool {
    let mut constant = true;
    e.visit(&mut |e| {
        constant &= matches!(
            e.kind,
            ExprKind::Literal(_)
                | ExprKind::Not(_)
                | ExprKind::And(_)
                | ExprKind::Or(_)
                | ExprKind::Compare(..)
                | ExprKind::Arith(..)
                | ExprKind::If(..)
        );
    });
    constant
}

/// The guard as if one of its atoms had not been written, and the atoms that are left. An `and` or `or` loses an
/// operand, a `not` goes with what it negates, switches with the last thing that they switch; a guard without atoms is
/// true.
#[must_use]
pub fn without(guard: &Expr, atoms: &[Atom], n: usize) -> (Expr, Vec<Atom>) {
    let gone = &with_switches(guard, &atoms[n]);
    let left = pruned(guard, gone).unwrap_or_else(|| Expr::bool(true, guard.span));
    let others = atoms.iter().filter(|a| !a.path.starts_with(gone));
    let moved = others.map(|a| Atom { path: moved(guard, &a.path, gone), ..a.clone() });
    (left, moved.collect())
}

/// What goes with an atom: the disjunction that it stands in, if nothing else in it reads the state. In
/// `not FENCED or epoch = current` the atom alone would leave a guard that is never true, which nobody means
/// who asks what the comparison is for.
fn with_switches(guard: &Expr, atom: &Atom) -> Vec<u32> {
    let mut gone = atom.path.clone();
    if is_constant(&atom.expr) {
        return gone;
    }
    // The widest disjunction whose other operands, at every level below it, are constants.
    let mut wide = gone.len();
    for depth in (0..gone.len()).rev() {
        let (outer, negated) = reached(guard, &gone[..depth]);
        let others = |parts: &[Expr]| {
            parts.iter().enumerate().all(|(i, p)| i == gone[depth] as usize || is_constant(p))
        };
        match &outer.kind {
            ExprKind::Not(_) => {}
            ExprKind::Or(parts) if !negated && others(parts) => wide = depth,
            ExprKind::And(parts) if negated && others(parts) => wide = depth,
            _ => break,
        }
    }
    gone.truncate(wide);
    gone
}

/// Whether an atom stands under an odd number of negations: the guard wants it to be false.
#[must_use]
pub fn is_negated(guard: &Expr, atom: &Atom) -> bool {
    reached(guard, &atom.path).1
}

/// What stands at a path, and whether it is under an odd number of negations.
fn reached<'e>(e: &'e Expr, path: &[u32]) -> (&'e Expr, bool) {
    path.iter().fold((e, false), |(at, negated), i| match &at.kind {
        ExprKind::Not(inner) => (&**inner, !negated),
        ExprKind::And(parts) | ExprKind::Or(parts) => (&parts[*i as usize], negated),
        _ => (at, negated),
    })
}

/// The expression without what stands at `path`; none when nothing is left.
fn pruned(e: &Expr, path: &[u32]) -> Option<Expr> {
    let (first, rest) = path.split_first()?;
    let rebuilt = |kind| Expr { kind, ..e.clone() };
    match &e.kind {
        ExprKind::Not(inner) => pruned(inner, rest).map(|inner| rebuilt(ExprKind::Not(Box::new(inner)))),
        ExprKind::And(parts) | ExprKind::Or(parts) => {
            let mut parts = parts.clone();
            match pruned(&parts[*first as usize], rest) {
                Some(part) => parts[*first as usize] = part,
                None => drop(parts.remove(*first as usize)),
            }
            match <[Expr; 1]>::try_from(parts) {
                Ok([only]) => Some(only),
                Err(parts) if parts.is_empty() => None,
                Err(parts) if matches!(e.kind, ExprKind::And(_)) => Some(rebuilt(ExprKind::And(parts))),
                Err(parts) => Some(rebuilt(ExprKind::Or(parts))),
            }
        }
        _ => None,
    }
}

/// Where what stands at `path` stands once what stands at `gone` is pruned.
fn moved(e: &Expr, path: &[u32], gone: &[u32]) -> Vec<u32> {
    let (Some((&i, rest)), Some((&g, gone_rest))) = (path.split_first(), gone.split_first()) else {
        return path.to_vec();
    };
    let parts = match &e.kind {
        ExprKind::And(parts) | ExprKind::Or(parts) => parts.as_slice(),
        ExprKind::Not(inner) => std::slice::from_ref(&**inner),
        _ => return path.to_vec(),
    };
    if i == g {
        let below = moved(&parts[i as usize], rest, gone_rest);
        return std::iter::once(i).chain(below).collect();
    }
    if pruned(&parts[g as usize], gone_rest).is_some() {
        return path.to_vec();
    }
    let index = if parts.len() == 2 { None } else { Some(i - u32::from(g < i)) };
    index.into_iter().chain(rest.iter().copied()).collect()
}

/// The atoms by conjunct: a guard is the conjunction of these groups, each a range of atoms by position.
#[must_use]
pub fn conjuncts(guard: &Expr, atoms: &[Atom]) -> Vec<std::ops::Range<usize>> {
    let mut groups: Vec<(Vec<u32>, std::ops::Range<usize>)> = Vec::new();
    for (n, atom) in atoms.iter().enumerate() {
        let key = conjunct_of(guard, &atom.path);
        match groups.last_mut() {
            Some((last, range)) if *last == key => range.end = n + 1,
            _ => groups.push((key, n..n + 1)),
        }
    }
    groups.into_iter().map(|(_, range)| range).collect()
}

/// The part of a path that leads through conjunctions only, and the operand after them.
fn conjunct_of(guard: &Expr, path: &[u32]) -> Vec<u32> {
    let (mut at, mut key) = (guard, Vec::new());
    for &i in path {
        let ExprKind::And(parts) = &at.kind else { break };
        key.push(i);
        at = &parts[i as usize];
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;
    use arch_base::FileId;

    /// `and(0..9)[x at 1, y at 3]`: spans say what is written where.
    fn span(start: u32, end: u32) -> Span {
        Span::new(FileId(0), start, end)
    }

    fn atom(at: u32) -> Expr {
        Expr { kind: ExprKind::Literal(Value::Int(i64::from(at))), ty: Type::Bool, span: span(at, at + 1) }
    }

    fn node(kind: fn(Vec<Expr>) -> ExprKind, parts: Vec<Expr>) -> Expr {
        let (start, end) = (parts[0].span.start, parts[parts.len() - 1].span.end);
        Expr { kind: kind(parts), ty: Type::Bool, span: span(start, end) }
    }

    fn not(inner: Expr) -> Expr {
        Expr { span: inner.span, ty: Type::Bool, kind: ExprKind::Not(Box::new(inner)) }
    }

    /// `1 and (2 or not 3) and 4`, joined with `requires {5}`.
    fn example() -> (Expr, Vec<Atom>) {
        let or = node(ExprKind::Or, vec![atom(2), not(atom(3))]);
        let line = node(ExprKind::And, vec![atom(1), or, atom(4)]);
        joined(vec![line, atom(5)], "p.s", span(0, 9))
    }

    fn shown(e: &Expr) -> String {
        let list = |parts: &[Expr], by: &str| parts.iter().map(shown).collect::<Vec<_>>().join(by);
        match &e.kind {
            ExprKind::And(parts) => format!("({})", list(parts, "&")),
            ExprKind::Or(parts) => format!("({})", list(parts, "|")),
            ExprKind::Not(inner) => format!("!{}", shown(inner)),
            ExprKind::Literal(Value::Int(n)) => n.to_string(),
            other => format!("{other:?}"),
        }
    }

    fn at<'e>(e: &'e Expr, path: &[u32]) -> &'e Expr {
        match (path.split_first(), &e.kind) {
            (None, _) => e,
            (Some((_, rest)), ExprKind::Not(inner)) => at(inner, rest),
            (Some((i, rest)), ExprKind::And(parts) | ExprKind::Or(parts)) => at(&parts[*i as usize], rest),
            (Some(_), other) => panic!("no operand in {other:?}"),
        }
    }

    #[test]
    fn atoms_are_numbered_in_order_of_writing() {
        let (guard, atoms) = example();
        assert_eq!(shown(&guard), "((1&(2|!3)&4)&5)");
        let ids: Vec<String> = atoms.iter().map(|a| format!("{}={}", a.id, shown(&a.expr))).collect();
        assert_eq!(ids, ["p.s#1=1", "p.s#2=2", "p.s#3=3", "p.s#4=4", "p.s#5=5"]);
    }

    #[test]
    fn a_definition_is_one_atom() {
        let body = node(ExprKind::And, vec![atom(7), atom(8)]);
        let used = Expr { span: span(2, 3), ..body };
        let (_, atoms) = joined(vec![node(ExprKind::And, vec![atom(1), used])], "p.s", span(0, 9));
        assert_eq!(atoms.iter().map(|a| shown(&a.expr)).collect::<Vec<_>>(), ["1", "(7&8)"]);
    }

    #[test]
    fn a_guard_can_lose_each_atom() {
        let (guard, atoms) = example();
        let left: Vec<String> = (0..5).map(|n| shown(&without(&guard, &atoms, n).0)).collect();
        let expected = ["(((2|!3)&4)&5)", "((1&!3&4)&5)", "((1&2&4)&5)", "((1&(2|!3))&5)", "(1&(2|!3)&4)"];
        assert_eq!(left, expected);
    }

    #[test]
    fn the_other_atoms_stay_where_they_are_said_to_be() {
        fn all_orders(guard: &Expr, atoms: &[Atom]) {
            for atom in atoms {
                assert_eq!(
                    shown(at(guard, &atom.path)),
                    shown(&atom.expr),
                    "{} in {}",
                    atom.id,
                    shown(guard)
                );
            }
            for n in 0..atoms.len() {
                let (guard, atoms) = without(guard, atoms, n);
                all_orders(&guard, &atoms);
            }
        }
        let (guard, atoms) = example();
        all_orders(&guard, &atoms);
    }

    /// An atom that reads the state, unlike those of the other tests.
    fn reads(at: u32) -> Expr {
        Expr { kind: ExprKind::Instant(0), ..atom(at) }
    }

    #[test]
    fn switches_go_with_what_they_switch() {
        let or = |parts| node(ExprKind::Or, parts);
        let and = |parts| node(ExprKind::And, parts);
        let left = |line: Expr, n: usize| {
            let (guard, atoms) = joined(vec![line], "p.s", span(0, 9));
            let (left, atoms) = without(&guard, &atoms, n);
            (shown(&left), atoms.len())
        };
        let of = |text: &str, n: usize| (text.to_owned(), n);
        // `not SWITCH or p`, in a conjunction and alone; the switch itself goes alone.
        let switched = || or(vec![not(atom(1)), reads(2)]);
        assert_eq!(left(and(vec![switched(), reads(3)]), 1), of("Instant(0)", 1));
        assert_eq!(left(switched(), 1).1, 0);
        assert_eq!(left(switched(), 0), of("Instant(0)", 1));
        // With a second operand that reads the state, one operand is left.
        assert_eq!(left(or(vec![atom(1), reads(2), reads(3)]), 2), of("(1|Instant(0))", 2));
        // `not (SWITCH and p)` is the same; in an `and` a switch stays.
        assert_eq!(left(and(vec![not(and(vec![atom(1), reads(2)])), reads(3)]), 1), of("Instant(0)", 1));
        assert_eq!(left(and(vec![atom(1), reads(2)]), 1), of("1", 1));
        // Nothing but switches: text is text.
        assert_eq!(left(or(vec![atom(1), atom(2)]), 1), of("1", 1));
    }

    #[test]
    fn a_guard_without_atoms_is_true() {
        let (guard, atoms) = joined(vec![not(atom(1))], "p.s", span(0, 9));
        let (left, atoms) = without(&guard, &atoms, 0);
        assert!(matches!(left.kind, ExprKind::Literal(Value::Bool(true))) && atoms.is_empty());
    }

    #[test]
    fn conjuncts_are_split_at_conjunctions_only() {
        let (guard, atoms) = example();
        assert_eq!(conjuncts(&guard, &atoms), [0..1, 1..3, 3..4, 4..5]);
    }
}
