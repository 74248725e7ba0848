//! Declarations: types, variables, roles, definitions and protocols get their names and ids.

use crate::analyzer::Analyzer;
use crate::diagnostics::{names, types as type_errors};
use crate::tables::{
    AttrEntry, AttrSource, NameDefine, NamedType, ProtocolEntry, ProtocolSource, RoleEntry, TruthEntry,
    TypeEntry,
};
use arch_base::Span;
use arch_grammar::ast::{self, AttrValue, DefineForm, ItemKind};
use arch_ir::{
    Field, Init, Named, Protocol, Record, Sort, SortId, Truth, TruthId, Type, Union, Var, VarOwner, Variant,
};
use std::collections::BTreeMap;

/// The most instances of an actor or id type.
const MAX_INSTANCES: i64 = 64;
/// The most runs per subject.
const MAX_RUNS: i64 = 16;

impl<'m> Analyzer<'m> {
    /// Declares all types: names first, bodies after, so that they can refer to each other in any order.
    pub fn declare_types(&mut self) {
        for item in &self.module.items {
            match &item.kind {
                ItemKind::Actor(decl) => self.declare_sort(decl, true),
                ItemKind::Id(decl) => self.declare_sort(decl, false),
                ItemKind::Ordinal(declared) => declared.iter().for_each(|name| self.declare_ordinal(name)),
                ItemKind::Enum(decl) => {
                    let id = self.declare_enum(&decl.name.name, &decl.variants, decl.name.span);
                    self.declare_type(&decl.name, NamedType::Enum(id));
                }
                ItemKind::Record(decl) => {
                    let record =
                        Record { name: decl.name.name.clone(), fields: Vec::new(), span: decl.name.span };
                    let id = self.program.records.push(record);
                    self.declare_type(&decl.name, NamedType::Record(id));
                }
                ItemKind::Union(decl) => {
                    let union =
                        Union { name: decl.name.name.clone(), variants: Vec::new(), span: decl.name.span };
                    let id = self.program.unions.push(union);
                    self.declare_type(&decl.name, NamedType::Union(id));
                }
                _ => {}
            }
        }
        self.fill_composites();
    }

    fn declare_type(&mut self, name: &ast::Ident, kind: NamedType) {
        if let Some(earlier) = self.tables.types.get(&name.name) {
            let error = names::duplicate(name, "type", earlier.span);
            self.report(error);
            return;
        }
        self.tables.types.insert(name.name.clone(), TypeEntry { kind, span: name.span });
    }

    fn declare_sort(&mut self, decl: &ast::SortDecl, actor: bool) {
        let count = decl.count.as_ref();
        let size =
            count.and_then(|n| self.const_count(n, 1, MAX_INSTANCES, "the number of instances")).unwrap_or(1);
        let id = self.program.sorts.push(Sort {
            name: decl.name.name.clone(),
            size,
            actor,
            ring: decl.ring.is_some(),
            concurrent: decl.concurrent.is_some(),
            span: decl.name.span,
        });
        self.declare_type(&decl.name, NamedType::Sort(id));
    }

    fn declare_ordinal(&mut self, name: &ast::Ident) {
        let id = self.program.ordinals.push(Named { name: name.name.clone(), span: name.span });
        self.declare_type(name, NamedType::Ordinal(id));
    }

    fn fill_composites(&mut self) {
        for item in &self.module.items {
            match &item.kind {
                ItemKind::Record(decl) => {
                    let fields = self.fields(&decl.fields, &decl.name.name);
                    if let Some(NamedType::Record(id)) = self.type_named(&decl.name.name) {
                        self.program.records[id].fields =
                            self.without_cycles(Type::Record(id), &decl.fields, fields);
                    }
                }
                ItemKind::Union(decl) => self.fill_union(decl),
                _ => {}
            }
        }
        self.check_collections();
    }

