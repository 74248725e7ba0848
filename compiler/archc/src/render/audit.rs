//! An audit, for people and as JSON.

use super::{json, trace};
use crate::audit::{Audit, Audited, Claim, Class, Kind, Mask};
use crate::outcome::{PropertyOutcome, SpecOutcome, counted, thousands};
use crate::style::{Paint, Style};
use arch_base::SourceMap;
use serde_json::{Map, Value, json};

/// What is told beside the classes.
#[derive(Clone, Copy, Debug)]
pub struct Detail<'a> {
    /// Whether all behaviours are.
    pub traces: bool,
    /// The parts of which the behaviour is.
    pub items: &'a [String],
    /// Whether a redundant guard needs a reason.
    pub strict: bool,
}

impl Detail<'_> {
    fn tells(&self, audited: &Audited) -> bool {
        self.traces || self.items.contains(&audited.item.id)
    }
}

/// The groups of a report, and what is in each beside the steps.
const GROUPS: [(&str, &[Kind]); 2] =
    [("branches and protocols", &[Kind::Branch, Kind::Protocol]), ("faults", &[Kind::Fault, Kind::Budget])];

/// One spec: a first line with everything, then a line per part, by step, and the behaviours that are asked for.
#[must_use]
pub fn text(
    file: &str,
    instance: Option<&str>,
    audit: &Audit,
    detail: Detail<'_>,
    sources: &SourceMap,
    paint: Paint,
) -> String {
    let mut text = format!("{}\n", headline(file, instance, audit, paint));
    let widths = Widths::of(audit);
    for (title, group) in groups(audit) {
        text.push_str(&format!("\n  {}\n", paint.paint(Style::Name, &title)));
        for audited in group {
            text.push_str(&line(audited, widths, detail.strict, paint));
        }
    }
    text.push_str(&claims(&audit.claims, paint));
    for audited in audit.items.iter().filter(|a| detail.tells(a)) {
        text.push_str(&behaviours(audited, sources, paint));
    }
    text
}

fn headline(file: &str, instance: Option<&str>, audit: &Audit, paint: Paint) -> String {
    let mut parts = vec![format!("{} {file}", paint.paint(Style::Name, "AUDIT"))];
    parts.extend(instance.map(|i| format!("instance {i}")));
    parts.push(counted(audit.items.len() as u64, "part"));
    for class in Class::ALL {
        let count = audit.items.iter().filter(|a| a.class == class).count() as u64;
        if count > 0 {
            parts.push(format!("{} {}", thousands(count), class.word()));
        }
    }
    parts.push(match audit.violated.as_slice() {
        [] => "as written, everything holds".to_owned(),
        some => format!("as written, violates {}", some.join(", ")),
    });
    if let Some(open) = &audit.open {
        parts.pop();
        parts.push(open.clone());
    }
    parts.push(counted(audit.states, "state"));
    parts.join(" · ")
}

/// The parts of each step, then the others.
fn groups(audit: &Audit) -> Vec<(String, Vec<&Audited>)> {
    let mut groups: Vec<(String, Vec<&Audited>)> = Vec::new();
    for audited in &audit.items {
        let Some(step) = &audited.item.step else { continue };
        match groups.iter_mut().find(|(name, _)| name == step) {
            Some((_, group)) => group.push(audited),
            None => groups.push((step.clone(), vec![audited])),
        }
    }
    for (title, kinds) in GROUPS {
        let group: Vec<&Audited> = audit.items.iter().filter(|a| kinds.contains(&a.item.kind)).collect();
        if !group.is_empty() {
            groups.push((title.to_owned(), group));
        }
    }
    groups
}

/// How wide the columns are.
#[derive(Clone, Copy)]
struct Widths {
    id: usize,
    text: usize,
}

/// What a part says is cut at so many characters.
const LONG: usize = 48;

impl Widths {
    fn of(audit: &Audit) -> Widths {
        let widest = |f: &dyn Fn(&Audited) -> String| {
            audit.items.iter().map(|a| f(a).chars().count()).max().unwrap_or(0)
        };
        Widths { id: widest(&|a| a.item.id.clone()), text: widest(&shown) }
    }
}

