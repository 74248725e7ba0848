//! Random expressions of a type.

use super::names::Scope;
use super::types::{INT, Ty};
use super::world::{Maker, offset};

const ORDER: &[&str] = &["=", "!=", "<", "<=", ">", ">="];
const EQUAL: &[&str] = &["=", "!="];

impl Maker {
    /// A condition.
    pub fn condition(&mut self, depth: u32, scope: &Scope) -> String {
        if depth == 0 {
            return self.atom(scope);
        }
        match self.r.weighted(&[40, 12, 10, 8, 5, 15, 6, 5]) {
            1 => self.junction("and", depth, scope),
            2 => self.junction("or", depth, scope),
            3 => {
                self.has("not");
                let inner = self.condition(depth - 1, scope);
                format!("(not {inner})")
            }
            4 => {
                self.has("implies");
                let (a, b) = (self.condition(depth - 1, scope), self.condition(depth - 1, scope));
                format!("({a} implies {b})")
            }
            5 => self.quantifier(depth, scope),
            6 => {
                self.has("count");
                let count = self.count(depth, scope);
                let (op, n) = (self.r.pick(ORDER), self.r.between(0, 2));
                format!("({count} {op} {n})")
            }
            7 => {
                self.has("if expression");
                let c = self.condition(depth - 1, scope);
                let (a, b) = (self.condition(depth - 1, scope), self.condition(depth - 1, scope));
                format!("(if {c} then {a} else {b})")
            }
            _ => self.atom(scope),
        }
    }

    fn junction(&mut self, word: &str, depth: u32, scope: &Scope) -> String {
        let (a, b) = (self.condition(depth - 1, scope), self.condition(depth - 1, scope));
        format!("({a} {word} {b})")
    }

    fn quantifier(&mut self, depth: u32, scope: &Scope) -> String {
        let word = self.r.pick(&["all", "any", "no"]);
        self.has(match word {
            "all" => "all",
            "any" => "any",
            _ => "no",
        });
        let (binder, inner) = self.binder(depth, scope);
        let body = self.condition(depth - 1, &inner);
        format!("({word} {binder}: {body})")
    }

    /// `x in D where P`, with the scope that has x.
    pub fn binder(&mut self, depth: u32, scope: &Scope) -> (String, Scope) {
        let (domain, ty) = self.domain(scope);
        let name = self.fresh("x");
        let inner = scope.with(&name, ty.clone());
        let named = if self.r.chance(25) { self.named_value(&name, &ty, scope) } else { None };
        let condition =
            if self.r.chance(25) && depth > 0 { Some(self.condition(depth - 1, &inner)) } else { None };
        let both: Vec<String> = named.into_iter().chain(condition).collect();
        let filter = if both.is_empty() { String::new() } else { format!(" where {}", both.join(" and ")) };
        (format!("{name} in {domain}{filter}"), inner)
    }

    /// `x = e`, as a filter: what x is need not be looked for.
    fn named_value(&mut self, name: &str, ty: &Ty, scope: &Scope) -> Option<String> {
        let mut list = self.readable(scope);
        list.retain(|(_, t)| {
            let value = if let Ty::Opt(inner) = t { inner } else { t };
            ty.accepts(value) && value.accepts(ty) && !matches!(ty, Ty::Run(_))
        });
        let (text, _) = self.r.maybe(&list)?;
        self.has("filter by value");
        Some(if self.r.chance(50) { format!("{name} = {text}") } else { format!("{text} = {name}") })
    }

    fn count(&mut self, depth: u32, scope: &Scope) -> String {
        let (domain, ty) = self.domain(scope);
        let name = self.fresh("x");
        let filter = self.condition(depth - 1, &scope.with(&name, ty));
        format!("(count {name} in {domain} where {filter})")
    }

