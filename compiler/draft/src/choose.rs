//! A type for each class of places: what the guards compare it with first, names where they say nothing.

use crate::names::{camel, snake_object, unique};
use crate::types::{Facts, Place};
use crate::uses::{Uses, push_new};

/// The type of a class of places.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Ty {
    Plain(&'static str),
    /// An inline or named enum, or an ordinal.
    Named(String),
    Id(String),
    SetOf(usize),
}

/// The types of all classes.
pub(crate) struct Types<'a> {
    uses: &'a Uses,
    /// By place; set for those that stand for a class.
    chosen: Vec<Option<Ty>>,
    /// The ordinal types that were made.
    pub ordinals: Vec<String>,
    /// The identity types that were made.
    pub ids: Vec<String>,
    /// The named enums that were made.
    pub enums: Vec<(String, Vec<String>)>,
}

impl<'a> Types<'a> {
    /// Nothing is chosen yet.
    pub fn new(uses: &'a Uses) -> Types<'a> {
        let chosen = vec![None; uses.table.places().count()];
        Types { uses, chosen, ordinals: Vec::new(), ids: Vec::new(), enums: Vec::new() }
    }

    /// Chooses a type for every class that the guards say enough about.
    pub fn decide(&mut self) {
        let roots: Vec<usize> =
            self.uses.table.places().map(|(i, _)| i).filter(|i| self.uses.table.root(*i) == *i).collect();
        for root in roots {
            self.chosen[root] = self.choose(root);
        }
    }

    fn choose(&mut self, root: usize) -> Option<Ty> {
        let facts = self.uses.table.known(root).clone();
        if let Some(element) = facts.set_of {
            return Some(Ty::SetOf(element));
        }
        if !facts.constants.is_empty() {
            return Some(Ty::Named(self.enumeration(root, &facts)));
        }
        let plain = [(facts.tri, "tri"), (facts.boolean, "bool"), (facts.time && !facts.duration, "time")];
        if let Some((_, name)) = plain.iter().find(|(holds, _)| *holds) {
            return Some(Ty::Plain(name));
        }
        if facts.number {
            return Some(Ty::Plain("0..3"));
        }
        self.by_names(root, &facts)
    }

    /// When only names tell: an ordinal, an identity, or an amount.
    fn by_names(&mut self, root: usize, facts: &Facts) -> Option<Ty> {
        let names: Vec<&str> = self.uses.table.members(root).map(Place::name).collect();
        if let Some(word) = names.iter().find_map(|n| ordinal_word(n)) {
            return Some(self.ordinal(word));
        }
        let identity = facts.optional
            || facts.member
            || !facts.actors.is_empty()
            || names.iter().any(|n| is_identity(n));
        if identity {
            return Some(Ty::Id(self.identity(root, facts)));
        }
        if facts.ordered {
            return Some(Ty::Plain("0..3"));
        }
        let believed = names.iter().any(|n| is_belief(n));
        let attr = self.uses.table.members(root).find(|p| matches!(p, Place::Attr { .. }));
        attr.filter(|_| believed).map(|p| p.name().to_string()).map(|name| self.ordinal(&name))
    }

    fn ordinal(&mut self, word: &str) -> Ty {
        let name = camel(word);
        push_new(&mut self.ordinals, &name);
        Ty::Named(name)
    }

    fn enumeration(&mut self, root: usize, facts: &Facts) -> String {
        let constants = facts.constants.clone();
        if self.uses.table.members(root).count() == 1 {
            return format!("{{ {} }}", constants.join(", "));
        }
        let base = self.uses.table.members(root).next().map(|p| camel(p.name())).unwrap_or_default();
        let name = unique(&base, |n| self.enums.iter().any(|(e, _)| e == n));
        self.enums.push((name.clone(), constants));
        name
    }

    /// The actor or id type whose instances a class of places names.
    fn identity(&mut self, root: usize, facts: &Facts) -> String {
        let members: Vec<&Place> = self.uses.table.members(root).collect();
        let own = members.iter().find_map(|p| match p {
            Place::Local { actor, .. } if p.is_self() => Some(actor),
            _ => None,
        });
        if let Some(actor) = own.or(facts.actors.first()) {
            return actor.clone();
        }
        let asked = facts.asked_by.as_ref().filter(|_| members.iter().any(|p| is_owner(p.name())));
        if let (Some(actor), 1) = (asked, members.len()) {
            return actor.clone();
        }
        let base = members.first().map_or_else(|| "item".to_string(), |p| identity_base(&members, p));
        self.id_type(&base)
    }

    /// An actor of that name, or a declared identity type.
    fn id_type(&mut self, base: &str) -> String {
        if self.uses.actors.iter().any(|a| a == base) {
            return base.to_string();
        }
        let word = |n: &str| {
            self.uses
                .table
                .places()
                .any(|(_, p)| matches!(p, Place::Local { name, .. } | Place::Field { local: name, .. } if name == n))
        };
        let name = if word(base) { unique(&format!("{base}_key"), word) } else { base.to_string() };
        push_new(&mut self.ids, &name);
        name
    }

    /// The type of a place, as written.
    pub fn of(&self, place: usize, optional: bool) -> Option<String> {
        let root = self.uses.table.root(place);
        let facts = self.uses.table.known(root);
        let mark = |may: bool| if optional && may { "?" } else { "" };
        match self.chosen[root].as_ref()? {
            Ty::Plain(name) => Some(format!("{name}{}", mark(facts.optional))),
            Ty::Named(name) => Some(format!("{name}{}", mark(facts.optional))),
            Ty::Id(name) => Some(format!("{name}{}", mark(true))),
            Ty::SetOf(element) => self.of(*element, false).map(|t| format!("set of {t}")),
        }
    }
}

/// `epoch` in `my_epoch`: words for what is only compared and advanced.
fn ordinal_word(name: &str) -> Option<&str> {
    const WORDS: [&str; 12] = [
        "version",
        "epoch",
        "term",
        "revision",
        "attempt",
        "offset",
        "cursor",
        "generation",
        "incarnation",
        "sequence",
        "watermark",
        "index",
    ];
    name.split('_').find(|w| WORDS.contains(w))
}

fn is_identity(name: &str) -> bool {
    name == "id" || name == "me" || name.ends_with("_id") || is_owner(name)
}

fn is_owner(name: &str) -> bool {
    ["owner", "holder", "leader"].iter().any(|w| name.split('_').any(|part| part == *w))
}

/// What an actor believes a truth to be.
fn is_belief(name: &str) -> bool {
    const PREFIXES: [&str; 8] =
        ["expected_", "my_", "presented_", "local_", "current_", "required_", "requested_", "incoming_"];
    PREFIXES.iter().any(|p| name.starts_with(p))
}

/// Amounts that a spec fixes.
pub(crate) fn is_parameter(name: &str) -> bool {
    const WORDS: [&str; 8] = ["threshold", "limit", "target", "ttl", "timeout", "quota", "grace", "max"];
    name.split('_').any(|w| WORDS.contains(&w))
}

/// `writer` for `writer_id`; `manifest` for `ManifestState.id`.
fn identity_base(members: &[&Place], first: &Place) -> String {
    let attr = members.iter().find(|p| matches!(p, Place::Attr { .. })).copied().unwrap_or(first);
    let words = members.iter().map(|p| p.name()).find(|n| n.ends_with("_id") && !is_owner(n));
    let name = words.unwrap_or(attr.name());
    let bare = name.strip_suffix("_id").unwrap_or(name);
    match attr {
        Place::Attr { truth, .. } if bare == "id" => snake_object(truth),
        _ => bare.to_string(),
    }
}