    /// Whether sets and maps inside records and unions can be listed, now that those they hold are filled.
    fn check_collections(&mut self) {
        let module = self.module;
        for item in &module.items {
            match &item.kind {
                ItemKind::Record(decl) => {
                    let Some(NamedType::Record(id)) = self.type_named(&decl.name.name) else { continue };
                    let fields = std::mem::take(&mut self.program.records[id].fields);
                    self.program.records[id].fields = self.with_lists(&decl.fields, fields);
                }
                ItemKind::Union(decl) => {
                    let Some(NamedType::Union(id)) = self.type_named(&decl.name.name) else { continue };
                    for (tag, variant) in decl.variants.iter().enumerate() {
                        let fields = self.program.unions[id].variants[tag].fields.clone();
                        let fields = self.with_lists(&variant.fields, fields);
                        self.program.unions[id].variants[tag].fields = fields;
                    }
                }
                _ => {}
            }
        }
    }

    /// The fields, those that need a list of values that there is not reported and made harmless.
    fn with_lists(&mut self, written: &[ast::FieldDecl], mut fields: Vec<Field>) -> Vec<Field> {
        for (field, decl) in fields.iter_mut().zip(written) {
            if !self.check_collection(&decl.ty, &field.ty) {
                field.ty = Type::Unknown;
            }
        }
        fields
    }

    fn fill_union(&mut self, decl: &ast::UnionDecl) {
        let Some(NamedType::Union(id)) = self.type_named(&decl.name.name) else { return };
        if decl.variants.is_empty() {
            self.report(type_errors::no_values(decl.name.span, &decl.name.name));
        }
        for (tag, variant) in decl.variants.iter().enumerate() {
            let fields = self.fields(&variant.fields, &variant.name.name);
            let fields = self.without_cycles(Type::Union(id), &variant.fields, fields);
            self.program.unions[id].variants.push(Variant { name: variant.name.name.clone(), fields });
            let earlier = self.tables.variants.insert(variant.name.name.clone(), (id, tag as u32));
            if let Some((union, _)) = earlier {
                let same = decl.variants[..tag].iter().find(|v| v.name.name == variant.name.name);
                let first = same.map_or(self.program.unions[union].span, |v| v.name.span);
                self.report(names::duplicate(&variant.name, "variant", first));
            }
        }
    }

    /// The fields, those that lead back to their owner reported and made harmless.
    fn without_cycles(
        &mut self,
        owner: Type,
        written: &[ast::FieldDecl],
        mut fields: Vec<Field>,
    ) -> Vec<Field> {
        for (field, decl) in fields.iter_mut().zip(written) {
            if contains(&self.program, &field.ty, &owner) {
                let name = self.show_type(&owner);
                self.report(type_errors::contains_itself(decl.ty.span, &name));
                field.ty = Type::Unknown;
            }
        }
        fields
    }

    fn fields(&mut self, fields: &[ast::FieldDecl], owner: &str) -> Vec<Field> {
        for (i, field) in fields.iter().enumerate() {
            if let Some(earlier) = fields[..i].iter().find(|f| f.name.name == field.name.name) {
                self.report(names::duplicate(&field.name, "field", earlier.name.span));
            }
        }
        fields
            .iter()
            .map(|f| Field {
                name: f.name.name.clone(),
                ty: self.resolve_type(&f.ty, &format!("{owner}.{}", f.name.name)),
            })
            .collect()
    }

    /// Declares truth objects, locals and roles; their initial values come later, once all names are known.
    pub fn declare_variables(&mut self) {
        for item in &self.module.items {
            match &item.kind {
                ItemKind::Truth(decl) => self.declare_truth(decl),
                ItemKind::Actor(decl) => self.declare_locals(decl),
                ItemKind::Role(decl) => self.declare_role(decl),
                _ => {}
            }
        }
        self.declare_views();
    }

    fn declare_truth(&mut self, decl: &'m ast::TruthDecl) {
        let name = &decl.name;
        if let Some(earlier) = self.tables.truths.get(&name.name) {
            let error = names::duplicate(name, "truth object", earlier.span);
            self.report(error);
            return;
        }
        let keys: Vec<Type> = decl
            .keys
            .iter()
            .map(|k| self.enumerable_type(&k.ty, &name.name, "the key of a truth object"))
            .collect();
        let place = decl.place.as_ref().and_then(|p| self.sort_named(p));
        let id = self.program.truths.push(Truth {
            name: name.name.clone(),
            place,
            ghost: decl.ghost.is_some(),
            span: name.span,
        });
        let attrs = self.declare_attrs(&decl.attrs, &name.name, &VarHome::Truth(id, keys.clone()));
        let key_names = self.declared_key_names(decl);
        let entry = TruthEntry { keys, key_names, attrs, span: name.span };
        self.tables.truths.insert(name.name.clone(), entry);
    }