    /// A condition without connectives.
    fn atom(&mut self, scope: &Scope) -> String {
        if self.r.chance(18)
            && let Some(special) = self.special(scope)
        {
            return special;
        }
        let mut list = self.readable(scope);
        // What changes is asked about more often.
        list.retain(|(n, t)| !matches!(t, Ty::Id(_)) || n.contains('.') || self.r.chance(40));
        let Some((text, ty)) = self.r.maybe(&list) else { return "true".to_owned() };
        let (text, ty) = self.perhaps_old(text, ty, scope);
        self.compare(&text, &ty, scope)
    }

    fn perhaps_old(&mut self, text: String, ty: Ty, scope: &Scope) -> (String, Ty) {
        if scope.old && self.r.chance(20) && !matches!(ty, Ty::Run(_)) {
            self.has("old");
            return (format!("old({text})"), ty);
        }
        (text, ty)
    }

    /// Conditions that are no comparisons.
    fn special(&mut self, scope: &Scope) -> Option<String> {
        match self.r.below(6) {
            0 if !self.crashes.is_empty() => {
                let (sort, _) = self.r.pick(&self.crashes.clone());
                let who = self.instances(sort, scope);
                let who = self.r.maybe(&who)?;
                self.has("crashed()");
                Some(format!("crashed({who})"))
            }
            1 if !self.parted.is_empty() => {
                let (a, b) = self.r.pick(&self.parted.clone());
                let (x, y) = (self.instances(a, scope), self.instances(b, scope));
                let (x, y) = (self.r.maybe(&x)?, self.r.maybe(&y)?);
                self.has("connected()");
                Some(format!("connected({x}, {y})"))
            }
            2 | 3 => {
                let proto = self.r.below(self.protos.len().max(1));
                if self.protos.get(proto)?.rule {
                    return None;
                }
                let name = self.protos[proto].name.clone();
                let run = self.fresh("r");
                let inner = self.about_run(&run, proto);
                let word = self.r.pick(&["any", "all", "no"]);
                self.has("runs as domain");
                Some(format!("({word} {run} in {name}: {inner})"))
            }
            4 => {
                let (function, sort) = self.r.maybe(&self.functions.clone())?;
                let who = self.instances(sort, scope);
                let who = self.r.maybe(&who)?;
                self.has("define");
                Some(format!("{function}({who})"))
            }
            _ => {
                let sets = self.readable(scope);
                let sets: Vec<_> = sets.into_iter().filter(|(_, t)| matches!(t, Ty::Set(..))).collect();
                let (text, Ty::Set(element, _)) = self.r.maybe(&sets)? else { return None };
                let value = self.value(&element, 1, scope)?;
                self.has("in");
                let word = self.r.pick(&["in", "not in"]);
                Some(format!("({value} {word} {text})"))
            }
        }
    }

    /// What can be said about a run alone.
    pub fn about_run(&mut self, run: &str, proto: usize) -> String {
        let steps: Vec<String> = self.protos[proto].steps.iter().map(|s| s.name.clone()).collect();
        if self.r.chance(30) || steps.is_empty() {
            self.has("unfinished()");
            return format!("unfinished({run})");
        }
        self.has("r at STEP");
        format!("({run} at {})", self.r.pick(&steps))
    }

    /// A comparison of something of a type.
    fn compare(&mut self, text: &str, ty: &Ty, scope: &Scope) -> String {
        match ty {
            Ty::Bool => self.r.pick(&[text.to_owned(), format!("({text} = true)"), format!("(not {text})")]),
            Ty::Time => self.compare_time(text),
            Ty::Opt(inner) if **inner == Ty::Time => {
                if self.r.chance(30) {
                    format!("({text} = null)")
                } else {
                    self.compare_time(text)
                }
            }
            Ty::Opt(inner) => {
                if self.r.chance(35) {
                    return self.r.pick(&[
                        format!("({text} = null)"),
                        format!("({text} != null)"),
                        format!("({text} absent)"),
                        format!("({text} present)"),
                    ]);
                }
                self.compare_values(text, ty, inner, scope)
            }
            Ty::Union(i) => {
                if self.r.chance(60) {
                    self.has("is VARIANT");
                    let variants = self.unions[*i].clone();
                    return format!("({text} is {})", self.r.pick(&variants).name);
                }
                self.compare_values(text, ty, ty, scope)
            }
            Ty::Set(..) if self.r.chance(50) => {
                let (op, n) = (self.r.pick(ORDER), self.r.between(0, 2));
                format!("(size({text}) {op} {n})")
            }
            Ty::Run(proto) => self.about_run(text, *proto),
            _ => self.compare_values(text, ty, ty, scope),
        }
    }

