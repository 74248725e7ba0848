//! Which picks an event made: its values stand in the order in which the effect reached them, and which picks it
//! reached depends on conditions that the event does not tell.

use crate::program::{Binder, Domain, Stmt, StmtKind, Type};
use crate::value::Value;
use crate::walk::element_type;

/// More ways through an effect's conditions than this are not told apart.
const MOST_WAYS: usize = 256;

/// For each value the pick that it was made by, where every way through the statements that can have made these values
/// agrees.
pub(super) fn made<'a>(effect: &'a [Stmt], values: &[Value]) -> Vec<Option<&'a Binder>> {
    let fits =
        |way: &Vec<&Binder>| way.len() == values.len() && way.iter().zip(values).all(|(b, v)| is_of(v, b));
    let ways: Vec<_> = ways(effect).unwrap_or_default().into_iter().filter(fits).collect();
    let agreed = |i: usize| {
        let first = *ways.first()?.get(i)?;
        ways.iter().all(|way| way[i].slot == first.slot).then_some(first)
    };
    (0..values.len()).map(agreed).collect()
}

/// The picks of every way through statements; none when a round of a loop picks, or when there are too many.
fn ways(effect: &[Stmt]) -> Option<Vec<Vec<&Binder>>> {
    let mut found: Vec<Vec<&Binder>> = vec![Vec::new()];
    for stmt in effect {
        let next = match &stmt.kind {
            StmtKind::Pick(binder) => vec![vec![binder]],
            StmtKind::If(_, yes, no) => [ways(yes)?, ways(no)?].concat(),
            StmtKind::For(_, body) => ways(body)?,
            _ => continue,
        };
        if next.iter().all(Vec::is_empty) {
            continue;
        }
        if matches!(stmt.kind, StmtKind::For(..)) || found.len() * next.len() > MOST_WAYS {
            return None;
        }
        let longer = found.iter().flat_map(|way| next.iter().map(|more| [&way[..], more].concat()));
        found = longer.collect();
    }
    Some(found)
}

/// Whether a value is of the kind that a pick chooses from.
fn is_of(value: &Value, pick: &Binder) -> bool {
    match &pick.domain {
        Domain::Range(..) => matches!(value, Value::Int(_)),
        Domain::Runs(_) => matches!(value, Value::Run(_)),
        Domain::Type(_) | Domain::Set(_) => match element_type(&pick.domain) {
            Type::Enum(_) => matches!(value, Value::Enum(_)),
            Type::Id(_) => matches!(value, Value::Id(_)),
            Type::Int(_) => matches!(value, Value::Int(_)),
            Type::Bool => matches!(value, Value::Bool(_)),
            _ => true,
        },
    }
}