/// What a part says, if its name does not say it.
fn shown(audited: &Audited) -> String {
    match audited.item.kind {
        Kind::Atom | Kind::Effect => {
            let text = &audited.item.text;
            match text.char_indices().nth(LONG) {
                Some((cut, _)) => format!("{}…", &text[..cut]),
                None => text.clone(),
            }
        }
        _ => String::new(),
    }
}

fn style(class: Class) -> Style {
    match class {
        Class::LoadBearing => Style::Good,
        Class::Masked | Class::Unobserved | Class::Inconclusive => Style::Open,
        Class::Redundant => Style::Faint,
        Class::Harmful => Style::Bad,
    }
}

fn line(audited: &Audited, widths: Widths, strict: bool, paint: Paint) -> String {
    let Widths { id, text } = widths;
    let class = paint.paint(style(audited.class), &format!("{:<12}", audited.class.word()));
    let remark = remark(audited, strict);
    let line = format!("    {class}  {:id$}  {:text$}  {remark}", audited.item.id, shown(audited));
    format!("{}\n", line.trim_end())
}

/// What depends on a part, or why nothing does.
fn remark(audited: &Audited, strict: bool) -> String {
    let mut remark = match audited.class {
        Class::LoadBearing => audited.breaks.as_ref().map(breaks).unwrap_or_default(),
        Class::Masked => {
            audited.masked_by.first().map(|m| masked(m, audited.masked_by.len())).unwrap_or_default()
        }
        Class::Redundant if audited.item.constant => {
            "a switch; the same states and events without it".to_owned()
        }
        Class::Redundant => "the same states and events without it".to_owned(),
        Class::Unobserved => "behaves differently without it, and no property sees it".to_owned(),
        Class::Harmful => format!("without it, {} holds", audited.repairs.join(", ")),
        Class::Inconclusive => audited.open.clone().unwrap_or_default(),
    };
    if audited.class == Class::LoadBearing && !audited.repairs.is_empty() {
        remark.push_str(&format!("; {} holds", audited.repairs.join(", ")));
    }
    match &audited.accepted {
        Some(why) => remark.push_str(&format!(" · accepted: {why}")),
        None if strict && audited.unexplained() => remark.push_str(" · no reason is given"),
        None => {}
    }
    remark
}

/// `no_zombie breaks in 8 steps`.
fn breaks(property: &PropertyOutcome) -> String {
    match &property.trace {
        Some(trace) => {
            let cycle = if property.liveness.is_some() { ", for ever" } else { "" };
            format!("{} breaks in {}{cycle}", property.name, counted(trace.steps.len() as u64, "step"))
        }
        None => format!("{} breaks", property.name),
    }
}

fn masked(mask: &Mask, masks: usize) -> String {
    let more = if masks > 1 { format!(" (and {} more)", masks - 1) } else { String::new() };
    format!("without {} too, {}{more}", mask.by, breaks(&mask.breaks))
}

/// What the file declares to be redundant and is not, or is not there.
fn claims(claims: &[Claim], paint: Paint) -> String {
    let mut text = String::new();
    for claim in claims {
        let Some(remark) = &claim.remark else { continue };
        let (word, style) = if claim.refuted { ("not so", Style::Bad) } else { ("idle", Style::Open) };
        text.push_str(&format!(
            "\n  {} `redundant` {:?}: {remark}\n",
            paint.paint(style, &format!("{word:<12}")),
            claim.why
        ));
    }
    text
}

fn behaviours(audited: &Audited, sources: &SourceMap, paint: Paint) -> String {
    let told = |without: String, property: &PropertyOutcome| {
        let heading = format!("\n  without {}\n", paint.paint(Style::Name, &without));
        format!("{heading}{}", trace::behaviour(property, &[], sources, paint))
    };
    let id = &audited.item.id;
    match audited.class {
        Class::Masked => {
            audited.masked_by.iter().map(|m| told(format!("{id} and {}", m.by), &m.breaks)).collect()
        }
        _ => audited.breaks.iter().map(|b| told(id.clone(), b)).collect(),
    }
}

