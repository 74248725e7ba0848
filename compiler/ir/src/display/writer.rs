//! Expressions and statements in the language's syntax, so that an atom reads as it was written.

use super::{element_name, join};
use crate::program::{
    ArithOp, Binder, CompareOp, Domain, Expr, ExprKind, Place, Program, Protocol, SetOp, Stmt, StmtKind, Type,
};

/// How tightly an expression binds; weaker ones get parentheses inside stronger ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Lowest,
    Or,
    And,
    Not,
    Compare,
    Sum,
    Product,
    Atom,
}

/// Writes what belongs to a protocol, or to none.
pub(super) struct Writer<'p> {
    pub(super) program: &'p Program,
    pub(super) protocol: Option<&'p Protocol>,
}

impl Writer<'_> {
    /// The expression, in parentheses when it binds more weakly than its surroundings ask.
    pub(super) fn expr(&self, e: &Expr, within: Level) -> String {
        let (text, level) = self.leveled(e);
        if level < within { format!("({text})") } else { text }
    }

    fn leveled(&self, e: &Expr) -> (String, Level) {
        use ExprKind as K;
        let x = |e: &Expr, level| self.expr(e, level);
        match &e.kind {
            K::Not(a) => (format!("not {}", x(a, Level::Not)), Level::Not),
            K::And(list) if list.is_empty() => ("true".to_owned(), Level::Atom),
            K::Or(list) if list.is_empty() => ("false".to_owned(), Level::Atom),
            K::And(list) => (self.chain(list, " and ", Level::And), Level::And),
            K::Or(list) => (self.chain(list, " or ", Level::Or), Level::Or),
            K::If(c, a, b) => {
                let parts = (x(c, Level::Or), x(a, Level::Or), x(b, Level::Lowest));
                (format!("if {} then {} else {}", parts.0, parts.1, parts.2), Level::Lowest)
            }
            K::Compare(op, a, b) => {
                (format!("{} {} {}", x(a, Level::Sum), compare_word(*op), x(b, Level::Sum)), Level::Compare)
            }
            K::In(a, b) => (format!("{} in {}", x(a, Level::Sum), x(b, Level::Sum)), Level::Compare),
            K::RunAt(p, r, step) => {
                let name = self.program.protocols[*p].steps[*step].name.clone();
                (format!("{} at {name}", x(r, Level::Atom)), Level::Compare)
            }
            K::Arith(op, a, b) => self.arith(*op, a, b),
            K::Concat(a, b) => (format!("{} + {}", x(a, Level::Sum), x(b, Level::Product)), Level::Sum),
            K::SetOp(op, a, b) => self.set_op(*op, a, b),
            K::Instant(k) if *k != 0 => {
                (format!("now {} {}", if *k < 0 { "-" } else { "+" }, k.abs()), Level::Sum)
            }
            K::All(binder, body) => (self.quantified("all", binder, body), Level::Lowest),
            K::Any(binder, body) => (self.quantified("any", binder, body), Level::Lowest),
            K::Let(slot, a, body) => {
                let name = &self.program.slots[*slot];
                (format!("let {name} = {} in {}", x(a, Level::Or), x(body, Level::Lowest)), Level::Lowest)
            }
            _ => (self.atom(e), Level::Atom),
        }
    }

    fn chain(&self, list: &[Expr], word: &str, level: Level) -> String {
        // A part of the same word keeps its parentheses: it was written so.
        let inner = if level == Level::And { Level::Not } else { Level::And };
        let single = if list.len() == 1 { level } else { inner };
        list.iter().map(|e| self.expr(e, single)).collect::<Vec<_>>().join(word)
    }

    fn arith(&self, op: ArithOp, a: &Expr, b: &Expr) -> (String, Level) {
        let (word, level) = match op {
            ArithOp::Add => ("+", Level::Sum),
            ArithOp::Sub => ("-", Level::Sum),
            ArithOp::Mul => ("*", Level::Product),
            ArithOp::Mod => ("mod", Level::Product),
            ArithOp::Min | ArithOp::Max => {
                let name = if op == ArithOp::Min { "min" } else { "max" };
                return (format!("{name}({}, {})", self.whole(a), self.whole(b)), Level::Atom);
            }
        };
        let right = if level == Level::Sum { Level::Product } else { Level::Atom };
        (format!("{} {word} {}", self.expr(a, level), self.expr(b, right)), level)
    }

    fn set_op(&self, op: SetOp, a: &Expr, b: &Expr) -> (String, Level) {
        let (word, level) = match op {
            SetOp::Union => ("+", Level::Sum),
            SetOp::Difference => ("-", Level::Sum),
            SetOp::Intersection => ("*", Level::Product),
        };
        let right = if level == Level::Sum { Level::Product } else { Level::Atom };
        (format!("{} {word} {}", self.expr(a, level), self.expr(b, right)), level)
    }

    fn whole(&self, e: &Expr) -> String {
        self.expr(e, Level::Lowest)
    }

    fn tight(&self, e: &Expr) -> String {
        self.expr(e, Level::Atom)
    }

    fn list(&self, list: &[Expr]) -> String {
        join(list.iter().map(|e| self.whole(e)))
    }

    fn quantified(&self, word: &str, binder: &Binder, body: &Expr) -> String {
        format!("{word} {}: {}", self.binder(binder), self.whole(body))
    }

    pub(super) fn binder(&self, binder: &Binder) -> String {
        let domain = match &binder.domain {
            Domain::Type(ty) => self.program.show_type(ty),
            Domain::Range(lo, hi) => format!("{lo}..{hi}"),
            Domain::Set(set) => self.expr(set, Level::Sum),
            Domain::Runs(p) => self.program.protocols[*p].name.clone(),
        };
        let name = &self.program.slots[binder.slot];
        let filter =
            binder.filter.as_ref().map_or(String::new(), |f| format!(" where {}", self.expr(f, Level::Or)));
        format!("{name} in {domain}{filter}")
    }

    /// Names, literals, calls and whatever else needs no parentheses.
    fn atom(&self, e: &Expr) -> String {
        use ExprKind as K;
        let program = self.program;
        match &e.kind {
            K::Literal(value) => program.show_value(&e.ty, value),
            K::Instant(_) => "now".to_owned(),
            K::Slot(slot) => program.slots[*slot].clone(),
            K::SelfId => "self".to_owned(),
            K::Var(var, keys) => self.variable(*var, keys),
            K::Old(a) => format!("old({})", self.whole(a)),
            K::SetLit(list) => format!("{{{}}}", self.list(list)),
            K::SetOf(body, binder) => format!("{{{} for {}}}", self.whole(body), self.binder(binder)),
            K::TypeSet(ty) => program.show_type(ty),
            K::Size(a) => format!("size({})", self.whole(a)),
            K::Count(binder) => format!("(count {})", self.binder(binder)),
            K::Extreme(greatest, body, binder) => {
                let word = if *greatest { "max" } else { "min" };
                format!("{word}({} for {})", self.whole(body), self.binder(binder))
            }
            K::MapGet(a, b) | K::SeqGet(a, b) => format!("{}[{}]", self.tight(a), self.whole(b)),
            K::MapSet(a, k, v) => format!("{} with [{}] = {}", self.tight(a), self.whole(k), self.whole(v)),
            K::MapAll(a) => format!("{{_: {}}}", self.whole(a)),
            K::SeqLit(list) => format!("[{}]", self.list(list)),
            K::Tail(a) => format!("tail({})", self.whole(a)),
            _ => self.compound(e),
        }
    }

    fn compound(&self, e: &Expr) -> String {
        use ExprKind as K;
        let program = self.program;
        match &e.kind {
            K::RecordLit(id, list) => {
                format!("{} {}", program.records[*id].name, self.fields(&program.records[*id].fields, list))
            }
            K::VariantLit(id, tag, list) => match program.unions[*id].variants.get(*tag as usize) {
                Some(v) if list.is_empty() => v.name.clone(),
                Some(v) => format!("{} {}", v.name, self.fields(&v.fields, list)),
                None => "?".to_owned(),
            },
            K::Field(a, i) => format!("{}.{}", self.tight(a), self.field_name(&a.ty, None, *i)),
            K::IsVariant(a, tag) => format!("{} is {}", self.tight(a), self.tag_name(&a.ty, *tag)),
            K::VariantField(a, tag, i) => {
                format!("{}.{}", self.tight(a), self.field_name(&a.ty, Some(*tag), *i))
            }
            K::Crashed(_, a) => format!("crashed({})", self.whole(a)),
            K::Connected(a, _, b, _) => format!("connected({}, {})", self.whole(a), self.whole(b)),
            K::Neighbour(_, back, a) => format!("{}({})", if *back { "prev" } else { "next" }, self.whole(a)),
            K::RunUnfinished(_, r) => format!("unfinished({})", self.whole(r)),
            _ => self.run_name(e),
        }
    }

    /// What belongs to a run.
    fn run_name(&self, e: &Expr) -> String {
        use ExprKind as K;
        let protocols = &self.program.protocols;
        let unknown = || "?".to_owned();
        match &e.kind {
            K::Subject(i) => self
                .protocol
                .and_then(|p| p.subjects.get(*i as usize))
                .map_or_else(unknown, |s| s.name.clone()),
            K::Role(role) => {
                self.protocol.and_then(|p| p.roles.get(*role)).map_or_else(unknown, |r| r.name.clone())
            }
            K::RunVar(var) => {
                self.protocol.and_then(|p| p.vars.get(*var)).map_or_else(unknown, |v| v.name.clone())
            }
            K::ParentRun => "parent".to_owned(),
            K::RunSubject(p, r, i) => {
                let subject = protocols[*p].subjects.get(*i as usize);
                format!("{}.{}", self.tight(r), subject.map_or("?", |s| &s.name))
            }
            K::RunRole(p, r, role) => format!("{}.{}", self.tight(r), protocols[*p].roles[*role].name),
            K::RunVarOf(p, r, var) => format!("{}.{}", self.tight(r), protocols[*p].vars[*var].name),
            _ => unknown(),
        }
    }

    fn fields(&self, fields: &[crate::program::Field], list: &[Expr]) -> String {
        let field = |(f, e): (&crate::program::Field, &Expr)| format!("{}: {}", f.name, self.whole(e));
        format!("{{ {} }}", join(fields.iter().zip(list).map(field)))
    }

    fn field_name(&self, ty: &Type, tag: Option<u32>, i: u32) -> String {
        let program = self.program;
        let fields = match (ty.unwrap_optional(), tag) {
            (Type::Record(id), _) => &program.records[*id].fields[..],
            (Type::Union(id), Some(tag)) => {
                program.unions[*id].variants.get(tag as usize).map_or(&[][..], |v| &v.fields)
            }
            _ => &[],
        };
        fields.get(i as usize).map_or_else(|| i.to_string(), |f| f.name.clone())
    }

    fn tag_name(&self, ty: &Type, tag: u32) -> String {
        let variant = match ty.unwrap_optional() {
            Type::Union(id) => self.program.unions[*id].variants.get(tag as usize),
            _ => None,
        };
        variant.map_or_else(|| tag.to_string(), |v| v.name.clone())
    }

    /// A truth attribute with its keys; a local of the acting instance bare.
    fn variable(&self, var: crate::program::VarId, keys: &[Expr]) -> String {
        let declared = &self.program.vars[var];
        let attribute = declared.name.split_once('.').map(|(_, a)| a);
        match (declared.owner, keys) {
            (crate::program::VarOwner::Local(_), [key]) => {
                let attribute = attribute.unwrap_or(&declared.name);
                let own = matches!(key.kind, ExprKind::SelfId);
                if own { attribute.to_owned() } else { format!("{}.{attribute}", self.tight(key)) }
            }
            _ => element_name(declared, &keys.iter().map(|k| self.whole(k)).collect::<Vec<_>>()),
        }
    }

    fn place(&self, place: &Place) -> String {
        match place {
            Place::Var(var, keys, _) => self.variable(*var, keys),
            Place::RunVar(var, _) => {
                self.protocol.and_then(|p| p.vars.get(*var)).map_or("?".to_owned(), |v| v.name.clone())
            }
        }
    }

    fn block(&self, stmts: &[Stmt]) -> String {
        let stmts: Vec<String> = stmts.iter().map(|s| self.stmt(s)).collect();
        if stmts.is_empty() { "{ }".to_owned() } else { format!("{{ {} }}", stmts.join("; ")) }
    }

    pub(super) fn stmt(&self, stmt: &Stmt) -> String {
        match &stmt.kind {
            StmtKind::Assign(place, value) => format!("{} := {}", self.place(place), self.whole(value)),
            StmtKind::Advance(place, _) => format!("advance {}", self.place(place)),
            StmtKind::If(c, then, other) if other.is_empty() => {
                format!("if {} {}", self.whole(c), self.block(then))
            }
            StmtKind::If(c, then, other) => {
                format!("if {} {} else {}", self.whole(c), self.block(then), self.block(other))
            }
            StmtKind::For(binder, body) => format!("for {} {}", self.binder(binder), self.block(body)),
            StmtKind::Let(slot, value) => {
                format!("let {} = {}", self.program.slots[*slot], self.whole(value))
            }
            StmtKind::Pick(binder) => {
                let ghost = if self.program.ghost_picks.contains(&binder.slot) { "ghost " } else { "" };
                format!("{ghost}pick {}", self.binder(binder))
            }
        }
    }
}

fn compare_word(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "=",
        CompareOp::Ne => "!=",
        CompareOp::Lt => "<",
        CompareOp::Le => "<=",
        CompareOp::Gt => ">",
        CompareOp::Ge => ">=",
    }
}
