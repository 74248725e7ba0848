//! From what the guards say to declarations: a type for each attribute, and a home for each word.

use crate::choose::{Types, is_parameter};
use crate::names::{camel, is_ident, snake_object, unique};
use crate::notes::Section;
use crate::types::Place;
use crate::uses::{self, Parsed, Uses, push_new};

/// The declarations of a draft.
#[derive(Default, Debug)]
pub(crate) struct Model {
    /// Constants with their values.
    pub consts: Vec<(String, u32)>,
    /// Ordinal types.
    pub ordinals: Vec<String>,
    /// Identity types.
    pub ids: Vec<String>,
    /// Enums that several places share.
    pub enums: Vec<(String, Vec<String>)>,
    /// Records that words with fields have.
    pub records: Vec<(String, Vec<Typed>)>,
    /// Truth objects.
    pub truths: Vec<Truth>,
    /// Actors.
    pub actors: Vec<Actor>,
    /// Definitions, each a line.
    pub defines: Vec<String>,
    /// The protocols' names and subjects.
    pub protocols: Vec<(String, Option<String>)>,
    /// The operations.
    pub operations: Vec<String>,
    /// What was guessed or left out.
    pub warnings: Vec<String>,
}

/// A name with its type, if one was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Typed {
    /// The name.
    pub name: String,
    /// Its type, as written.
    pub ty: Option<String>,
}

/// A truth object.
#[derive(Debug)]
pub(crate) struct Truth {
    /// Its name.
    pub name: String,
    /// What it is keyed by.
    pub key: Option<String>,
    /// Its attributes.
    pub attrs: Vec<Typed>,
    /// What is to be said about it.
    pub remarks: Vec<String>,
}

/// An actor.
#[derive(Debug)]
pub(crate) struct Actor {
    /// Its name.
    pub name: String,
    /// Whether its instances are told apart, so that there should be two.
    pub two: bool,
    /// What it knows.
    pub locals: Vec<Typed>,
}

/// Infers the declarations of a section.
pub(crate) fn infer(section: &Section, protocols: &[Parsed]) -> Model {
    let uses = uses::collect(section, protocols);
    let mut types = Types::new(&uses);
    types.decide();
    let model =
        Model { operations: uses.operations.clone(), warnings: uses.warnings.clone(), ..Model::default() };
    Builder { uses: &uses, section, types, model }.build(protocols)
}

/// Puts the declarations together.
struct Builder<'a> {
    uses: &'a Uses,
    section: &'a Section,
    types: Types<'a>,
    model: Model,
}