    fn declared_key_names(&mut self, decl: &'m ast::TruthDecl) -> Vec<Option<&'m ast::Ident>> {
        let names: Vec<_> = decl.keys.iter().map(|k| k.name.as_ref()).collect();
        for (i, name) in names.iter().enumerate() {
            let earlier = names[..i].iter().flatten().find(|n| name.is_some_and(|name| name.name == n.name));
            if let (Some(name), Some(earlier)) = (name, earlier) {
                self.report(names::duplicate(name, "key", earlier.span));
            }
        }
        names
    }

    fn declare_locals(&mut self, decl: &'m ast::SortDecl) {
        let Some(NamedType::Sort(id)) = self.type_named(&decl.name.name) else { return };
        let attrs = self.declare_attrs(&decl.locals, &decl.name.name, &VarHome::Local(id));
        self.tables.locals.insert(id, attrs);
    }

    fn declare_attrs(
        &mut self,
        attrs: &'m [ast::AttrDecl],
        owner: &str,
        home: &VarHome,
    ) -> BTreeMap<String, AttrEntry<'m>> {
        let mut table: BTreeMap<String, AttrEntry<'m>> = BTreeMap::new();
        for attr in attrs {
            if let Some(earlier) = table.get(&attr.name.name) {
                self.report(names::duplicate(&attr.name, "attribute", earlier.span));
                continue;
            }
            let entry = self.declare_attr(attr, owner, home);
            table.insert(attr.name.name.clone(), entry);
        }
        table
    }

