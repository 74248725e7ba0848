//! From specs to a static site: a page for each, an index, the graph of how archetypes are connected.
//!
//! Pure: texts and findings in, files out; the same input gives the same bytes. What was found by checking comes
//! as [`found::Found`]; nothing here says that something holds which nobody looked at.
//!
//! After this crate: every page is whole in itself (style, diagrams and all), and every link leads to a page of the site.

pub mod connections;
mod flow;
pub mod found;
mod header;
mod index;
mod page;
mod prose;
mod protocol;
mod sequence;
mod shell;
mod svg;

use arch_grammar::ast::Module;
use found::Found;

pub use header::missing_fields;

/// A spec with what was found of it.
#[derive(Debug)]
pub struct Spec<'a> {
    /// Its file, as readers know it: `specs/I02_claim_lease.arch`.
    pub file: String,
    /// Its text.
    pub text: &'a str,
    /// The text, parsed.
    pub module: &'a Module,
    /// What checking it found, if it was checked.
    pub found: Found,
}

/// A file of the site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// Its name, without any folder.
    pub name: String,
    /// What is in it.
    pub contents: String,
}

/// The whole site: the index, then a page for each spec, in their order.
#[must_use]
pub fn site(specs: &[Spec<'_>]) -> Vec<Page> {
    let names = names(specs);
    let index = Page { name: "index.html".to_owned(), contents: index::render(specs, &names) };
    let pages = specs.iter().zip(&names).map(|(spec, name)| Page {
        name: name.clone(),
        contents: page::render(spec, &connections::Links::of(specs, &names)),
    });
    std::iter::once(index).chain(pages).collect()
}

/// The file of each spec's page: after its own file, a number keeps equal ones apart.
fn names(specs: &[Spec<'_>]) -> Vec<String> {
    let mut names: Vec<String> = vec!["index.html".to_owned()];
    for spec in specs {
        let stem = stem(&spec.file);
        let numbered =
            (1..).map(|n| if n == 1 { format!("{stem}.html") } else { format!("{stem}-{n}.html") });
        let taken = |name: &String| names.iter().any(|n| n.eq_ignore_ascii_case(name));
        let free = numbered.into_iter().find(|name| !taken(name));
        names.extend(free);
    }
    names.split_off(1)
}

/// The last part of a path without `.arch`, in characters that mean nothing in an address.
fn stem(file: &str) -> String {
    let last = file.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = last.strip_suffix(".arch").unwrap_or(last);
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '-' };
    let stem: String = stem.chars().map(plain).collect();
    if stem.is_empty() { "spec".to_owned() } else { stem }
}
