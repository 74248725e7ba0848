//! Declarations.

use super::effects::block_item;
use super::exprs::{breakable_binder, expr};
use super::protocols;
use super::types::ty;
use super::words::*;
use super::writer::{Place, Writer};
use crate::ast::*;
use arch_base::Span;

/// A declaration with a braced list.
struct Listed {
    head: String,
    /// Where the last known part of the head ends.
    head_end: u32,
    entries: Vec<(Place, String)>,
    /// What stands between entries on one line.
    between: &'static str,
    /// What stands after each entry on a line of its own.
    after: &'static str,
}

pub(super) fn module(writer: &mut Writer<'_>, module: &Module) {
    if let Some(header) = &module.header {
        self::header(writer, header);
    }
    for each in &module.items {
        item(writer, each);
    }
}

fn header(writer: &mut Writer<'_>, header: &Header) {
    let title = header.title.as_ref().map_or_else(String::new, |t| format!(" {}", quoted(t)));
    let head = format!("archetype {}{title}", header.id.name);
    if header.fields.is_empty() {
        return writer.line(header.span, &head);
    }
    let head_end = header.title.as_ref().map_or(header.id.span.end, |t| t.span.end);
    let entries = header.fields.iter().map(|f| (f.span.into(), header_field(f))).collect();
    list(writer, header.span, Listed { head, head_end, entries, between: "; ", after: "" });
}

fn header_field(field: &HeaderField) -> String {
    let key = field.key.iter().map(|w| w.name.as_str()).collect::<Vec<_>>().join(" ");
    let value = |value: &HeaderValue| match value {
        HeaderValue::Name(name) => name.name.clone(),
        HeaderValue::Text(text) => quoted(text),
    };
    format!("{key}: {}", comma_list(&field.values, value))
}

/// A declaration with its lines.
pub(super) fn item(writer: &mut Writer<'_>, item: &Item) {
    match &item.kind {
        ItemKind::Protocol(of) => protocols::protocol(writer, of, item.span),
        ItemKind::Rules(of) => protocols::rules(writer, of, item.span),
        ItemKind::On(OnDecl { body: Some(body), .. })
        | ItemKind::Rejects(Rejects { body: Some(body), .. }) => {
            block_item(writer, &plain(&item.kind), item.span, body);
        }
        kind => match listed(kind, item.span) {
            Some(of) => list(writer, item.span, of),
            None => writer.line(item.span, &plain(kind)),
        },
    }
}

/// A braced list: on one line if it was and fits.
fn list(writer: &mut Writer<'_>, span: Span, of: Listed) {
    let pieces: Vec<&str> = of.entries.iter().map(|(_, text)| text.as_str()).collect();
    let line = match pieces.as_slice() {
        [] => format!("{} {{}}", of.head),
        some => format!("{} {{ {} }}", of.head, some.join(of.between)),
    };
    if writer.on_one_line(span, &line) || pieces.is_empty() && !writer.has_comment(span) {
        return writer.line(span, &line);
    }
    writer.open(Place { start: span.start as usize, end: of.head_end as usize }, &of.head);
    for (place, text) in &of.entries {
        writer.line(*place, &format!("{text}{}", of.after));
    }
    writer.close(span.end as usize);
}