    fn declare_attr(&mut self, attr: &'m ast::AttrDecl, owner: &str, home: &VarHome) -> AttrEntry<'m> {
        let name = format!("{owner}.{}", attr.name.name);
        let ty = attr.ty.as_ref().map_or(Type::Unknown, |ty| self.resolve_type(ty, &name));
        let span = attr.name.span;
        if let Some(AttrValue::Derived(expr)) = &attr.value {
            return AttrEntry { source: AttrSource::Derived(expr), ty, span };
        }
        let (owner, keys) = match home {
            VarHome::Truth(id, keys) => (VarOwner::Truth(*id), keys.clone()),
            VarHome::Local(id) => (VarOwner::Local(*id), vec![Type::Id(*id)]),
        };
        let ty = self.small_enough(ty, &keys, &format!("`{name}`"), span);
        let value = self.literal_of_default(&ty, span);
        let init = Init::Value { keys: Vec::new(), value };
        let id = self.program.vars.push(Var { name, owner, keys, ty: ty.clone(), init, span });
        if attr.ty.is_some() {
            self.mistyped.insert(id);
        }
        AttrEntry { source: AttrSource::Stored(id), ty, span }
    }

    /// The default value of a type as an expression.
    pub fn literal_of_default(&self, ty: &Type, span: Span) -> arch_ir::Expr {
        let value = self.program.default_value(ty);
        arch_ir::Expr { kind: arch_ir::ExprKind::Literal(value), ty: ty.clone(), span }
    }

    fn declare_role(&mut self, decl: &ast::RoleDecl) {
        let sort = self.sort_named(&decl.actor).unwrap_or_else(|| self.stand_in(&decl.actor));
        let clash = self.tables.roles.get(&decl.name.name).map(|r| r.span);
        let clash = clash.or_else(|| self.tables.types.get(&decl.name.name).map(|t| t.span));
        if let Some(earlier) = clash {
            self.report(names::duplicate(&decl.name, "role", earlier));
            return;
        }
        let entry = RoleEntry { sort, same_instance: decl.same_instance, span: decl.name.span };
        self.tables.roles.insert(decl.name.name.clone(), entry);
    }

    /// The actor or id type of this name; reports one that is not declared.
    pub fn sort_named(&mut self, name: &ast::Ident) -> Option<SortId> {
        if let Some(NamedType::Sort(id)) = self.type_named(&name.name) {
            return Some(id);
        }
        let error = names::unknown_sort(name, &self.tables);
        self.report(error);
        None
    }

    /// A type with no instance of its own for an actor that is not declared. Nothing is known of it, so nothing about
    /// it is reported; a word that could be one of its locals is accepted.
    pub fn stand_in(&mut self, name: &ast::Ident) -> SortId {
        let (name, span) = (name.name.clone(), name.span);
        let id =
            self.program.sorts.push(Sort { name, size: 1, actor: true, ring: false, concurrent: true, span });
        self.tables.stand_ins.insert(id);
        id
    }

    /// Declares definitions; their bodies are checked wherever they are used.
    pub fn declare_definitions(&mut self) {
        for item in &self.module.items {
            let ItemKind::Define(decl) = &item.kind else { continue };
            let defines = &mut self.tables.defines;
            match &decl.form {
                DefineForm::Name { name, at } => {
                    let entry = NameDefine { at: at.as_ref(), decl, span: name.span };
                    defines.names.entry(name.name.clone()).or_default().push(entry);
                }
                DefineForm::Phrase { words, at } => {
                    let entry = NameDefine { at: at.as_ref(), decl, span: item.span };
                    defines.names.entry(join(words)).or_default().push(entry);
                }
                DefineForm::Function { name, .. } => {
                    let earlier = defines.functions.insert(name.name.clone(), decl);
                    if let Some(DefineForm::Function { name: earlier, .. }) = earlier.map(|e| &e.form) {
                        self.report(names::duplicate(name, "function", earlier.span));
                    }
                }
                DefineForm::Postfix { word, .. } => {
                    defines.postfixes.entry(word.name.clone()).or_default().push(decl);
                }
                DefineForm::Relation { word, .. } => {
                    defines.relations.entry(word.name.clone()).or_default().push(decl);
                }
            }
        }
        self.check_duplicate_definitions();
    }

    fn check_duplicate_definitions(&mut self) {
        let mut errors = Vec::new();
        for (name, entries) in &self.tables.defines.names {
            for (i, entry) in entries.iter().enumerate() {
                if let Some(earlier) = entries[..i].iter().find(|e| same_step(e.at, entry.at)) {
                    let ident = ast::Ident { name: name.clone(), span: entry.span };
                    errors.push(names::duplicate(&ident, "definition", earlier.span));
                }
            }
        }
        errors.into_iter().for_each(|e| self.report(e));
    }

    /// Declares protocols and rules, so that operations can be referred to; collects annotations.
    pub fn declare_protocols(&mut self) {
        for item in &self.module.items {
            match &item.kind {
                ItemKind::Protocol(decl) => {
                    self.declare_block(decl);
                }
                ItemKind::Rules(rules) => {
                    for step in &rules.steps {
                        let source = ProtocolSource::Rule(rules);
                        let subjects = rules.subjects.clone();
                        self.declare_protocol(&step.operation, source, subjects, vec![(0, step)]);
                    }
                }
                ItemKind::On(_)
                | ItemKind::Rejects(_)
                | ItemKind::Branch(_)
                | ItemKind::Loop(_)
                | ItemKind::Each(_)
                | ItemKind::Spawn(_)
                | ItemKind::Join(_)
                | ItemKind::Split(_)
                | ItemKind::Fairness(_)
                | ItemKind::Timing(_)
                | ItemKind::Outcome(_) => self.tables.annotations.push(item),
                _ => {}
            }
        }
    }

    /// A protocol block, and one more protocol for each of its segments.
    fn declare_block(&mut self, decl: &'m ast::Protocol) {
        let segments = self.segments_of(decl);
        let parent = self.tables.protocols.len();
        let source = ProtocolSource::Protocol(decl);
        let main = self.own_steps(decl, &segments);
        let branches = decl.branches.iter().zip(1..).flat_map(|(c, n)| c.steps.iter().map(move |s| (n, s)));
        let steps = main.iter().map(|s| (0, *s)).chain(branches).collect();
        if !self.declare_protocol(&decl.name, source, decl.subjects.clone(), steps) {
            return;
        }
        for segment in &segments {
            let earlier: usize =
                segments.iter().filter(|s| s.from < segment.from).map(|s| s.to - s.from).sum();
            let source = ProtocolSource::Segment {
                protocol: decl,
                parent,
                before: segment.from.saturating_sub(earlier),
            };
            let name = format!("{}.{}", decl.name.name, segment.first.name);
            let name = ast::Ident { name, span: segment.first.span };
            let subjects = decl.subjects.iter().chain(&segment.keys).cloned().collect();
            let steps = decl.main.steps[segment.from..segment.to].iter().map(|s| (0, s)).collect();
            self.declare_protocol(&name, source, subjects, steps);
        }
    }

    /// The main chain without its segments; where it ends with one, with a step that waits for it.
    fn own_steps(
        &self,
        decl: &'m ast::Protocol,
        segments: &[crate::segments::Segment<'m>],
    ) -> Vec<&'m ast::Step> {
        let inside = |i: usize| segments.iter().any(|s| (s.from..s.to).contains(&i));
        let steps = &decl.main.steps;
        let mut own: Vec<&'m ast::Step> =
            steps.iter().enumerate().filter(|(i, _)| !inside(*i)).map(|(_, s)| s).collect();
        if let Some(last) = segments.iter().find(|s| s.to == steps.len()) {
            let joining = self.joining.iter().find(|(span, _)| *span == decl.name.span);
            own.extend(joining.and_then(|(_, steps)| steps.get(last.from)));
        }
        own
    }

    fn declare_protocol(
        &mut self,
        ident: &ast::Ident,
        source: ProtocolSource<'m>,
        subjects: Vec<ast::Subject>,
        steps: Vec<(usize, &'m ast::Step)>,
    ) -> bool {
        let (name, span) = (ident.name.clone(), ident.span);
        if let Some(earlier) = self.tables.protocols.iter().find(|p| p.name == name) {
            let error = names::duplicate(ident, "protocol", earlier.span);
            self.report(error);
            return false;
        }
        let (copies, copies_cut, repeats, daemon, rule) = match source {
            ProtocolSource::Protocol(p) | ProtocolSource::Segment { protocol: p, .. } => {
                let runs = p.runs.as_ref();
                let copies =
                    runs.and_then(|n| self.const_count(n, 1, MAX_RUNS, "the number of runs")).unwrap_or(1);
                let whole = matches!(source, ProtocolSource::Protocol(_));
                let (repeats, daemon) = (p.repeats.is_some() && whole, p.daemon.is_some() || !whole);
                (copies, p.runs_cut.is_some() && whole, repeats, daemon, false)
            }
            ProtocolSource::Rule(..) => (1, false, true, true, true),
        };
        let alias = match source {
            ProtocolSource::Segment { protocol, .. } => protocol.name.name.clone(),
            ProtocolSource::Protocol(_) | ProtocolSource::Rule(..) => name.clone(),
        };
        let id = self.program.protocols.push(Protocol {
            name: name.clone(),
            subjects: Vec::new(),
            copies,
            copies_cut,
            parent: None,
            repeats,
            daemon,
            rule,
            roles: Default::default(),
            vars: Default::default(),
            begin: Vec::new(),
            steps: Default::default(),
            chains: Default::default(),
            span,
        });
        self.tables.protocols.push(ProtocolEntry { id, name, alias, span, source, subjects, steps });
        true
    }
}

/// Whether values of a type have values of another inside. Ends, since no cycle was let in so far.
fn contains(program: &arch_ir::Program, ty: &Type, wanted: &Type) -> bool {
    let inside = |ty: &Type| contains(program, ty, wanted);
    match ty {
        _ if ty == wanted => true,
        Type::Optional(inner) | Type::Set(inner, _) | Type::Seq(inner, _) => inside(inner),
        Type::Map(key, value) => inside(key) || inside(value),
        Type::Record(id) => program.records[*id].fields.iter().any(|f| inside(&f.ty)),
        Type::Union(id) => program.unions[*id].variants.iter().flat_map(|v| &v.fields).any(|f| inside(&f.ty)),
        _ => false,
    }
}

/// What declared attributes belong to.
enum VarHome {
    Truth(TruthId, Vec<Type>),
    Local(SortId),
}

/// Words joined by blanks.
pub fn join(words: &[ast::Ident]) -> String {
    words.iter().map(|w| w.name.as_str()).collect::<Vec<_>>().join(" ")
}

fn same_step(a: Option<&ast::OpRef>, b: Option<&ast::OpRef>) -> bool {
    let key = |r: &ast::OpRef| (r.protocol.as_ref().map(|p| p.name.clone()), r.operation.name.clone());
    a.map(key) == b.map(key)
}
