//! The page of one spec, section by section.

mod checked;
mod facts;
mod protocols;
mod truth;

use crate::connections::Links;
use crate::found::{Answer, Tone};
use crate::prose::Prose;
use crate::{Spec, shell};
use arch_base::Span;
use arch_grammar::ast::{Expr, Type};
use maud::{Markup, html};

/// What every section reads.
pub struct Context<'a> {
    /// The spec.
    pub spec: &'a Spec<'a>,
    /// What comments say.
    pub prose: Prose<'a>,
    /// The other pages.
    pub links: &'a Links,
}

impl Context<'_> {
    /// What is written at a place, on one line.
    pub fn written(&self, span: Span) -> String {
        let text = self.spec.text.get(span.range()).unwrap_or_default();
        let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        code.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What is written at a place, as it stands, without the indentation that all its lines share.
    pub fn block(&self, span: Span) -> String {
        let text = self.spec.text.get(span.range()).unwrap_or_default();
        let start = self.spec.text.get(..span.start as usize).unwrap_or_default();
        let line = start.rsplit('\n').next().unwrap_or_default();
        let indent = line.len() - line.trim_start().len();
        let strip = |l: &str| {
            let blank = l.len() - l.trim_start().len();
            l[blank.min(indent)..].to_owned()
        };
        text.lines().map(strip).collect::<Vec<_>>().join("\n")
    }

    /// A type as it is written.
    pub fn ty(&self, ty: &Type) -> String {
        self.written(ty.span)
    }

    /// An expression as it is written.
    pub fn expr(&self, expr: &Expr) -> String {
        self.written(expr.span)
    }
}

/// A section: its identity on the page, its title, its content.
type Section = (&'static str, &'static str, Option<Markup>);

/// The whole page.
pub fn render(spec: &Spec<'_>, links: &Links) -> String {
    let context = Context { spec, prose: Prose::of(spec), links };
    let sections: [Section; 10] = [
        ("glance", "At a glance", facts::header(&context)),
        ("truth", "Truth", truth::truth(&context)),
        ("actors", "Actors, types and constants", truth::others(&context)),
        ("protocols", "Protocols", protocols::section(&context)),
        ("faults", "What may go wrong", facts::faults(&context)),
        ("properties", "Properties", checked::properties(&context)),
        ("failures", "Failure modes", checked::failures(&context)),
        ("guards", "What each guard is for", checked::guards(&context)),
        ("instances", "Instances", facts::instances(&context)),
        ("source", "The whole spec", Some(facts::source(&context))),
    ];
    let there: Vec<(&str, &str, &Markup)> =
        sections.iter().filter_map(|(id, title, content)| Some((*id, *title, content.as_ref()?))).collect();
    let content = html! {
        nav class="top" { a href="index.html" { "The catalogue" } " / " (spec.file) }
        (facts::title(&context))
        (checked::verdict(&context))
        (facts::introduction(&context))
        nav class="contents" { @for (id, title, _) in &there { a href={ "#" (id) } { (title) } } }
        @for (id, title, content) in &there { h2 id=(id) { (title) } (content) }
        footer { "Written by " code { "archc doc" } " from " code { (spec.file) } "." }
    };
    shell::page(&facts::name(spec), &content)
}

/// The class of a tone.
pub fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Open => "open",
        Tone::Bad => "bad",
    }
}

/// A word on a coloured ground.
pub fn tag(class: &str, word: &str) -> Markup {
    html! { span class={ "tag " (class) } { (word) } }
}

/// A verdict with its reason.
fn answer(answer: &Answer) -> Markup {
    html! {
        (tag(tone(answer.tone), &answer.word))
        @if !answer.why.is_empty() { " " span class="soft" { (answer.why) } }
    }
}

/// A text in which `code` is marked as in comments.
fn marked(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return html! { (text) };
    }
    html! {
        @for (i, part) in parts.iter().enumerate() {
            @if i % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
