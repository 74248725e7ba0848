//! Types, actors and truth of a random spec.

use super::numbers::Numbers;
use super::protocols::Proto;
use super::types::{Ty, opt, set};
use std::collections::BTreeSet;

/// An actor or id type.
#[derive(Clone, Debug)]
pub struct Sort {
    pub name: String,
    pub size: u32,
    pub actor: bool,
    pub ring: bool,
    pub concurrent: bool,
    pub locals: Vec<Attr>,
}

/// An attribute or local.
#[derive(Clone, Debug)]
pub struct Attr {
    pub name: String,
    pub ty: Ty,
    /// What follows the type.
    pub init: String,
    /// Whether it is defined by the others.
    pub derived: bool,
}

/// A truth object.
#[derive(Clone, Debug)]
pub struct Truth {
    pub name: String,
    pub keys: Vec<Ty>,
    pub place: Option<usize>,
    pub attrs: Vec<Attr>,
}

/// A named list of typed names: a record, or a variant of a union.
#[derive(Clone, Debug)]
pub struct Fields {
    pub name: String,
    pub fields: Vec<(String, Ty)>,
}

/// A role that is declared outside protocols.
#[derive(Clone, Debug)]
pub struct Role {
    pub name: String,
    pub sort: usize,
    pub same: bool,
}

/// What is being made.
pub struct Maker {
    pub r: Numbers,
    pub items: Vec<String>,
    pub features: BTreeSet<&'static str>,
    pub sorts: Vec<Sort>,
    pub enums: Vec<Vec<String>>,
    pub ordinals: usize,
    pub records: Vec<Fields>,
    pub unions: Vec<Vec<Fields>>,
    pub truths: Vec<Truth>,
    pub roles: Vec<Role>,
    pub protos: Vec<Proto>,
    /// Sorts that crash (with `stops`), and pairs that are parted.
    pub crashes: Vec<(usize, bool)>,
    pub parted: Vec<(usize, usize)>,
    pub skewed: Vec<usize>,
    pub timed: bool,
    /// Functions from an instance to a condition: name and sort.
    pub functions: Vec<(String, usize)>,
    pub fresh: usize,
    /// Initial states so far.
    pub initials: usize,
}

impl Maker {
    pub fn new(seed: u64) -> Maker {
        let mut r = Numbers::new(seed);
        let timed = r.chance(40);
        Maker {
            r,
            items: Vec::new(),
            features: BTreeSet::new(),
            sorts: Vec::new(),
            enums: Vec::new(),
            ordinals: 0,
            records: Vec::new(),
            unions: Vec::new(),
            truths: Vec::new(),
            roles: Vec::new(),
            protos: Vec::new(),
            crashes: Vec::new(),
            parted: Vec::new(),
            skewed: Vec::new(),
            timed,
            functions: Vec::new(),
            fresh: 0,
            initials: 1,
        }
    }

    /// Notes that a construct occurs.
    pub fn has(&mut self, feature: &'static str) {
        self.features.insert(feature);
    }

    pub fn fresh(&mut self, prefix: &str) -> String {
        self.fresh += 1;
        format!("{prefix}{}", self.fresh)
    }

    pub fn declare_types(&mut self) {
        self.ordinals = if self.r.chance(50) { 1 + self.r.below(2) } else { 0 };
        for e in 0..self.r.below(3) {
            let constants = (0..2 + self.r.below(2)).map(|c| format!("E{e}_{c}").to_uppercase()).collect();
            self.enums.push(constants);
        }
    }