/// The declarations that are a head with a braced list.
fn listed(kind: &ItemKind, span: Span) -> Option<Listed> {
    let head = plain(kind);
    let (head_end, entries, between, after) = match kind {
        ItemKind::Enum(of) => {
            let entries = of.variants.iter().map(|v| (v.span.into(), v.name.clone())).collect();
            (of.name.span.end, entries, ", ", ",")
        }
        ItemKind::Record(of) => {
            let entries =
                of.fields.iter().map(|f| (Place::between(f.name.span, f.ty.span), field(f))).collect();
            (of.name.span.end, entries, ", ", ",")
        }
        ItemKind::Union(of) => (of.name.span.end, of.variants.iter().map(variant).collect(), ", ", ","),
        ItemKind::Actor(of) if !of.locals.is_empty() => (sort_end(of), attrs(&of.locals), ", ", ""),
        ItemKind::Truth(of) => (truth_end(of), attrs(&of.attrs), ", ", ""),
        ItemKind::Faults(list) => {
            let entries = list.iter().map(|f| (f.span.into(), fault(f))).collect();
            (span.start + "faults".len() as u32, entries, "; ", "")
        }
        ItemKind::Failure(of) => {
            let entries = of.clauses.iter().map(|c| (c.span.into(), clause(c))).collect();
            (of.name.span.end, entries, "; ", "")
        }
        ItemKind::Instance(of) => (of.name.span.end, instance_entries(of), ", ", ""),
        ItemKind::Composition(of) if !of.mapping.is_empty() => {
            let end = of.name.as_ref().map_or(of.path.span.end, |n| n.span.end);
            (end, of.mapping.iter().map(setting_entry).collect(), ", ", "")
        }
        _ => return None,
    };
    Some(Listed { head, head_end, entries, between, after })
}

fn sort_end(of: &SortDecl) -> u32 {
    let count = of.count.as_ref().map(|e| e.span);
    let parts = [Some(of.name.span), count, of.ring, of.concurrent];
    parts.into_iter().flatten().map(|s| s.end).max().unwrap_or_default()
}

fn truth_end(of: &TruthDecl) -> u32 {
    let key = of.keys.last().map(|k| k.ty.span);
    let place = of.place.as_ref().map(|p| p.span);
    [Some(of.name.span), key, place].into_iter().flatten().map(|s| s.end).max().unwrap_or_default()
}

fn variant(of: &VariantDecl) -> (Place, String) {
    let mut text = of.name.name.clone();
    let mut end = of.name.span;
    if let Some(last) = of.fields.last() {
        text.push_str(&format!("({})", fields(&of.fields)));
        end = last.ty.span;
    }
    if let Some(last) = of.key.last() {
        text.push_str(&format!(" key ({})", names(&of.key)));
        end = last.span;
    }
    (Place::between(of.name.span, end), text)
}

fn attrs(list: &[AttrDecl]) -> Vec<(Place, String)> {
    list.iter().map(|a| (a.span.into(), attr(a))).collect()
}

fn attr(of: &AttrDecl) -> String {
    let ty = of.ty.as_ref().map_or_else(String::new, |t| format!(": {}", ty(t)));
    let value = match &of.value {
        None => String::new(),
        Some(AttrValue::Init(value)) => format!(" = {}", expr(value)),
        Some(AttrValue::Any(_)) => " = any".to_owned(),
        Some(AttrValue::Derived(value)) => format!(" := {}", expr(value)),
    };
    format!("{}{ty}{value}", of.name.name)
}

fn setting_entry(of: &(Ident, Expr)) -> (Place, String) {
    (Place::between(of.0.span, of.1.span), setting(of))
}

/// Settings and expectations in the order of the source.
fn instance_entries(of: &InstanceDecl) -> Vec<(Place, String)> {
    let mut entries: Vec<_> = of.settings.iter().map(setting_entry).collect();
    entries.extend(of.expectations.iter().map(|e| (e.span.into(), expectation(e))));
    entries.extend(of.no_failures.iter().map(|span| ((*span).into(), "no failures".to_owned())));
    entries.sort_by_key(|(place, _)| place.start);
    entries
}