/// One spec's audit.
#[must_use]
pub fn value(file: &str, instance: Option<&str>, audit: &Audit, strict: bool, sources: &SourceMap) -> Value {
    let of = |kinds: &[Kind]| -> Vec<Value> {
        audit.items.iter().filter(|a| kinds.contains(&a.item.kind)).map(|a| part(a, sources)).collect()
    };
    let count = |class: Class| audit.items.iter().filter(|a| a.class == class).count();
    let classes: Map<String, Value> =
        Class::ALL.iter().map(|c| (c.word().replace('-', "_"), json!(count(*c)))).collect();
    json!({
        "file": file,
        "instance": instance,
        "exit_status": audit.status(strict).code(),
        "states": audit.states,
        "violated": audit.violated,
        "reason": audit.open,
        "classes": classes,
        "guards": of(&[Kind::Guard, Kind::Atom]),
        "effects": of(&[Kind::Effect]),
        "branches": of(&[Kind::Branch]),
        "protocols": of(&[Kind::Protocol]),
        "faults": of(&[Kind::Fault, Kind::Budget]),
        "redundant": audit.claims.iter().map(|c| claim(c, sources)).collect::<Vec<_>>(),
        "diagnostics": [],
    })
}

fn part(audited: &Audited, sources: &SourceMap) -> Value {
    let mut value = match &audited.breaks {
        Some(property) => behaviour(property, sources),
        None => {
            json!({ "property": null, "initial": null, "trace": [], "cycle_start": null, "explanations": [] })
        }
    };
    let masks = audited.masked_by.iter().map(|m| {
        json!({ "id": m.by, "property": m.breaks.name, "steps": m.breaks.trace.as_ref().map(|t| t.steps.len()) })
    });
    let own = json!({
        "id": audited.item.id,
        "kind": audited.item.kind.word(),
        "text": audited.item.text,
        "span": json::place_value(audited.item.span, sources),
        "class": audited.class.word().replace('-', "_"),
        "same_graph": audited.same_graph,
        "repairs": audited.repairs,
        "masked_by": masks.collect::<Vec<_>>(),
        "accepted": audited.accepted,
        "reason": audited.open,
    });
    if let (Value::Object(all), Value::Object(own)) = (&mut value, own) {
        all.extend(own);
    }
    value
}

/// What breaks, with the fields that a property has in the report of a check.
fn behaviour(property: &PropertyOutcome, sources: &SourceMap) -> Value {
    let whole = json::property_value(property, sources);
    json!({
        "property": property.name,
        "initial": whole["initial"],
        "trace": whole["trace"],
        "cycle_start": whole["cycle_start"],
        "explanations": whole["explanations"],
    })
}

fn claim(claim: &Claim, sources: &SourceMap) -> Value {
    json!({
        "items": claim.items,
        "why": claim.why,
        "refuted": claim.refuted,
        "remark": claim.remark,
        "span": json::place_value(claim.span, sources),
    })
}

/// A spec that was not audited: what is wrong with it.
#[must_use]
pub fn unaudited(outcome: &SpecOutcome, sources: &SourceMap) -> Value {
    json!({
        "file": outcome.file,
        "instance": outcome.instance,
        "exit_status": outcome.status.code(),
        "states": null,
        "violated": [],
        "reason": super::text::plain_headline(outcome),
        "classes": {},
        "guards": [],
        "effects": [],
        "branches": [],
        "protocols": [],
        "faults": [],
        "redundant": [],
        "diagnostics": json::diagnostics_value(&outcome.diagnostics, sources),
    })
}

/// All audits as one document.
#[must_use]
pub fn document(specs: &[Value], exit_status: u8) -> String {
    let document = json!({
        "version": json::VERSION,
        "archc": env!("CARGO_PKG_VERSION"),
        "exit_status": exit_status,
        "specs": specs,
    });
    let mut text = serde_json::to_string_pretty(&document).expect("the document has string keys only");
    text.push('\n');
    text
}