    pub fn declare_actors(&mut self) {
        for i in 0..1 + self.r.below(2) {
            let size = 1 + u32::from(self.r.chance(60)) + u32::from(self.r.chance(10));
            let (ring, concurrent) = (self.r.chance(25), self.r.chance(30));
            let name = format!("act{i}");
            self.sorts.push(Sort { name, size, actor: true, ring, concurrent, locals: Vec::new() });
        }
        if self.r.chance(50) {
            let size = 1 + u32::from(self.r.chance(60));
            let ring = self.r.chance(15);
            let name = "item".to_owned();
            self.sorts.push(Sort { name, size, actor: false, ring, concurrent: false, locals: Vec::new() });
        }
        if self.r.chance(45) {
            let fields = vec![("fa".to_owned(), self.scalar()), ("fb".to_owned(), Ty::Bool)];
            self.records.push(Fields { name: "Rec".to_owned(), fields });
        }
        if self.r.chance(35) {
            let scalar = self.scalar();
            let variants = vec![
                Fields { name: "Va".to_owned(), fields: vec![("ga".to_owned(), scalar)] },
                Fields { name: "Vb".to_owned(), fields: Vec::new() },
                Fields { name: "Vc".to_owned(), fields: vec![("gc".to_owned(), Ty::Bool)] },
            ];
            self.unions.push(variants);
        }
        for sort in 0..self.sorts.len() {
            if self.sorts[sort].actor {
                self.declare_locals(sort);
                self.declare_role(sort);
            }
        }
    }

    fn declare_locals(&mut self, sort: usize) {
        for i in 0..self.r.weighted(&[40, 40, 20]) {
            let ty = self.ty();
            let name = format!("my_{sort}{i}");
            let own = ty == Ty::Id(sort) && self.r.chance(60);
            let init = if own { " = self".to_owned() } else { self.init(&ty) };
            self.sorts[sort].locals.push(Attr { name, ty, init, derived: false });
        }
    }

    fn declare_role(&mut self, sort: usize) {
        if self.r.chance(35) {
            let same = self.r.chance(60);
            let name = format!("role{sort}");
            self.roles.push(Role { name, sort, same });
        }
    }

    /// A small type without parts.
    pub fn scalar(&mut self) -> Ty {
        loop {
            let ty = match self.r.below(10) {
                0 => Ty::Bool,
                1 => Ty::Tri,
                2 | 3 => self.range(),
                4 => match self.r.below(self.enums.len() + 1) {
                    0 => continue,
                    n => Ty::Enum(n - 1),
                },
                5 => Ty::Id(self.r.below(self.sorts.len())),
                6 | 8 if self.ordinals > 0 => Ty::Ordinal(self.r.below(self.ordinals)),
                7 | 9 if self.timed => Ty::Time,
                _ => continue,
            };
            return ty;
        }
    }

    pub fn range(&mut self) -> Ty {
        let lo = self.r.between(-1, 1);
        let hi = lo + self.r.between(1, 2);
        Ty::Int(lo, hi, self.r.pick(&["", "", "clamp", "wrap", "cut"]))
    }

    /// Any type that can be stored.
    pub fn ty(&mut self) -> Ty {
        match self.r.weighted(&[46, 22, 10, 5, 5, 8, 8]) {
            0 => self.scalar(),
            1 => {
                let inner = self.scalar();
                if inner == Ty::Tri { inner } else { opt(inner) }
            }
            2 => self.set_type(),
            3 => {
                let key = self.key_type();
                let value = self.scalar();
                Ty::Map(Box::new(key), Box::new(value))
            }
            4 => {
                let element = self.scalar();
                Ty::Seq(Box::new(element), 1 + self.r.below(2) as u32)
            }
            5 if !self.records.is_empty() => {
                if self.r.chance(25) {
                    opt(Ty::Record(0))
                } else {
                    Ty::Record(0)
                }
            }
            6 if !self.unions.is_empty() => Ty::Union(0),
            _ => self.scalar(),
        }
    }

    fn set_type(&mut self) -> Ty {
        if self.ordinals > 0 && self.r.chance(40) {
            return set(Ty::Ordinal(0), Some(1 + self.r.below(2) as u32));
        }
        if !self.unions.is_empty() && !self.holds(&Ty::Union(0), &Ty::Time) && self.r.chance(30) {
            return set(Ty::Union(0), Some(2));
        }
        if !self.records.is_empty() && !self.holds(&Ty::Record(0), &Ty::Time) && self.r.chance(30) {
            return set(Ty::Record(0), Some(2));
        }
        let element = self.key_type();
        let max = self.r.chance(30).then_some(1);
        set(element, max)
    }

    /// A type with few values, all known.
    pub fn key_type(&mut self) -> Ty {
        match self.r.below(6) {
            0 => Ty::Bool,
            1 => Ty::Int(0, 1, ""),
            2 if !self.enums.is_empty() => Ty::Enum(0),
            _ => Ty::Id(self.r.below(self.sorts.len())),
        }
    }