/// A declaration without its block.
fn plain(kind: &ItemKind) -> String {
    match kind {
        ItemKind::Const(of) => format!("const {} = {}", of.name.name, expr(&of.value)),
        ItemKind::Ordinal(list) => format!("ordinal {}", names(list)),
        ItemKind::Enum(of) => format!("enum {}", of.name.name),
        ItemKind::Record(of) => format!("record {}", of.name.name),
        ItemKind::Union(of) => format!("one of {}", of.name.name),
        ItemKind::Id(of) => format!("id {}", sort(of)),
        ItemKind::Actor(of) => format!("actor {}", sort(of)),
        ItemKind::Role(of) if of.same_instance => format!("role {} is {}", of.name.name, of.actor.name),
        ItemKind::Role(of) => format!("role {}: {}", of.name.name, of.actor.name),
        ItemKind::Truth(of) => truth(of),
        ItemKind::View(of) => view(of),
        ItemKind::Define(of) => define(of),
        ItemKind::Property(of) => property(of),
        ItemKind::Faults(_) => "faults".to_owned(),
        ItemKind::Failure(of) => format!("failure {}", quoted(&of.name)),
        ItemKind::Instance(of) => format!("instance {}", of.name.name),
        ItemKind::Expect(of) => expectation(of),
        ItemKind::Redundant(of) => format!("redundant {} {}", target(&of.target), quoted(&of.why)),
        ItemKind::Allow(of) => {
            let why = of.why.as_ref().map_or_else(String::new, |t| format!(" {}", quoted(t)));
            let at = of.at.as_ref().map_or_else(String::new, |step| format!(" at {}", op_ref(step)));
            format!("allow {}{at}{why}", of.check.name)
        }
        ItemKind::Composition(of) => composition(of),
        ItemKind::Protocol(of) => format!("protocol {}", of.name.name),
        ItemKind::Rules(of) => format!("rules{}", for_each(&of.subjects)),
        kind => step_item(kind),
    }
}

/// The declarations about steps.
fn step_item(kind: &ItemKind) -> String {
    match kind {
        ItemKind::On(of) => on_head(of),
        ItemKind::Rejects(of) => format!("rejects {} => {}", op_ref(&of.target), of.outcome.name),
        ItemKind::Branch(of) => format!("branch {} {}", op_ref(&of.target), window(&of.window)),
        ItemKind::Loop(steps) => format!("loop {}", op_refs(steps)),
        ItemKind::Each(of) => format!("each {}: {}", op_ref(&of.target), of.sort.name),
        ItemKind::Spawn(of) => format!("spawn {}{}", op_ref(&of.target), for_each(&of.subjects)),
        ItemKind::Join(step) => format!("join {}", op_ref(step)),
        ItemKind::Split(of) => split(of),
        ItemKind::Fairness(of) => {
            format!("{} {}", if of.strong { "fair" } else { "unfair" }, op_refs(&of.targets))
        }
        ItemKind::Timing(of) => timing(of),
        ItemKind::Outcome(of) => format!("outcome {} {}", of.word.name, outcome_action(&of.action)),
        _ => String::new(),
    }
}

fn sort(of: &SortDecl) -> String {
    let count = of.count.as_ref().map_or_else(String::new, |n| format!(" * {}", expr(n)));
    let ring = if of.ring.is_some() { " ring" } else { "" };
    let concurrent = if of.concurrent.is_some() { " concurrent" } else { "" };
    format!("{}{count}{ring}{concurrent}", of.name.name)
}

fn truth(of: &TruthDecl) -> String {
    let ghost = if of.ghost.is_some() { "ghost " } else { "" };
    let place = of.place.as_ref().map_or_else(String::new, |p| format!(" at {}", p.name));
    match of.keys.as_slice() {
        [] => format!("{ghost}truth {}{place}", of.name.name),
        keys => format!("{ghost}truth {}[{}]{place}", of.name.name, comma_list(keys, truth_key)),
    }
}

fn truth_key(of: &TruthKey) -> String {
    let name = of.name.as_ref().map_or_else(String::new, |n| format!("{}: ", n.name));
    format!("{name}{}", ty(&of.ty))
}

fn view(of: &ViewDecl) -> String {
    let start = format!("view {} at {}", of.truth.name, of.actor.name);
    match of.refreshed_by.as_slice() {
        [] => start,
        steps => format!("{start} refreshed by {}", op_refs(steps)),
    }
}