impl Builder<'_> {
    fn build(mut self, protocols: &[Parsed]) -> Model {
        self.truths();
        self.actors();
        self.relations();
        self.postfixes();
        self.phrases();
        self.protocols(protocols);
        self.model.ordinals = std::mem::take(&mut self.types.ordinals);
        self.model.enums = std::mem::take(&mut self.types.enums);
        for id in std::mem::take(&mut self.types.ids) {
            push_new(&mut self.model.ids, &id);
        }
        self.count_actors();
        self.lone_constants();
        self.model
    }

    /// The listed truth first, then what the guards read besides.
    fn truths(&mut self) {
        for listed in &self.section.truth {
            let attrs = listed.attrs.iter().map(|a| self.attr(&listed.name, a)).collect();
            let remarks = self.entity_remark(&listed.name);
            self.model.truths.push(Truth { name: listed.name.clone(), key: None, attrs, remarks });
        }
        for (_, place) in self.uses.table.places() {
            if let Place::Attr { truth, name } = place {
                self.unlisted(truth, name);
            }
        }
        for name in &self.uses.keyed {
            let key = self.key_of(name);
            if let Some(truth) = self.model.truths.iter_mut().find(|t| t.name == *name) {
                truth.key = Some(key);
            }
        }
    }

    fn attr(&self, truth: &str, name: &str) -> Typed {
        let place = self.uses.table.find(&Place::Attr { truth: truth.to_string(), name: name.to_string() });
        Typed { name: name.to_string(), ty: place.and_then(|p| self.types.of(p, true)) }
    }

    fn entity_remark(&self, name: &str) -> Vec<String> {
        let entities = self.section.header.entities();
        let missing = !entities.is_empty() && !entities.contains(&name);
        if missing { vec!["not an entity in the notes".to_string()] } else { Vec::new() }
    }

    /// Declares an attribute that guards read but the list lacks.
    fn unlisted(&mut self, truth: &str, name: &str) {
        let attr = self.attr(truth, name);
        match self.model.truths.iter_mut().find(|t| t.name == truth) {
            Some(known) if known.attrs.iter().any(|a| a.name == name) => {}
            Some(known) => {
                let whole = known.remarks.iter().any(|r| r == NOT_LISTED);
                known.attrs.push(attr);
                if !whole {
                    known.remarks.push(format!("{name} is not listed in the notes"));
                }
            }
            None => {
                let remarks = vec![NOT_LISTED.to_string()];
                self.model.truths.push(Truth {
                    name: truth.to_string(),
                    key: None,
                    attrs: vec![attr],
                    remarks,
                });
            }
        }
    }

    fn key_of(&mut self, truth: &str) -> String {
        let key = snake_object(truth);
        if !self.uses.actors.contains(&key) {
            push_new(&mut self.types.ids, &key);
        }
        key
    }

    fn actors(&mut self) {
        for name in &self.uses.actors {
            self.model.actors.push(Actor { name: name.clone(), two: false, locals: Vec::new() });
        }
        for (index, place) in self.uses.table.places() {
            match place {
                Place::Attr { .. } => {}
                Place::Local { actor, name } if !self.constant(index, name) => {
                    self.local(index, actor, name, place)
                }
                Place::Local { .. } => {}
                Place::Field { actor, local, name } => self.record_field(index, actor, local, name),
            }
        }
    }

    /// Declares a word as a constant if it is one.
    fn constant(&mut self, place: usize, name: &str) -> bool {
        let facts = self.uses.table.known(place);
        let amount = self.types.of(place, false).as_deref() == Some("0..3");
        let fixed = facts.duration || (amount && is_parameter(name));
        if fixed && !self.model.consts.iter().any(|(c, _)| c == name) {
            self.model.consts.push((name.to_string(), if facts.duration { 2 } else { 1 }));
        }
        fixed
    }

    fn local(&mut self, index: usize, actor: &str, name: &str, place: &Place) {
        let ty = match self.types.of(index, !place.is_self()) {
            Some(ty) if place.is_self() && ty == actor => Some(format!("{ty} = self")),
            other => other,
        };
        if let Some(known) = self.model.actors.iter_mut().find(|a| a.name == actor) {
            known.locals.push(Typed { name: name.to_string(), ty });
        }
    }

    /// `statement.key_id`: a record that the actor knows.
    fn record_field(&mut self, index: usize, actor: &str, local: &str, name: &str) {
        let record = camel(local);
        let field = Typed { name: name.to_string(), ty: self.types.of(index, false) };
        match self.model.records.iter_mut().find(|(r, _)| *r == record) {
            Some((_, fields)) if fields.iter().any(|f| f.name == name) => {}
            Some((_, fields)) => fields.push(field),
            None => self.model.records.push((record.clone(), vec![field])),
        }
        if let Some(known) = self.model.actors.iter_mut().find(|a| a.name == actor)
            && !known.locals.iter().any(|l| l.name == local)
        {
            known.locals.push(Typed { name: local.to_string(), ty: Some(record) });
        }
    }

    /// `all upstream StageState.status = …`: each key has a set of those it is related to.
    fn relations(&mut self) {
        for (word, truth) in &self.uses.relations {
            let key = snake_object(truth);
            let define = format!("define (a: {key}) {word} (b: {key}) := a in {truth}[b].{word}");
            self.model.defines.push(define);
            if let Some(known) = self.model.truths.iter_mut().find(|t| t.name == *truth) {
                known.attrs.push(Typed { name: word.clone(), ty: Some(format!("set of {key}")) });
                known.remarks.push(format!("{word} is not listed in the notes"));
            }
        }
    }

    fn postfixes(&mut self) {
        for (place, word) in &self.uses.postfixes {
            let Some(ty) = self.types.of(*place, true) else { continue };
            let define = format!("define (v: {ty}) {word} := v >= required_{word}");
            push_new(&mut self.model.defines, &define);
        }
    }

    /// `quorum reachable`: something about the surroundings, until the spec says what it is read from.
    fn phrases(&mut self) {
        if self.uses.phrases.is_empty() {
            return;
        }
        let object = unique("Environment", |n| self.model.truths.iter().any(|t| t.name == n));
        let mut attrs = Vec::new();
        for words in &self.uses.phrases {
            let name = words.join("_");
            self.model.defines.push(format!("define {} := {object}.{name} = true", words.join(" ")));
            attrs.push(Typed { name, ty: Some("bool".to_string()) });
        }
        let remarks = vec!["the notes do not say what these phrases are read from".to_string()];
        self.model.truths.push(Truth { name: object, key: None, attrs, remarks });
    }

    fn protocols(&mut self, protocols: &[Parsed]) {
        for (index, protocol) in protocols.iter().enumerate() {
            let taken = |n: &str| {
                self.uses.actors.iter().any(|a| a == n) || self.model.protocols.iter().any(|(p, _)| p == n)
            };
            let base = if taken(&protocol.name) {
                format!("{}_protocol", protocol.name)
            } else {
                protocol.name.clone()
            };
            let name = unique(&base, taken);
            let keyed =
                self.uses.reads.iter().find(|(p, truth)| *p == index && self.uses.keyed.contains(truth));
            let subject = keyed.map(|(_, truth)| snake_object(truth));
            self.model.protocols.push((name, subject));
        }
    }

    /// An enum with one constant says nothing: the notes name only the one that a guard asks for.
    fn lone_constants(&mut self) {
        let mut warned: Vec<usize> = Vec::new();
        for (place, _) in self.uses.table.places() {
            let root = self.uses.table.root(place);
            let [constant] = self.uses.table.known(root).constants.as_slice() else { continue };
            if !warned.contains(&root) {
                warned.push(root);
                let name = self.uses.table.describe(root);
                let warning =
                    format!("the notes have only the constant {constant} of `{name}`; declare the others");
                self.model.warnings.push(warning);
            }
        }
    }

    /// Two instances of every actor that some type tells apart.
    fn count_actors(&mut self) {
        let mut types: Vec<String> = Vec::new();
        for attr in self
            .model
            .truths
            .iter()
            .flat_map(|t| &t.attrs)
            .chain(self.model.actors.iter().flat_map(|a| &a.locals))
        {
            let words =
                attr.ty.iter().flat_map(|t| t.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
            words.filter(|w| is_ident(w)).for_each(|w| push_new(&mut types, w));
        }
        types.extend(self.model.truths.iter().filter_map(|t| t.key.clone()));
        for actor in &mut self.model.actors {
            actor.two = types.contains(&actor.name);
        }
    }
}

/// What is said about truth that only the guards mention.
const NOT_LISTED: &str = "not listed in the notes";