    /// Whether values of a type have values of another inside.
    pub fn holds(&self, ty: &Ty, part: &Ty) -> bool {
        let all = |fields: &[(String, Ty)]| fields.iter().any(|(_, t)| self.holds(t, part));
        match ty {
            _ if ty == part => true,
            Ty::Opt(inner) | Ty::Set(inner, _) | Ty::Seq(inner, _) | Ty::Map(_, inner) => {
                self.holds(inner, part)
            }
            Ty::Record(i) => all(&self.records[*i].fields),
            Ty::Union(i) => self.unions[*i].iter().any(|v| all(&v.fields)),
            _ => false,
        }
    }

    /// Whether all values of a type can be listed, and how many there are (roughly).
    pub fn values(&self, ty: &Ty) -> Option<usize> {
        Some(match ty {
            Ty::Bool => 2,
            Ty::Tri => 3,
            Ty::Int(lo, hi, _) => (hi - lo + 1) as usize,
            Ty::Enum(i) => self.enums[*i].len(),
            Ty::Id(i) => self.sorts[*i].size as usize,
            Ty::Opt(inner) => 1 + self.values(inner)?,
            Ty::Set(inner, _) => 1 << self.values(inner)?,
            Ty::Map(k, v) => self.values(v)?.pow(self.values(k)? as u32),
            Ty::Seq(inner, n) => (0..=*n).map(|k| self.values(inner).map(|v| v.pow(k))).sum::<Option<_>>()?,
            Ty::Record(i) => {
                self.records[*i].fields.iter().map(|(_, t)| self.values(t)).product::<Option<_>>()?
            }
            Ty::Union(i) => {
                let count =
                    |v: &Fields| v.fields.iter().map(|(_, t)| self.values(t)).product::<Option<usize>>();
                self.unions[*i].iter().map(count).sum::<Option<_>>()?
            }
            Ty::Ordinal(_) | Ty::Time | Ty::Run(_) => return None,
        })
    }

    pub fn declare_truth(&mut self) {
        let actors: Vec<usize> = (0..self.sorts.len()).filter(|s| self.sorts[*s].actor).collect();
        for i in 0..1 + self.r.below(3) {
            let keys = match self.r.below(10) {
                0..=5 => Vec::new(),
                6 => vec![self.key_type(), Ty::Id(0)],
                _ => vec![self.key_type()],
            };
            let place = self.r.chance(20).then(|| self.r.pick(&actors));
            let mut attrs = Vec::new();
            for j in 0..1 + self.r.below(2) {
                let ty = self.ty();
                let elements = keys.iter().map(|k| self.values(k).unwrap_or(1)).product();
                let init = self.init_of(&ty, elements);
                attrs.push(Attr { name: format!("at{i}{j}"), ty, init, derived: false });
            }
            self.truths.push(Truth { name: format!("Tr{i}"), keys, place, attrs });
        }
        self.declare_flow();
    }

    /// Something that changes often, so that spaces have more than a few states.
    fn declare_flow(&mut self) {
        let ty = if self.ordinals > 0 && self.r.chance(40) {
            Ty::Ordinal(0)
        } else if self.timed && self.r.chance(50) {
            Ty::Time
        } else {
            Ty::Int(0, 2, self.r.pick(&["wrap", "clamp", "cut", ""]))
        };
        let attr = Attr { name: "flow".to_owned(), ty, init: String::new(), derived: false };
        self.truths.push(Truth { name: "Main".to_owned(), keys: Vec::new(), place: None, attrs: vec![attr] });
    }

    /// What follows the type of an attribute with so many elements: nothing, a value or `any`.
    fn init_of(&mut self, ty: &Ty, elements: usize) -> String {
        let count = self.values(ty).and_then(|n| n.checked_pow(elements as u32)).unwrap_or(usize::MAX);
        if self.r.chance(14) && self.initials.saturating_mul(count) <= 40 {
            self.has("= any");
            self.initials *= count;
            return " = any".to_owned();
        }
        self.init(ty)
    }

