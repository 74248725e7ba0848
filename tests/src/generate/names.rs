//! What an expression can read at a place.

use super::types::{INT, Ty, opt};
use super::world::Maker;

/// Where an expression stands.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The sort of `self`.
    pub me: Option<usize>,
    /// Subjects and bound roles, with their sorts.
    pub instances: Vec<(String, usize)>,
    /// Run variables.
    pub vars: Vec<(String, Ty)>,
    /// Bound variables.
    pub slots: Vec<(String, Ty)>,
    /// Whether `old` can be used.
    pub old: bool,
    /// Whether it is a property without a step.
    pub global: bool,
}

impl Scope {
    pub fn with(&self, name: &str, ty: Ty) -> Scope {
        let mut scope = self.clone();
        scope.slots.push((name.to_owned(), ty));
        scope
    }
}

impl Maker {
    /// Expressions that are instances of a sort.
    pub fn instances(&mut self, sort: usize, scope: &Scope) -> Vec<String> {
        let mut list: Vec<String> = Vec::new();
        if scope.me == Some(sort) {
            list.push("self".to_owned());
        }
        list.extend(scope.instances.iter().filter(|(_, s)| *s == sort).map(|(n, _)| n.clone()));
        list.extend(scope.slots.iter().filter(|(_, t)| *t == Ty::Id(sort)).map(|(n, _)| n.clone()));
        list.extend(scope.vars.iter().filter(|(_, t)| *t == Ty::Id(sort)).map(|(n, _)| n.clone()));
        if self.sorts[sort].ring
            && let Some(first) = list.first().cloned()
        {
            let function = self.r.pick(&["next", "prev"]);
            list.push(format!("{function}({first})"));
        }
        list
    }

    fn key(&mut self, ty: &Ty, scope: &Scope) -> Option<String> {
        match ty {
            Ty::Id(sort) => {
                let list = self.instances(*sort, scope);
                self.r.maybe(&list)
            }
            _ => {
                let bound: Vec<String> =
                    scope.slots.iter().filter(|(_, t)| t == ty).map(|(n, _)| n.clone()).collect();
                if self.r.chance(60) && !bound.is_empty() {
                    return self.r.maybe(&bound);
                }
                if let Ty::Int(..) = ty
                    && self.r.chance(30)
                {
                    // Perhaps outside the range of the key.
                    let ints: Vec<String> =
                        scope.vars.iter().filter(|(_, t)| ty.accepts(t)).map(|(n, _)| n.clone()).collect();
                    let int = self.r.maybe(&ints).unwrap_or_else(|| "Main.flow".to_owned());
                    if int != "Main.flow" || matches!(self.truths.last()?.attrs.first()?.ty, Ty::Int(..)) {
                        return Some(int);
                    }
                }
                self.constant(ty)
            }
        }
    }

    /// Truth attributes and locals that can be read or (for `assigned`) assigned here.
    pub fn stored(&mut self, scope: &Scope, assigned: bool) -> Vec<(String, Ty)> {
        let mut list = Vec::new();
        for t in 0..self.truths.len() {
            let truth = self.truths[t].clone();
            let keys: Option<Vec<String>> = truth.keys.iter().map(|k| self.key(k, scope)).collect();
            let Some(keys) = keys else { continue };
            let keys = if keys.is_empty() { String::new() } else { format!("[{}]", keys.join(", ")) };
            for attr in truth.attrs.iter().filter(|a| !assigned || !a.derived) {
                list.push((format!("{}{keys}.{}", truth.name, attr.name), attr.ty.clone()));
            }
        }
        for sort in 0..self.sorts.len() {
            if self.sorts[sort].locals.is_empty() || (assigned && self.sorts[sort].concurrent) {
                continue;
            }
            let locals = self.sorts[sort].locals.clone();
            if scope.me == Some(sort) {
                list.extend(locals.iter().map(|l| (l.name.clone(), l.ty.clone())));
            }
            let mut others = self.instances(sort, scope);
            others.retain(|o| o != "self" && !o.contains('('));
            if let Some(other) = self.r.maybe(&others) {
                list.extend(locals.iter().map(|l| (format!("{other}.{}", l.name), l.ty.clone())));
            } else if scope.global && self.sorts[sort].size == 1 {
                let name = self.sorts[sort].name.clone();
                list.extend(locals.iter().map(|l| (format!("{name}.{}", l.name), l.ty.clone())));
            }
        }
        list
    }

