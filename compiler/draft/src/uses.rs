//! What the guards mention: every attribute, word and phrase, and what is said about each.

use crate::names::{is_constant, is_object};
use crate::notes::Section;
use crate::types::{Facts, Place, Table};
use arch_base::FileId;
use arch_grammar::ast::{BinaryOp, Chain, Expr, ExprKind, ItemKind, Protocol, Step, UnaryOp};

/// A protocol of the notes that parses.
#[derive(Clone, Debug)]
pub(crate) struct Parsed {
    /// Its name.
    pub name: String,
    /// Its lines, as they are embedded.
    pub text: String,
    /// What they say.
    tree: Protocol,
}

impl Parsed {
    /// All steps, the main chain's first.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        std::iter::once(&self.tree.main).chain(&self.tree.branches).flat_map(|c: &Chain| &c.steps)
    }
}

/// Parses the section's blocks; also says what is wrong with those that do not parse.
pub(crate) fn parse_blocks(section: &Section) -> (Vec<Parsed>, Vec<String>) {
    let mut parsed = Vec::new();
    let mut broken = Vec::new();
    for block in &section.blocks {
        let text = format!("protocol {} {{\n{}}}\n", block.name, block.text);
        match parse_one(&text) {
            Ok(tree) => parsed.push(Parsed { name: block.name.clone(), text: block.text.clone(), tree }),
            Err(why) => broken.push(complaint(section, &block.heading, &why)),
        }
    }
    (parsed, broken)
}

fn parse_one(text: &str) -> Result<Protocol, String> {
    let module = arch_grammar::parse(FileId(0), text).map_err(|found| {
        let first = found.into_iter().next();
        first.map_or_else(|| "it does not parse".to_string(), |d| describe(text, &d))
    })?;
    let protocol = module.items.into_iter().find_map(|item| match item.kind {
        ItemKind::Protocol(p) => Some(p),
        _ => None,
    });
    protocol.ok_or_else(|| "it is not a protocol".to_string())
}

/// The message, with the line that it is about.
fn describe(text: &str, diagnostic: &arch_base::Diagnostic) -> String {
    let at = diagnostic.span().map_or(0, |s| s.start as usize);
    let number = text.get(..at).map_or(0, |before| before.matches('\n').count());
    let line: String = text.lines().nth(number).unwrap_or_default().trim().chars().take(120).collect();
    format!("{} (in `{line}`)", diagnostic.message)
}

fn complaint(section: &Section, heading: &str, why: &str) -> String {
    match &section.id {
        Some(id) => format!("{id}: `{heading} protocol:` was left out: {why}"),
        None => format!("`{heading} protocol:` was left out: {why}"),
    }
}

/// Everything that the guards of a section mention, in the order in which they do.
#[derive(Default, Debug)]
pub(crate) struct Uses {
    /// Attributes and words, with what is known about each.
    pub table: Table,
    /// Who acts.
    pub actors: Vec<String>,
    /// What is done.
    pub operations: Vec<String>,
    /// `quorum reachable`
    pub phrases: Vec<Vec<String>>,
    /// `X.version fresh`: where, and the word.
    pub postfixes: Vec<(usize, String)>,
    /// `all upstream StageState.status = …`: the word and the truth.
    pub relations: Vec<(String, String)>,
    /// Truth that is quantified over, hence keyed.
    pub keyed: Vec<String>,
    /// Which protocol reads which truth.
    pub reads: Vec<(usize, String)>,
    /// What the inference does not follow.
    pub warnings: Vec<String>,
    /// The truth objects that are listed.
    listed: Vec<String>,
    /// The protocol that is being read.
    protocol: usize,
}

/// What one side of a comparison is.
enum Term {
    Place(usize),
    Null,
    Bool,
    Unknown,
    Constant(String),
    Number,
    Time,
    Actor(String),
    Other,
}

/// Reads all guards.
pub(crate) fn collect(section: &Section, protocols: &[Parsed]) -> Uses {
    let mut uses = Uses { listed: section.truth.iter().map(|t| t.name.clone()).collect(), ..Uses::default() };
    for step in protocols.iter().flat_map(Parsed::steps) {
        push_new(&mut uses.actors, &step.actor.name);
        push_new(&mut uses.operations, &step.operation.name);
    }
    for (index, protocol) in protocols.iter().enumerate() {
        uses.protocol = index;
        for step in protocol.steps() {
            if let Some(guard) = &step.guard {
                uses.condition(guard, &step.actor.name);
            }
        }
    }
    uses
}

