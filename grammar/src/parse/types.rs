//! Types.

use super::Rule;
use super::tree::Tree;
use crate::ast::*;
use pest::iterators::Pair;

type P<'i> = Pair<'i, Rule>;

impl Tree<'_> {
    pub(super) fn type_(&mut self, pair: P<'_>) -> Type {
        let mut kids = self.kids(pair);
        let core = kids.any();
        let mut ty = Type { span: self.span(&core), kind: self.type_kind(core) };
        for mark in kids.rest() {
            let span = ty.span.to(self.span(&mark));
            ty = Type { kind: TypeKind::Optional(Box::new(ty)), span };
        }
        ty
    }

    fn type_kind(&mut self, pair: P<'_>) -> TypeKind {
        let rule = pair.as_rule();
        let mut kids = self.kids(pair);
        match rule {
            Rule::ty_named => TypeKind::Named(self.ident(kids.any())),
            Rule::ty_enum => TypeKind::Enum(kids.rest().into_iter().map(|p| self.ident(p)).collect()),
            Rule::ty_set => {
                let element = Box::new(self.type_(kids.any()));
                TypeKind::Set(element, kids.more().map(|p| Box::new(self.expr(p))))
            }
            Rule::ty_seq => {
                let element = Box::new(self.type_(kids.any()));
                TypeKind::Seq(element, Box::new(self.expr(kids.any())))
            }
            Rule::ty_map => {
                let key = Box::new(self.type_(kids.any()));
                TypeKind::Map(key, Box::new(self.type_(kids.any())))
            }
            _ => {
                let lo = Box::new(self.expr(kids.next(Rule::arith)));
                let hi = Box::new(self.expr(kids.next(Rule::arith)));
                TypeKind::Range(lo, hi, kids.more().map(|p| policy(p.as_str())))
            }
        }
    }
}

fn policy(word: &str) -> RangePolicy {
    match word {
        "clamp" => RangePolicy::Clamp,
        "wrap" => RangePolicy::Wrap,
        _ => RangePolicy::Cut,
    }
}