    /// Everything with a name that can be read here, and parts of it.
    pub fn readable(&mut self, scope: &Scope) -> Vec<(String, Ty)> {
        let mut list = self.stored(scope, false);
        list.extend(scope.vars.clone());
        list.extend(scope.slots.clone());
        list.extend(scope.instances.iter().map(|(n, s)| (n.clone(), Ty::Id(*s))));
        list.extend(scope.me.map(|s| ("self".to_owned(), Ty::Id(s))));
        for (name, ty) in list.clone() {
            self.parts(&name, &ty, scope, &mut list);
        }
        list
    }

    /// Fields, elements and the names of a run.
    fn parts(&mut self, name: &str, ty: &Ty, scope: &Scope, list: &mut Vec<(String, Ty)>) {
        match ty {
            Ty::Record(i) => {
                list.extend(self.records[*i].fields.iter().map(|(f, t)| (format!("{name}.{f}"), t.clone())));
            }
            Ty::Union(i) => {
                let fields = self.unions[*i].iter().flat_map(|v| &v.fields);
                list.extend(fields.map(|(f, t)| (format!("{name}.{f}"), t.clone())));
            }
            Ty::Map(key, value) => {
                if let Some(key) = self.key(key, scope) {
                    list.push((format!("{name}[{key}]"), (**value).clone()));
                }
            }
            Ty::Seq(element, _) => {
                let ty = if element.is_opt() { (**element).clone() } else { opt((**element).clone()) };
                let read = self.r.pick(&["[0]", "[1]", "head"]);
                let text = if read == "head" { format!("head({name})") } else { format!("{name}{read}") };
                list.push((text, ty));
                list.push((format!("tail({name})"), Ty::Seq(element.clone(), 3)));
                list.push((format!("size({name})"), INT));
            }
            Ty::Set(..) => list.push((format!("size({name})"), INT)),
            Ty::Run(proto) => {
                let proto = self.protos[*proto].clone();
                list.extend(proto.subjects.iter().map(|(n, s)| (format!("{name}.{n}"), Ty::Id(*s))));
                let vars = proto.vars.iter().filter(|v| v.segment.is_none());
                list.extend(vars.map(|v| (format!("{name}.{}", v.name), v.ty.clone())));
                let roles = proto.roles.iter().filter(|r| r.segment.is_none());
                list.extend(roles.map(|r| (format!("{name}.{}", r.name), opt(Ty::Id(r.sort)))));
            }
            _ => {}
        }
    }

    /// What a variable can range over here, with its type.
    pub fn domain(&mut self, scope: &Scope) -> (String, Ty) {
        loop {
            match self.r.below(7) {
                0..=2 => {
                    let sort = self.r.below(self.sorts.len());
                    // A role of that name would be taken for one instance.
                    return (self.sorts[sort].name.clone(), Ty::Id(sort));
                }
                3 => {
                    let (lo, n) = (self.r.between(-1, 1), self.r.between(0, 2));
                    return (format!("{lo}..{}", lo + n), INT);
                }
                4 if !self.enums.is_empty() => return ("En0".to_owned(), Ty::Enum(0)),
                5 if !self.protos.is_empty() => {
                    let proto = self.r.below(self.protos.len());
                    if self.protos[proto].rule {
                        continue;
                    }
                    self.has("runs as domain");
                    return (self.protos[proto].name.clone(), Ty::Run(proto));
                }
                6 => {
                    let sets = self.readable(scope);
                    let sets: Vec<_> = sets.into_iter().filter(|(_, t)| matches!(t, Ty::Set(..))).collect();
                    if let Some((text, Ty::Set(element, _))) = self.r.maybe(&sets) {
                        self.has("set as domain");
                        return (text, *element);
                    }
                }
                _ => {}
            }
        }
    }
}