    /// What follows a type: nothing or a value.
    fn init(&mut self, ty: &Ty) -> String {
        if !self.r.chance(35) {
            return String::new();
        }
        match self.constant(ty) {
            Some(value) => format!(" = {value}"),
            None => String::new(),
        }
    }

    /// A value that reads nothing.
    pub fn constant(&mut self, ty: &Ty) -> Option<String> {
        Some(match ty {
            Ty::Bool => self.r.pick(&["true", "false"]).to_owned(),
            Ty::Tri => self.r.pick(&["true", "false", "unknown"]).to_owned(),
            Ty::Int(lo, hi, _) if *lo == i64::MIN || *hi == i64::MAX => self.r.between(0, 3).to_string(),
            Ty::Int(lo, hi, _) => self.r.between(*lo, *hi).to_string(),
            Ty::Enum(i) => {
                let constants = self.enums[*i].clone();
                self.r.pick(&constants)
            }
            Ty::Id(_) | Ty::Ordinal(_) | Ty::Map(..) | Ty::Run(_) => return None,
            Ty::Time => {
                let k = self.r.between(-1, 2);
                offset(k)
            }
            Ty::Opt(inner) => match self.r.chance(50) {
                true => "null".to_owned(),
                false => self.constant(inner)?,
            },
            Ty::Set(inner, _) => {
                let one = if self.r.chance(60) { self.constant(inner) } else { None };
                one.map_or_else(|| "{}".to_owned(), |v| format!("{{{v}}}"))
            }
            Ty::Seq(inner, _) => {
                let one = if self.r.chance(60) { self.constant(inner) } else { None };
                one.map_or_else(|| "[]".to_owned(), |v| format!("[{v}]"))
            }
            Ty::Record(i) => {
                let record = self.records[*i].clone();
                let fields: Option<Vec<String>> =
                    record.fields.iter().map(|(_, t)| self.constant(t)).collect();
                format!("{}({})", record.name, fields?.join(", "))
            }
            Ty::Union(_) => self.r.pick(&["Vb", "Vc(true)"]).to_owned(),
        })
    }

    /// A type as written.
    pub fn show(&self, ty: &Ty) -> String {
        match ty {
            Ty::Bool => "bool".to_owned(),
            Ty::Tri => "tri".to_owned(),
            Ty::Int(lo, hi, policy) => format!("{lo}..{hi} {policy}").trim().to_owned(),
            Ty::Enum(i) => format!("En{i}"),
            Ty::Id(i) => self.sorts[*i].name.clone(),
            Ty::Ordinal(i) => format!("Ord{i}"),
            Ty::Time => "time".to_owned(),
            Ty::Opt(inner) => format!("{}?", self.show(inner)),
            Ty::Set(inner, None) => format!("set of {}", self.show(inner)),
            Ty::Set(inner, Some(n)) => format!("set of {} max {n}", self.show(inner)),
            Ty::Map(k, v) => format!("map {} -> {}", self.show(k), self.show(v)),
            Ty::Seq(inner, n) => format!("seq of {} max {n}", self.show(inner)),
            Ty::Record(i) => self.records[*i].name.clone(),
            Ty::Union(_) => "Uni".to_owned(),
            Ty::Run(i) => self.protos[*i].name.clone(),
        }
    }

    /// The declarations of everything but protocols, faults and claims.
    pub fn write_world(&mut self) {
        self.note_types();
        if self.ordinals > 0 {
            let names: Vec<String> = (0..self.ordinals).map(|i| format!("Ord{i}")).collect();
            self.items.push(format!("ordinal {}", names.join(", ")));
        }
        for (i, constants) in self.enums.clone().into_iter().enumerate() {
            self.items.push(format!("enum En{i} {{ {} }}", constants.join(", ")));
        }
        for record in self.records.clone() {
            let fields = self.fields(&record.fields);
            self.items.push(format!("record {} {{ {fields} }}", record.name));
        }
        for variants in self.unions.clone() {
            let variants: Vec<String> = variants
                .iter()
                .map(|v| match v.fields.is_empty() {
                    true => v.name.clone(),
                    false => format!("{}({})", v.name, self.fields(&v.fields)),
                })
                .collect();
            self.items.push(format!("one of Uni {{ {} }}", variants.join(", ")));
        }
        for sort in self.sorts.clone() {
            self.write_sort(&sort);
        }
        for role in self.roles.clone() {
            self.has(if role.same { "role is" } else { "role of" });
            let how = if role.same { " is " } else { ": " };
            self.items.push(format!("role {}{how}{}", role.name, self.sorts[role.sort].name));
        }
        self.derive();
        for truth in self.truths.clone() {
            self.write_truth(&truth);
        }
        self.define();
    }