fn window(window: &BranchWindow) -> String {
    match window {
        BranchWindow::After(step) => format!("after {}", op_ref(step)),
        BranchWindow::At(step) => format!("at {}", op_ref(step)),
        BranchWindow::Before(step) => format!("before {}", op_ref(step)),
        BranchWindow::AtStart(_) => "at start".to_owned(),
        BranchWindow::Detached(_) => "detached".to_owned(),
    }
}

fn timing(of: &TimingDecl) -> String {
    let (word, link) = match of.kind {
        TimingKind::Urgent => ("urgent", ""),
        TimingKind::Deadline => ("deadline", "within"),
        TimingKind::Pace => ("pace", "every"),
    };
    let ticks = of.ticks.as_ref().map_or_else(String::new, |n| format!(" {link} {}", expr(n)));
    format!("{word} {}{ticks}", op_ref(&of.target))
}

fn outcome_action(action: &OutcomeAction) -> String {
    match action {
        OutcomeAction::Ends => "ends".to_owned(),
        OutcomeAction::Rearms => "rearms".to_owned(),
        OutcomeAction::Starts(protocol, step) => format!("starts {} at {}", protocol.name, op_ref(step)),
        OutcomeAction::Resumes(protocol, step) => format!("resumes {} at {}", protocol.name, op_ref(step)),
    }
}

fn define(of: &DefineDecl) -> String {
    let at = |step: &Option<OpRef>| step.as_ref().map_or_else(String::new, |s| format!(" at {}", op_ref(s)));
    let form = match &of.form {
        DefineForm::Name { name, at: step } => format!("{}{}", name.name, at(step)),
        DefineForm::Function { name, parameters } => format!("{}({})", name.name, fields(parameters)),
        DefineForm::Postfix { subject, word } => format!("({}) {}", field(subject), word.name),
        DefineForm::Phrase { words, at: step } => {
            let words: Vec<&str> = words.iter().map(|w| w.name.as_str()).collect();
            format!("{}{}", words.join(" "), at(step))
        }
        DefineForm::Relation { left, word, right } => {
            format!("({}) {} ({})", field(left), word.name, field(right))
        }
    };
    let ty = of.ty.as_ref().map_or_else(String::new, |t| format!(": {}", ty(t)));
    format!("define {form}{ty} := {}", expr(&of.body))
}

fn property(of: &PropertyDecl) -> String {
    let binders = of.binders.iter().map(|b| format!(" for each {}:", breakable_binder(b)));
    format!("property {}:{} {}", of.name.name, binders.collect::<String>(), form(&of.form))
}

fn form(of: &PropertyForm) -> String {
    match of {
        PropertyForm::Always(p) => format!("always {}", expr(p)),
        PropertyForm::Never(p) => format!("never {}", expr(p)),
        PropertyForm::At(step, p) => format!("at {}: {}", op_ref(step), expr(p)),
        PropertyForm::After(step, p) => format!("after {}: {}", op_ref(step), expr(p)),
        PropertyForm::Monotonic(x) => format!("monotonic {}", expr(x)),
        PropertyForm::Reachable(p) => format!("reachable {}", expr(p)),
        PropertyForm::AlwaysPossible(p) => format!("always possible {}", expr(p)),
        PropertyForm::LeadsTo(p, q) => format!("{} leads to {}", expr(p), expr(q)),
        PropertyForm::Eventually(p) => format!("eventually {}", expr(p)),
        PropertyForm::AlwaysEventually(p) => format!("always eventually {}", expr(p)),
        PropertyForm::Template(name, arguments) => {
            format!("use {}({})", name.name, comma_list(arguments, expr))
        }
    }
}

fn composition(of: &CompositionDecl) -> String {
    let name = of.name.as_ref().map_or_else(String::new, |n| format!(" as {}", n.name));
    let with = if of.mapping.is_empty() { "" } else { " with" };
    format!("{} {}{name}{with}", of.keyword.name, quoted(&of.path))
}
