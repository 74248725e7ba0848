//! Headers and the declarations of constants, types, actors and truth.

use super::Rule;
use super::tree::Tree;
use crate::ast::*;
use crate::diagnostics;
use pest::iterators::Pair;

type P<'i> = Pair<'i, Rule>;

impl Tree<'_> {
    pub(super) fn module(&mut self, root: P<'_>, comments: Vec<Comment>) -> Module {
        let mut kids = self.kids(root);
        let header = kids.maybe(Rule::header).map(|p| self.header(p));
        let items = kids.rest().into_iter().map(|p| self.item(p)).collect();
        Module { file: self.file(), header, items, comments }
    }

    fn header(&mut self, pair: P<'_>) -> Header {
        let span = self.span(&pair);
        let mut kids = self.kids(pair);
        let id = self.ident(kids.next(Rule::ident));
        let title = kids.maybe(Rule::text).map(|p| self.text(p));
        let fields = kids.rest().into_iter().map(|p| self.header_field(p)).collect();
        Header { id, title, fields, span }
    }

    fn header_field(&mut self, pair: P<'_>) -> HeaderField {
        let span = self.span(&pair);
        let mut kids = self.kids(pair);
        let key = self.idents(kids.next(Rule::header_key));
        let values = kids.rest().into_iter().map(|p| self.header_value(p)).collect();
        HeaderField { key, values, span }
    }

    fn header_value(&mut self, pair: P<'_>) -> HeaderValue {
        let value = self.only(pair);
        match value.as_rule() {
            Rule::text => HeaderValue::Text(self.text(value)),
            _ => HeaderValue::Name(self.ident(value)),
        }
    }

    fn item(&mut self, pair: P<'_>) -> Item {
        let declared = self.only(pair);
        self.declaration(declared)
    }

    /// A declaration, at the top level or in the head of a protocol.
    pub(super) fn declaration(&mut self, pair: P<'_>) -> Item {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::const_decl => self.const_decl(pair),
            Rule::ordinal_decl => ItemKind::Ordinal(self.names(pair)),
            Rule::enum_decl => self.enum_decl(pair),
            Rule::record_decl => self.record_decl(pair),
            Rule::union_decl => self.union_decl(pair),
            Rule::id_decl => ItemKind::Id(self.sort_decl(pair)),
            Rule::actor_decl => ItemKind::Actor(self.sort_decl(pair)),
            Rule::role_decl => self.role_decl(pair),
            Rule::truth_decl => self.truth_decl(pair),
            Rule::view_decl => self.view_decl(pair),
            Rule::protocol => ItemKind::Protocol(self.protocol(pair)),
            Rule::rules => ItemKind::Rules(self.rules(pair)),
            Rule::faults => self.faults(pair),
            Rule::define => ItemKind::Define(self.define(pair)),
            Rule::property => ItemKind::Property(self.property(pair)),
            Rule::failure => ItemKind::Failure(self.failure(pair)),
            Rule::instance => ItemKind::Instance(self.instance(pair)),
            Rule::expectation => ItemKind::Expect(self.expectation(pair)),
            Rule::redundant => self.redundant(pair),
            Rule::allow => self.allow(pair),
            Rule::composition => self.composition(pair),
            _ => self.step_declaration(pair),
        };
        Item { kind, span }
    }

    fn names(&mut self, pair: P<'_>) -> Vec<Ident> {
        let list = self.only(pair);
        self.idents(list)
    }

    fn const_decl(&mut self, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        let value = self.expr(kids.any());
        ItemKind::Const(Const { name, value })
    }

    fn enum_decl(&mut self, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        let variants = kids.rest().into_iter().map(|p| self.ident(p)).collect();
        ItemKind::Enum(EnumDecl { name, variants })
    }

    fn record_decl(&mut self, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        let fields = kids.rest().into_iter().map(|p| self.field_decl(p)).collect();
        ItemKind::Record(RecordDecl { name, fields })
    }

    fn union_decl(&mut self, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        let variants = kids.rest().into_iter().map(|p| self.variant(p)).collect();
        ItemKind::Union(UnionDecl { name, variants })
    }

    fn variant(&mut self, pair: P<'_>) -> VariantDecl {
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        let fields = kids.maybe(Rule::parameters).map_or_else(Vec::new, |p| self.parameters(p));
        let key = kids.maybe(Rule::variant_key).map_or_else(Vec::new, |p| self.names(p));
        VariantDecl { name, fields, key }
    }

    pub(super) fn parameters(&mut self, pair: P<'_>) -> Vec<FieldDecl> {
        self.kids(pair).rest().into_iter().map(|p| self.field_decl(p)).collect()
    }

    pub(super) fn field_decl(&mut self, pair: P<'_>) -> FieldDecl {
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        let ty = self.type_(kids.any());
        FieldDecl { name, ty }
    }

    fn sort_decl(&mut self, pair: P<'_>) -> SortDecl {
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        let mut decl = SortDecl { name, count: None, ring: None, concurrent: None, locals: Vec::new() };
        for kid in kids.rest() {
            match kid.as_rule() {
                Rule::times => decl.count = Some(self.inner_expr(kid)),
                Rule::ring => decl.ring = Some(self.span(&kid)),
                Rule::concurrent => decl.concurrent = Some(self.span(&kid)),
                _ => decl.locals = self.attrs(kid),
            }
        }
        decl
    }

    fn role_decl(&mut self, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        let of = kids.any();
        let same_instance = of.as_rule() == Rule::role_is;
        let target = self.only(of);
        ItemKind::Role(RoleDecl { name, actor: self.ident(target), same_instance })
    }

    fn truth_decl(&mut self, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let ghost = kids.maybe(Rule::ghost).map(|p| self.span(&p));
        let name = self.ident(kids.any());
        let keys = kids.maybe(Rule::truth_keys).map_or_else(Vec::new, |p| self.truth_keys(p));
        let place = kids.maybe(Rule::truth_at).map(|p| self.only(p)).map(|p| self.ident(p));
        let attrs = self.attrs(kids.next(Rule::attrs));
        ItemKind::Truth(TruthDecl { name, keys, place, ghost, attrs })
    }

    fn truth_keys(&mut self, pair: P<'_>) -> Vec<TruthKey> {
        let key = |this: &mut Self, pair| {
            let mut kids = this.kids(pair);
            let name = kids.maybe(Rule::ident).map(|p| this.ident(p));
            TruthKey { name, ty: this.type_(kids.any()) }
        };
        self.kids(pair).rest().into_iter().map(|p| key(self, p)).collect()
    }

    fn attrs(&mut self, pair: P<'_>) -> Vec<AttrDecl> {
        let source = pair.get_input();
        let attrs: Vec<AttrDecl> = self.kids(pair).rest().into_iter().map(|p| self.attr(p)).collect();
        let joined = attrs.windows(2).find(|pair| {
            let gap = &source[pair[0].span.end as usize..pair[1].span.start as usize];
            !gap.contains([',', ';', '\n'])
        });
        if let Some(pair) = joined {
            self.report(diagnostics::missing_separator(&pair[0], &pair[1].name));
        }
        attrs
    }

    fn attr(&mut self, pair: P<'_>) -> AttrDecl {
        let span = self.span(&pair);
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        let ty = kids.maybe(Rule::attr_type).map(|p| self.attr_type(p));
        let value = kids.more().map(|p| self.attr_value(p));
        AttrDecl { name, ty, value, span }
    }

    pub(super) fn attr_type(&mut self, pair: P<'_>) -> Type {
        let ty = self.only(pair);
        self.type_(ty)
    }

    fn attr_value(&mut self, pair: P<'_>) -> AttrValue {
        let rule = pair.as_rule();
        let value = self.only(pair);
        match rule {
            Rule::attr_any => AttrValue::Any(self.span(&value)),
            Rule::attr_init => AttrValue::Init(self.expr(value)),
            _ => AttrValue::Derived(self.expr(value)),
        }
    }

    fn view_decl(&mut self, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let truth = self.ident(kids.any());
        let actor = self.ident(kids.any());
        let refreshed_by = kids.more().map_or_else(Vec::new, |p| self.op_refs(p));
        ItemKind::View(ViewDecl { truth, actor, refreshed_by })
    }
}