/// Adds a name that is not there yet.
pub(crate) fn push_new(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|n| n == name) {
        names.push(name.to_string());
    }
}

impl Uses {
    /// Reads an expression that is true or false.
    fn condition(&mut self, expr: &Expr, actor: &str) {
        match &expr.kind {
            ExprKind::Binary(BinaryOp::And | BinaryOp::Or | BinaryOp::Implies, l, r) => {
                self.condition(l, actor);
                self.condition(r, actor);
            }
            ExprKind::Binary(BinaryOp::In | BinaryOp::NotIn, l, r) => self.membership(l, r, actor),
            ExprKind::Binary(op, l, r) => self.compare(*op, l, r, actor),
            ExprKind::Unary(UnaryOp::Not, e) | ExprKind::Paren(e) => self.condition(e, actor),
            ExprKind::Postfix(e, word) => self.postfix(e, &word.name, actor),
            ExprKind::Phrase(words) => {
                let words: Vec<String> = words.iter().map(|w| w.name.clone()).collect();
                self.phrase(words, actor);
            }
            ExprKind::QuantifiedTruth(_, relation, claim) => {
                self.quantified(relation.as_ref().map(|r| r.name.as_str()), claim, actor);
            }
            _ => {
                if let Term::Place(place) = self.term(expr, actor) {
                    self.table.facts(place).boolean = true;
                }
            }
        }
    }

    fn postfix(&mut self, expr: &Expr, word: &str, actor: &str) {
        let Term::Place(place) = self.term(expr, actor) else { return };
        if matches!(word, "absent" | "present") {
            self.absent(place, actor);
            return;
        }
        self.postfixes.push((place, word.to_string()));
        let bound =
            self.table.place(Place::Local { actor: actor.to_string(), name: format!("required_{word}") });
        self.table.facts(place).ordered = true;
        self.table.union(place, bound);
    }

    fn absent(&mut self, place: usize, actor: &str) {
        let facts = self.table.facts(place);
        facts.optional = true;
        facts.asked_by.get_or_insert_with(|| actor.to_string());
    }

    fn phrase(&mut self, words: Vec<String>, actor: &str) {
        if let [word, asked] = words.as_slice()
            && matches!(asked.as_str(), "absent" | "present")
        {
            let place = self.word(word, actor);
            self.absent(place, actor);
        } else if !self.phrases.contains(&words) {
            self.phrases.push(words);
        }
    }

    fn quantified(&mut self, relation: Option<&str>, claim: &Expr, actor: &str) {
        let before = self.reads.len();
        self.condition(claim, actor);
        let Some((_, truth)) = self.reads.get(before).cloned() else { return };
        push_new(&mut self.keyed, &truth);
        if let Some(word) = relation {
            let pair = (word.to_string(), truth);
            if !self.relations.contains(&pair) {
                self.relations.push(pair);
            }
        }
    }

    fn membership(&mut self, element: &Expr, set: &Expr, actor: &str) {
        let (element, set) = (self.term(element, actor), self.term(set, actor));
        if let (Term::Place(element), Term::Place(set)) = (element, set) {
            self.table.facts(element).member = true;
            self.table.facts(set).set_of = Some(element);
        }
    }

    fn compare(&mut self, op: BinaryOp, left: &Expr, right: &Expr, actor: &str) {
        let ordered = matches!(op, BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge);
        match (self.term(left, actor), self.term(right, actor)) {
            (Term::Place(a), Term::Place(b)) => {
                self.table.facts(a).ordered |= ordered;
                self.table.union(a, b);
            }
            (Term::Place(place), other) | (other, Term::Place(place)) => {
                self.fact(place, other, ordered, actor)
            }
            _ => {}
        }
    }

