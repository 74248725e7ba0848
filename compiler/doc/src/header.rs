//! What an archetype says of itself: the entries of its header.

use arch_grammar::ast::{Header, HeaderValue, Module};

/// The entries that every archetype of the catalogue has.
pub const CANONICAL: [&str; 9] = [
    "entities",
    "source of truth",
    "write paths",
    "read paths",
    "sequence",
    "bottlenecks",
    "input",
    "output",
    "decorator",
];

/// The words before the colon.
pub fn key(field: &arch_grammar::ast::HeaderField) -> String {
    field.key.iter().map(|w| w.name.as_str()).collect::<Vec<_>>().join(" ")
}

/// The values of an entry.
pub fn values<'a>(header: &'a Header, wanted: &str) -> Vec<&'a HeaderValue> {
    let fields = header.fields.iter().filter(|f| key(f) == wanted);
    fields.flat_map(|f| &f.values).collect()
}

/// A value as text.
pub fn text(value: &HeaderValue) -> &str {
    match value {
        HeaderValue::Name(name) => &name.name,
        HeaderValue::Text(text) => &text.value,
    }
}

/// The canonical entries that a file's header does not have; none for a file that is no archetype.
#[must_use]
pub fn missing_fields(module: &Module) -> Vec<&'static str> {
    let Some(header) = &module.header else { return Vec::new() };
    CANONICAL.into_iter().filter(|wanted| values(header, wanted).is_empty()).collect()
}

/// The identities of archetypes in a text: `I05`, `A14`.
pub fn identities(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let identity =
        |w: &&str| w.len() == 3 && w.starts_with(['I', 'A']) && w[1..].bytes().all(|b| b.is_ascii_digit());
    words.filter(identity).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_found_in_prose() {
        assert_eq!(identities("I15 or I02 for claim/execution"), ["I15", "I02"]);
        assert_eq!(identities("logs from I05, I/O, IDs, I2"), ["I05"]);
    }
}
