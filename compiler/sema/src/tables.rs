//! What the declarations of a file say: names with their meaning, before any body is looked at.

use arch_base::Span;
use arch_grammar::ast;
use arch_ir::{EnumId, OrdinalId, ProtocolId, RecordId, SortId, Type, UnionId, Value, VarId};
use std::collections::{BTreeMap, BTreeSet};

/// The symbol tables of one file. Maps are ordered, so that suggestions and errors are deterministic.
#[derive(Default)]
pub struct Tables<'m> {
    /// Constants with their values under the chosen instance and settings.
    pub consts: BTreeMap<String, ConstEntry>,
    /// Types of every kind.
    pub types: BTreeMap<String, TypeEntry>,
    /// Constants of all enums, by name.
    pub constants: BTreeMap<String, Vec<(EnumId, u32)>>,
    /// Variants of all tagged unions, by name.
    pub variants: BTreeMap<String, (UnionId, u32)>,
    /// Truth objects.
    pub truths: BTreeMap<String, TruthEntry<'m>>,
    /// Locals of each actor.
    pub locals: BTreeMap<SortId, BTreeMap<String, AttrEntry<'m>>>,
    /// What stands for actors that are not declared, which was reported, so that everything else can be checked.
    pub stand_ins: BTreeSet<SortId>,
    /// Roles declared by `role`.
    pub roles: BTreeMap<String, RoleEntry>,
    /// Definitions.
    pub defines: Defines<'m>,
    /// Protocols and rules, in order of declaration.
    pub protocols: Vec<ProtocolEntry<'m>>,
    /// Annotations outside any protocol.
    pub annotations: Vec<&'m ast::Item>,
    /// Views: truth object and actor, to the copies of its attributes.
    pub views: Vec<ViewEntry<'m>>,
}

/// A constant.
pub struct ConstEntry {
    /// Its value.
    pub value: Value,
    /// Its type.
    pub ty: Type,
    /// Where its name is declared.
    pub span: Span,
}

/// A named type.
#[derive(Clone, Copy)]
pub struct TypeEntry {
    /// Which.
    pub kind: NamedType,
    /// Where its name is declared.
    pub span: Span,
}

/// What a name can mean as a type.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum NamedType {
    /// An actor or id type.
    Sort(SortId),
    /// An enum.
    Enum(EnumId),
    /// A record.
    Record(RecordId),
    /// A tagged union.
    Union(UnionId),
    /// A kind of ordinal.
    Ordinal(OrdinalId),
}

impl NamedType {
    /// The type itself.
    pub fn ty(self) -> Type {
        match self {
            NamedType::Sort(id) => Type::Id(id),
            NamedType::Enum(id) => Type::Enum(id),
            NamedType::Record(id) => Type::Record(id),
            NamedType::Union(id) => Type::Union(id),
            NamedType::Ordinal(id) => Type::Ordinal(id),
        }
    }
}

/// A truth object.
pub struct TruthEntry<'m> {
    /// The types of its keys.
    pub keys: Vec<Type>,
    /// What initial values and derived attributes call its keys.
    pub key_names: Vec<Option<&'m ast::Ident>>,
    /// Its attributes.
    pub attrs: BTreeMap<String, AttrEntry<'m>>,
    /// Where its name is declared.
    pub span: Span,
}

/// An attribute or local.
#[derive(Clone)]
pub struct AttrEntry<'m> {
    /// Where its value comes from.
    pub source: AttrSource<'m>,
    /// Its type; [`Type::Unknown`] in a sketch.
    pub ty: Type,
    /// Where its name is declared.
    pub span: Span,
}

/// Where an attribute's value comes from.
#[derive(Clone, Copy)]
pub enum AttrSource<'m> {
    /// The state.
    Stored(VarId),
    /// A definition.
    Derived(&'m ast::Expr),
}

/// A role.
#[derive(Clone, Copy)]
pub struct RoleEntry {
    /// Its actor.
    pub sort: SortId,
    /// Whether it is the same instance as whoever else is called by its actor's name.
    pub same_instance: bool,
    /// Where its name is declared.
    pub span: Span,
}

/// Definitions, by form.
#[derive(Default)]
pub struct Defines<'m> {
    /// `define x := e`, and per step; phrases under their words joined by blanks.
    pub names: BTreeMap<String, Vec<NameDefine<'m>>>,
    /// `define f(x: T) := e`.
    pub functions: BTreeMap<String, &'m ast::DefineDecl>,
    /// `define (x: T) word := e`.
    pub postfixes: BTreeMap<String, Vec<&'m ast::DefineDecl>>,
    /// `define (x: T) word (y: U) := e`.
    pub relations: BTreeMap<String, Vec<&'m ast::DefineDecl>>,
}

/// One meaning of a defined name or phrase.
#[derive(Clone, Copy)]
pub struct NameDefine<'m> {
    /// The step it is for, if for one only.
    pub at: Option<&'m ast::OpRef>,
    /// The definition.
    pub decl: &'m ast::DefineDecl,
    /// Where the name stands.
    pub span: Span,
}

/// A protocol, one step of a `rules` block, or the steps of an `each` or `spawn`.
pub struct ProtocolEntry<'m> {
    /// Its id in the program.
    pub id: ProtocolId,
    /// Its name.
    pub name: String,
    /// The name by which a file refers to it: for a segment, that of the protocol it was taken out of.
    pub alias: String,
    /// Where the name stands.
    pub span: Span,
    /// What it is written as.
    pub source: ProtocolSource<'m>,
    /// What there is a run for each of.
    pub subjects: Vec<ast::Subject>,
    /// Its steps as written, main chain first, each with the number of its chain.
    pub steps: Vec<(usize, &'m ast::Step)>,
}

/// What a protocol is written as.
#[derive(Clone, Copy)]
pub enum ProtocolSource<'m> {
    /// A `protocol` block.
    Protocol(&'m ast::Protocol),
    /// A step of a `rules` block.
    Rule(&'m ast::Rules),
    /// The steps of an `each` or `spawn`.
    Segment {
        /// The block.
        protocol: &'m ast::Protocol,
        /// The number of its entry.
        parent: usize,
        /// How many of its own main steps come before.
        before: usize,
    },
}

impl<'m> ProtocolEntry<'m> {
    /// The declarations in its head; of the whole block for a segment.
    pub fn head(&self) -> &'m [ast::HeadItem] {
        match self.source {
            ProtocolSource::Protocol(p) | ProtocolSource::Segment { protocol: p, .. } => &p.head,
            ProtocolSource::Rule(rules) => &rules.head,
        }
    }

    /// Whether it is the steps of an `each` or `spawn`.
    pub fn is_segment(&self) -> bool {
        matches!(self.source, ProtocolSource::Segment { .. })
    }

    /// Its steps as written, main chain first, each with the number of its chain.
    pub fn steps(&self) -> Vec<(usize, &'m ast::Step)> {
        self.steps.clone()
    }

    /// Whether it has a step of this name.
    pub fn has_operation(&self, name: &str) -> bool {
        self.steps.iter().any(|(_, s)| s.operation.name == name)
    }
}

/// `view X at actor refreshed by …`.
pub struct ViewEntry<'m> {
    /// The declaration.
    pub decl: &'m ast::ViewDecl,
    /// The actor.
    pub sort: SortId,
    /// For each stored attribute, the original and the copy.
    pub copies: Vec<(VarId, VarId)>,
}
