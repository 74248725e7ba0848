//! Writing the declarations down; the printer lays them out.

use crate::header::{Field, FieldKind};
use crate::infer::{Actor, Model, Truth, Typed};
use crate::names;
use crate::notes::Section;
use crate::uses::Parsed;

/// The text of a draft.
pub(crate) fn module(section: &Section, model: &Model, protocols: &[Parsed]) -> String {
    let groups = [
        header(section),
        model.consts.iter().map(|(name, value)| format!("const {name} = {value}")).collect(),
        lists(model),
        model.truths.iter().map(truth).collect(),
        model.actors.iter().map(actor).collect(),
        model.defines.clone(),
        blocks(model, protocols),
        model.operations.iter().map(|op| format!("on {op} {{ todo }}")).collect(),
        failures(section),
    ];
    let parts: Vec<String> = groups.iter().filter(|g| !g.is_empty()).map(|g| g.join("\n")).collect();
    parts.join("\n\n") + "\n"
}

/// Ordinals, identities, enums and records.
fn lists(model: &Model) -> Vec<String> {
    let mut out = Vec::new();
    if !model.ordinals.is_empty() {
        out.push(format!("ordinal {}", model.ordinals.join(", ")));
    }
    out.extend(model.ids.iter().map(|id| format!("id {id} * 2")));
    out.extend(
        model.enums.iter().map(|(name, constants)| format!("enum {name} {{ {} }}", constants.join(", "))),
    );
    out.extend(
        model.records.iter().map(|(name, fields)| format!("record {name} {{ {} }}", record_fields(fields))),
    );
    out
}

/// A record's fields need a type.
fn record_fields(fields: &[Typed]) -> String {
    let field = |f: &Typed| format!("{}: {}", f.name, f.ty.as_deref().unwrap_or("bool"));
    fields.iter().map(field).collect::<Vec<_>>().join(", ")
}

fn typed(attrs: &[Typed]) -> String {
    let one = |a: &Typed| a.ty.as_ref().map_or_else(|| a.name.clone(), |ty| format!("{}: {ty}", a.name));
    attrs.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn truth(truth: &Truth) -> String {
    let key = truth.key.as_ref().map(|k| format!("[{k}]")).unwrap_or_default();
    let remarks =
        if truth.remarks.is_empty() { String::new() } else { format!("   // {}", truth.remarks.join("; ")) };
    let attrs = typed(&truth.attrs);
    let body = if attrs.is_empty() { "{}".to_string() } else { format!("{{ {attrs} }}") };
    format!("truth {}{key} {body}{remarks}", truth.name)
}

fn actor(actor: &Actor) -> String {
    let count = if actor.two { " * 2" } else { "" };
    let locals =
        if actor.locals.is_empty() { String::new() } else { format!(" {{ {} }}", typed(&actor.locals)) };
    format!("actor {}{count}{locals}", actor.name)
}

/// The protocol blocks, as the notes have them, apart by a blank line.
fn blocks(model: &Model, protocols: &[Parsed]) -> Vec<String> {
    let block = |((name, subject), parsed): (&(String, Option<String>), &Parsed)| {
        let each = subject.as_ref().map(|s| format!(" for each {s}")).unwrap_or_default();
        format!("protocol {name}{each} {{\n{}}}", parsed.text)
    };
    let all: Vec<String> = model.protocols.iter().zip(protocols).map(block).collect();
    if all.is_empty() { Vec::new() } else { vec![all.join("\n\n")] }
}

/// `archetype I02 "…" { … }`; nothing for a fragment.
fn header(section: &Section) -> Vec<String> {
    let fields = &section.header.fields;
    if section.id.is_none() && fields.is_empty() {
        return Vec::new();
    }
    let id = section.id.as_deref().unwrap_or("Draft");
    let title = section.title.as_ref().map(|t| format!(" {}", quoted(t))).unwrap_or_default();
    let mut out = vec![format!("archetype {id}{title}")];
    if !fields.is_empty() {
        out[0].push_str(" {");
        out.extend(fields.iter().map(|(field, value)| format!("  {}: {}", field.key, values(*field, value))));
        out.push("}".to_string());
    }
    out
}

fn values(field: Field, value: &str) -> String {
    let is_name: fn(&str) -> bool = match field.kind {
        FieldKind::Whole => return quoted(value),
        FieldKind::Names => names::is_ident,
        FieldKind::Texts => names::is_archetype,
    };
    let parts = value.split(',').map(str::trim).filter(|v| !v.is_empty());
    let parts: Vec<String> = parts.map(|v| if is_name(v) { v.to_string() } else { quoted(v) }).collect();
    parts.join(", ")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The failure modes, for whoever turns them into `failure` declarations.
fn failures(section: &Section) -> Vec<String> {
    let modes = &section.header.failures;
    if modes.is_empty() {
        return Vec::new();
    }
    let line = |(depth, text): &(usize, String)| format!("//   {}{text}", "  ".repeat(*depth));
    std::iter::once("// Failure modes of the notes:".to_string()).chain(modes.iter().map(line)).collect()
}