    /// What a comparison with a value says.
    fn fact(&mut self, place: usize, with: Term, ordered: bool, actor: &str) {
        if matches!(with, Term::Null) {
            return self.absent(place, actor);
        }
        let facts: &mut Facts = self.table.facts(place);
        facts.ordered |= ordered;
        match with {
            Term::Bool => facts.boolean = true,
            Term::Unknown => facts.tri = true,
            Term::Constant(name) => push_new(&mut facts.constants, &name),
            Term::Number => facts.number = true,
            Term::Time => facts.time = true,
            Term::Actor(name) => push_new(&mut facts.actors, &name),
            Term::Place(_) | Term::Null | Term::Other => {}
        }
    }

    /// Reads a value.
    fn term(&mut self, expr: &Expr, actor: &str) -> Term {
        match &expr.kind {
            ExprKind::Int(_) => Term::Number,
            ExprKind::Bool(_) => Term::Bool,
            ExprKind::Null => Term::Null,
            ExprKind::Unknown => Term::Unknown,
            ExprKind::Now => Term::Time,
            ExprKind::SelfRef => Term::Actor(actor.to_string()),
            ExprKind::Paren(e) => self.term(e, actor),
            ExprKind::Name(n) if is_constant(&n.name) => Term::Constant(n.name.clone()),
            ExprKind::Name(n) if self.actors.contains(&n.name) => Term::Actor(n.name.clone()),
            ExprKind::Name(n) => Term::Place(self.word(&n.name, actor)),
            ExprKind::Field(base, name) => self.field(base, &name.name, actor),
            ExprKind::Unary(UnaryOp::Neg, e) => self.arithmetic(&[e], actor),
            ExprKind::Binary(BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Mod, l, r) => {
                self.arithmetic(&[l, r], actor)
            }
            ExprKind::Set(values) | ExprKind::Seq(values) => {
                values.iter().for_each(|v| drop(self.term(v, actor)));
                Term::Other
            }
            ExprKind::Call(base, arguments) => {
                self.warn(expr);
                self.term(base, actor);
                arguments.iter().for_each(|a| drop(self.term(&a.value, actor)));
                Term::Other
            }
            _ => self.unfollowed(expr),
        }
    }

    fn unfollowed(&mut self, expr: &Expr) -> Term {
        self.warn(expr);
        Term::Other
    }

    fn warn(&mut self, expr: &Expr) {
        let text = arch_grammar::print_expression(expr);
        push_new(&mut self.warnings, &format!("nothing was inferred from `{text}`; declare what it reads"));
    }

    /// `now - ttl`, `x + 1`
    fn arithmetic(&mut self, sides: &[&Expr], actor: &str) -> Term {
        let terms: Vec<Term> = sides.iter().map(|e| self.term(e, actor)).collect();
        let time = terms.iter().any(|t| matches!(t, Term::Time));
        for term in &terms {
            if let Term::Place(place) = term {
                let facts = self.table.facts(*place);
                facts.number = true;
                facts.duration |= time;
            }
        }
        if time { Term::Time } else { Term::Number }
    }

    /// A bare word: something that the acting actor knows.
    fn word(&mut self, name: &str, actor: &str) -> usize {
        self.table.place(Place::Local { actor: actor.to_string(), name: name.to_string() })
    }

    /// `LeaseState.expiry_at`, `X[k].a`, `statement.key_id`, `worker.my_attempt`
    fn field(&mut self, base: &Expr, name: &str, actor: &str) -> Term {
        match &base.kind {
            ExprKind::Name(b) if is_object(&b.name) || self.listed.contains(&b.name) => {
                Term::Place(self.attribute(&b.name, name))
            }
            ExprKind::Name(b) if self.actors.contains(&b.name) => Term::Place(self.word(name, &b.name)),
            ExprKind::Name(b) => {
                let (actor, local) = (actor.to_string(), b.name.clone());
                Term::Place(self.table.place(Place::Field { actor, local, name: name.to_string() }))
            }
            ExprKind::Index(truth, keys) => {
                keys.iter().for_each(|k| drop(self.term(k, actor)));
                let ExprKind::Name(truth) = &truth.kind else { return Term::Other };
                push_new(&mut self.keyed, &truth.name);
                Term::Place(self.attribute(&truth.name, name))
            }
            _ => self.unfollowed(base),
        }
    }

    fn attribute(&mut self, truth: &str, name: &str) -> usize {
        self.reads.push((self.protocol, truth.to_string()));
        self.table.place(Place::Attr { truth: truth.to_string(), name: name.to_string() })
    }
}