    fn compare_time(&mut self, text: &str) -> String {
        self.has("now comparison");
        let k = self.r.between(-2, 2);
        let (op, now) = (self.r.pick(ORDER), offset(k));
        if self.r.chance(75) { format!("({text} {op} {now})") } else { format!("({now} {op} {text})") }
    }

    fn compare_values(&mut self, text: &str, ty: &Ty, inner: &Ty, scope: &Scope) -> String {
        if self.holds(inner, &Ty::Time) {
            return self.harmless(text, ty);
        }
        let ops = if ty.is_ordered() { ORDER } else { EQUAL };
        let other = self.value(inner, 1, scope).filter(|o| o != text && o != &format!("({text})"));
        match other.or_else(|| self.constant(inner).filter(|c| c != "null")) {
            Some(other) => {
                let op = self.r.pick(ops);
                format!("({text} {op} {other})")
            }
            None => self.harmless(text, ty),
        }
    }

    /// Something that can be said of any value.
    fn harmless(&mut self, text: &str, ty: &Ty) -> String {
        if ty.is_opt() { format!("({text} != null)") } else { "true".to_owned() }
    }

    /// An expression of a type, if there is anything to make one from.
    pub fn value(&mut self, ty: &Ty, depth: u32, scope: &Scope) -> Option<String> {
        if depth > 0 && self.r.chance(10) && !matches!(ty, Ty::Run(_)) {
            let c = self.condition(depth - 1, scope);
            let (a, b) = (self.value(ty, depth - 1, scope)?, self.value(ty, depth - 1, scope)?);
            self.has("if expression");
            return Some(format!("(if {c} then {a} else {b})"));
        }
        match ty {
            Ty::Bool => Some(self.condition(depth, scope)),
            Ty::Int(..) => Some(self.integer(ty, depth, scope)),
            Ty::Time => self.path(ty, 25, scope).or_else(|| {
                let k = self.r.between(-1, 2);
                Some(offset(k))
            }),
            Ty::Ordinal(_) => self.path(ty, 100, scope),
            Ty::Id(sort) => {
                let mut list = self.instances(*sort, scope);
                list.extend(self.path(ty, 100, scope));
                self.r.maybe(&list)
            }
            Ty::Opt(inner) => match self.r.below(4) {
                0 => Some("null".to_owned()),
                1 => self.path(ty, 100, scope).or_else(|| Some("null".to_owned())),
                _ => self.value(inner, depth, scope).or_else(|| Some("null".to_owned())),
            },
            Ty::Set(..) => self.set(ty, depth, scope),
            Ty::Map(..) => self.path(ty, 100, scope),
            Ty::Seq(..) => self.seq(ty, depth, scope),
            Ty::Record(i) => self.path(ty, 30, scope).or_else(|| {
                let record = self.records[*i].clone();
                let fields: Option<Vec<String>> = record
                    .fields
                    .iter()
                    .map(|(_, t)| self.value(t, depth.saturating_sub(1), scope))
                    .collect();
                Some(format!("{}({})", record.name, fields?.join(", ")))
            }),
            Ty::Union(i) => self.path(ty, 30, scope).or_else(|| {
                let variants = self.unions[*i].clone();
                let variant = self.r.pick(&variants);
                if variant.fields.is_empty() {
                    return Some(variant.name);
                }
                let fields: Option<Vec<String>> = variant
                    .fields
                    .iter()
                    .map(|(_, t)| self.value(t, depth.saturating_sub(1), scope))
                    .collect();
                Some(format!("{}({})", variant.name, fields?.join(", ")))
            }),
            Ty::Tri | Ty::Enum(_) => self.path(ty, 40, scope).or_else(|| self.constant(ty)),
            Ty::Run(_) => None,
        }
    }

