//! Random effects.

use super::names::Scope;
use super::types::{INT, Ty};
use super::world::Maker;

impl Maker {
    /// Statements, one per line; those of the first level have `indent` blanks before them.
    pub fn block(&mut self, count: usize, depth: u32, indent: usize, scope: &Scope) -> Vec<String> {
        let mut scope = scope.clone();
        let mut lines = Vec::new();
        for _ in 0..count {
            lines.extend(self.statement(depth, indent, &mut scope));
        }
        lines
    }

    fn statement(&mut self, depth: u32, indent: usize, scope: &mut Scope) -> Vec<String> {
        let blank = " ".repeat(indent);
        if depth > 0 {
            match self.r.weighted(&[62, 12, 8, 8, 10]) {
                1 => return self.branching(depth, indent, scope),
                2 => return self.repetition(depth, indent, scope),
                3 => {
                    let list = self.readable(scope);
                    let list: Vec<_> =
                        list.into_iter().filter(|(_, t)| !matches!(t, Ty::Run(_) | Ty::Time)).collect();
                    if let Some((text, ty)) = self.r.maybe(&list)
                        && !self.holds(&ty, &Ty::Time)
                    {
                        self.has("let statement");
                        let name = self.fresh("x");
                        *scope = scope.with(&name, ty);
                        return vec![format!("{blank}let {name} = {text}")];
                    }
                }
                4 => {
                    let (domain, ty) = self.domain(scope);
                    if !matches!(ty, Ty::Run(_)) {
                        self.has("pick");
                        let name = self.fresh("x");
                        *scope = scope.with(&name, ty);
                        return vec![format!("{blank}pick {name} in {domain}")];
                    }
                }
                _ => {}
            }
        }
        self.assignment(scope).map(|line| format!("{blank}{line}")).into_iter().collect()
    }

    fn branching(&mut self, depth: u32, indent: usize, scope: &Scope) -> Vec<String> {
        self.has("if statement");
        let blank = " ".repeat(indent);
        let condition = self.condition(1, scope);
        let mut lines = vec![format!("{blank}if {condition} {{")];
        lines.extend(self.block(1, depth - 1, indent + 2, scope));
        if self.r.chance(40) {
            lines.push(format!("{blank}}} else {{"));
            lines.extend(self.block(1, depth - 1, indent + 2, scope));
        }
        lines.push(format!("{blank}}}"));
        lines
    }

    fn repetition(&mut self, depth: u32, indent: usize, scope: &Scope) -> Vec<String> {
        self.has("for");
        let blank = " ".repeat(indent);
        let (binder, inner) = self.binder(1, scope);
        let mut lines = vec![format!("{blank}for {binder} {{")];
        // A `pick` in a round for every run has too many combinations.
        let many = matches!(inner.slots.last(), Some((_, Ty::Run(_))));
        let depth = if many { 0 } else { depth - 1 };
        lines.extend(self.block(1, depth, indent + 2, &inner));
        lines.push(format!("{blank}}}"));
        lines
    }

    /// One assignment or `advance`.
    pub fn assignment(&mut self, scope: &Scope) -> Option<String> {
        let mut places = self.stored(scope, true);
        places.extend(scope.vars.clone());
        // What is made for change changes often.
        if self.r.chance(30) {
            places.retain(|(n, _)| n.starts_with("Main"));
        }
        let (mut place, mut ty) = self.r.maybe(&places)?;
        let mut whole = true;
        if let Ty::Record(i) = ty
            && self.r.chance(80)
        {
            self.has("field assigned");
            let fields = self.records[i].fields.clone();
            let (field, field_ty) = self.r.pick(&fields);
            (place, ty, whole) = (format!("{place}.{field}"), field_ty, false);
        }
        if let Ty::Map(key, value) = ty.clone() {
            self.has("element assigned");
            let key = self.value(&key, 0, scope)?;
            (place, ty, whole) = (format!("{place}[{key}]"), *value, false);
        }
        let ordinal = match &ty {
            Ty::Opt(inner) => matches!(**inner, Ty::Ordinal(_)),
            ty => matches!(ty, Ty::Ordinal(_)),
        };
        if ordinal && whole && (place.starts_with("Main") || self.r.chance(60)) {
            self.has("advance");
            return Some(format!("advance {place}"));
        }
        let value = self.assigned_value(&place, &ty, scope)?;
        Some(format!("{place} := {value}"))
    }

    fn assigned_value(&mut self, place: &str, ty: &Ty, scope: &Scope) -> Option<String> {
        if let Ty::Int(lo, hi, policy) = ty
            && *lo > i64::MIN
        {
            return Some(match self.r.below(10) {
                0..=2 if !policy.is_empty() => format!("{place} + 1"),
                0..=3 => format!("if {place} < {hi} then {place} + 1 else {lo}"),
                4 if !policy.is_empty() => format!("{place} - 1"),
                5 => {
                    let value = self.integer_in(*lo, *hi, scope);
                    self.has("min max");
                    format!("min(max({value}, {lo}), {hi})")
                }
                6 => self.value(ty, 2, scope)?,
                _ => self.constant(ty)?,
            });
        }
        match ty {
            Ty::Bool if self.r.chance(50) => Some(format!("not {place}")),
            _ => self.value(ty, 2, scope),
        }
    }

    fn integer_in(&mut self, lo: i64, hi: i64, scope: &Scope) -> String {
        self.value(&INT, 1, scope).unwrap_or_else(|| self.r.between(lo, hi).to_string())
    }
}
