//! Rust names for what a spec names: in Rust's case, no keywords, no two alike.

use proc_macro2::{Ident, Span};
use std::collections::BTreeSet;

/// `my_epoch`, `ExecutionLease`, `UPPER_CASE` as a Rust type or variant: `MyEpoch`, `ExecutionLease`, `UpperCase`.
#[must_use]
pub fn camel(name: &str) -> String {
    let shouted = name.chars().all(|c| !c.is_lowercase());
    let mut text = String::with_capacity(name.len());
    for word in name.split(['_', '.', ' ', '-']).filter(|w| !w.is_empty()) {
        let mut chars = word.chars();
        text.extend(chars.next().into_iter().flat_map(char::to_uppercase));
        if shouted {
            text.extend(chars.flat_map(char::to_lowercase));
        } else {
            text.extend(chars);
        }
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) || text.is_empty() { format!("N{text}") } else { text }
}

/// A Rust variable, field, function or module: `ClaimState` is `claim_state`.
#[must_use]
pub fn snake(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    let mut after_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && after_lower {
            text.push('_');
        }
        after_lower = c.is_lowercase() || c.is_ascii_digit();
        match c {
            '.' | ' ' | '-' => text.push('_'),
            c => text.extend(c.to_lowercase()),
        }
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) || text.is_empty() { format!("n{text}") } else { text }
}

/// An identifier; keywords are raw.
#[must_use]
pub fn ident(name: &str) -> Ident {
    match name {
        "self" | "Self" | "super" | "crate" | "_" => Ident::new(&format!("{name}_"), Span::call_site()),
        _ if syn::parse_str::<Ident>(name).is_ok() => Ident::new(name, Span::call_site()),
        _ => Ident::new_raw(name, Span::call_site()),
    }
}

/// Names that are taken.
#[derive(Clone, Debug, Default)]
pub struct Taken(BTreeSet<String>);

impl Taken {
    /// Names that nothing may have.
    #[must_use]
    pub fn with(names: &[&str]) -> Taken {
        Taken(names.iter().map(|n| (*n).to_owned()).collect())
    }

    /// The name, or the name with what tells it apart, or with a number.
    pub fn take(&mut self, name: &str, apart: &str) -> String {
        let mut found = name.to_owned();
        if self.0.contains(&found) {
            found = format!("{name}{apart}");
        }
        let mut n = 2;
        while self.0.contains(&found) {
            found = format!("{name}{apart}{n}");
            n += 1;
        }
        self.0.insert(found.clone());
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_case_of_rust() {
        assert_eq!(
            ["my_epoch", "ClaimState", "APPLIED_BUT_UNKNOWN", "OK", "2nd"].map(camel),
            ["MyEpoch", "ClaimState", "AppliedButUnknown", "Ok", "N2nd"]
        );
        assert_eq!(["my_epoch", "ClaimState", "READY"].map(snake), ["my_epoch", "claim_state", "ready"]);
    }

    #[test]
    fn keywords_are_escaped() {
        assert_eq!(["type", "self", "claim"].map(|n| ident(n).to_string()), ["r#type", "self_", "claim"]);
    }

    #[test]
    fn no_two_names_are_alike() {
        let mut taken = Taken::default();
        let names = ["Worker", "Worker", "Worker"].map(|n| taken.take(n, "Truth"));
        assert_eq!(names, ["Worker", "WorkerTruth", "WorkerTruth2"]);
    }
}