    fn fields(&self, fields: &[(String, Ty)]) -> String {
        let list: Vec<String> = fields.iter().map(|(n, t)| format!("{n}: {}", self.show(t))).collect();
        list.join(", ")
    }

    fn write_sort(&mut self, sort: &Sort) {
        let kind = if sort.actor { "actor" } else { "id" };
        let count = if sort.size > 1 { format!(" * {}", sort.size) } else { String::new() };
        let ring = if sort.ring { " ring" } else { "" };
        let concurrent = if sort.concurrent { " concurrent" } else { "" };
        let locals = if sort.locals.is_empty() { String::new() } else { self.attrs(&sort.locals) };
        self.items.push(format!("{kind} {}{count}{ring}{concurrent}{locals}", sort.name));
    }

    fn attrs(&self, attrs: &[Attr]) -> String {
        let lines: Vec<String> =
            attrs.iter().map(|a| format!("  {}: {}{}", a.name, self.show(&a.ty), a.init)).collect();
        format!(" {{\n{}\n}}", lines.join("\n"))
    }

    fn write_truth(&mut self, truth: &Truth) {
        let keys: Vec<String> = truth.keys.iter().map(|k| self.show(k)).collect();
        let keys = if keys.is_empty() { String::new() } else { format!("[{}]", keys.join(", ")) };
        let place = truth.place.map_or(String::new(), |s| format!(" at {}", self.sorts[s].name));
        self.items.push(format!("truth {}{keys}{place}{}", truth.name, self.attrs(&truth.attrs)));
    }

    fn note_types(&mut self) {
        let truths = self.truths.iter().flat_map(|t| &t.attrs);
        let all: Vec<Ty> =
            truths.chain(self.sorts.iter().flat_map(|s| &s.locals)).map(|a| a.ty.clone()).collect();
        for ty in all {
            let feature = match &ty {
                Ty::Bool => "bool",
                Ty::Tri => "tri",
                Ty::Int(_, _, "") => "range",
                Ty::Int(_, _, "clamp") => "clamp",
                Ty::Int(_, _, "wrap") => "wrap",
                Ty::Int(..) => "cut",
                Ty::Enum(_) => "enum",
                Ty::Id(_) => "id",
                Ty::Ordinal(_) => "ordinal",
                Ty::Time => "time",
                Ty::Opt(inner) => match **inner {
                    Ty::Id(_) => "optional id",
                    Ty::Ordinal(_) => "optional ordinal",
                    Ty::Time => "optional time",
                    _ => "optional",
                },
                Ty::Set(_, None) => "set",
                Ty::Set(inner, Some(_)) if matches!(**inner, Ty::Ordinal(_)) => "set of ordinals",
                Ty::Set(_, Some(_)) => "set max",
                Ty::Map(..) => "map",
                Ty::Seq(..) => "seq",
                Ty::Record(_) => "record",
                Ty::Union(_) => "union",
                Ty::Run(_) => "run",
            };
            self.has(feature);
        }
        for truth in self.truths.clone() {
            match (&truth.keys[..], truth.place) {
                ([], _) => self.has("unkeyed"),
                ([_], _) => self.has("keyed"),
                _ => self.has("two keys"),
            }
            if truth.place.is_some() {
                self.has("placed");
            }
        }
        for sort in self.sorts.clone() {
            if sort.concurrent {
                self.has("concurrent");
            }
            if sort.ring {
                self.has("ring");
            }
            if sort.size > 1 {
                self.has("several instances");
            }
            if sort.actor && !sort.locals.is_empty() {
                self.has("locals");
            }
        }
    }
}

/// `now + k`
pub fn offset(k: i64) -> String {
    match k {
        0 => "now".to_owned(),
        k if k < 0 => format!("(now - {})", -k),
        k => format!("(now + {k})"),
    }
}