    /// Something stored of a type, this often when there is one.
    fn path(&mut self, ty: &Ty, percent: usize, scope: &Scope) -> Option<String> {
        if !self.r.chance(percent) {
            return None;
        }
        let mut list = self.readable(scope);
        list.retain(|(_, t)| ty.accepts(t));
        let (text, found) = self.r.maybe(&list)?;
        Some(self.perhaps_old(text, found, scope).0)
    }

    fn integer(&mut self, ty: &Ty, depth: u32, scope: &Scope) -> String {
        let constant = self.constant(ty).unwrap_or_default();
        if depth == 0 || self.r.chance(30) {
            return self.path(&INT, 60, scope).unwrap_or(constant);
        }
        let Some(read) = self.path(&INT, 100, scope) else { return constant };
        let n = self.r.between(1, 2);
        match self.r.below(12) {
            0..=3 => format!("({read} + 1)"),
            4 => format!("({read} - 1)"),
            5 => {
                self.has("arithmetic");
                let other = self.integer(ty, depth - 1, scope);
                let op = self.r.pick(&["+", "-", "*"]);
                format!("({read} {op} {other})")
            }
            6 => {
                self.has("mod");
                format!("(({read} + {n}) mod {})", n + 1)
            }
            7 => {
                self.has("min max");
                format!("min({read} + 1, {n})")
            }
            8 => {
                self.has("min max");
                format!("max({read} - {n}, 0)")
            }
            9 => {
                self.has("count");
                self.count(depth, scope)
            }
            10 => format!("(-{read})"),
            _ => read,
        }
    }

    fn set(&mut self, ty: &Ty, depth: u32, scope: &Scope) -> Option<String> {
        let Ty::Set(element, max) = ty else { return None };
        let read = self.path(ty, 100, scope);
        let depth = depth.saturating_sub(1);
        match (self.r.below(7), read) {
            (0, _) => Some("{}".to_owned()),
            (1 | 2, Some(read)) => {
                let value = self.value(element, depth, scope)?;
                let op = self.r.pick(&["+", "+", "-", "*"]);
                self.has("set operation");
                Some(format!("({read} {op} {{{value}}})"))
            }
            (3, _) if depth > 0 || max.is_none() => {
                let (binder, inner) = self.binder(1, scope);
                let value = self.value(element, depth, &inner)?;
                self.has("comprehension");
                Some(format!("{{{value} for {binder}}}"))
            }
            (4, _) if max.is_none() => match **element {
                Ty::Id(sort) => Some(self.sorts[sort].name.clone()).filter(|n| {
                    // A role of that name would be taken for one instance.
                    !scope.instances.iter().any(|(i, _)| i == n) && scope.global
                }),
                _ => None,
            },
            (5, Some(read)) => Some(read),
            _ => {
                let value = self.value(element, depth, scope)?;
                Some(format!("{{{value}}}"))
            }
        }
    }

    fn seq(&mut self, ty: &Ty, depth: u32, scope: &Scope) -> Option<String> {
        let Ty::Seq(element, _) = ty else { return None };
        let read = self.path(ty, 100, scope);
        match (self.r.below(5), read) {
            (0, _) => Some("[]".to_owned()),
            (1 | 2, Some(read)) => {
                let value = self.value(element, depth.saturating_sub(1), scope)?;
                self.has("concat");
                Some(format!("({read} + [{value}])"))
            }
            (3, Some(read)) => {
                self.has("tail");
                Some(format!("tail({read})"))
            }
            _ => {
                let value = self.value(element, depth.saturating_sub(1), scope)?;
                Some(format!("[{value}]"))
            }
        }
    }
}
