//! What this crate says, one file per family. Every function makes one diagnostic from data.

pub mod failures;
pub mod faults;
pub mod header;
pub mod instances;
pub mod lints;
pub mod missing;
pub mod names;
pub mod owners;
pub mod properties;
pub mod protocols;
pub mod types;

use arch_base::Diagnostic;
use arch_base::nearest::nearest;

/// Adds "did you mean" with the nearest of the known names, if any is near.
fn suggest<'a>(diagnostic: Diagnostic, name: &str, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
    match nearest(name, known).as_slice() {
        [] => diagnostic,
        near => diagnostic.help(format!("did you mean {}?", one_of(near))),
    }
}

/// `` `a`, `b` or `c` ``.
fn one_of<N: AsRef<str>>(names: &[N]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{}`", n.as_ref())).collect();
    match quoted.as_slice() {
        [] => "nothing".into(),
        [only] => only.clone(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    }
}

/// `` `a` ``, or `` `a`, `b` and `c` ``.
fn all_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    match quoted.as_slice() {
        [init @ .., last] if !init.is_empty() => format!("{} and {last}", init.join(", ")),
        _ => one_of(names),
    }
}

/// `1 argument`, `2 arguments`.
fn plural(n: usize, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}
