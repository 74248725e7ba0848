//! `archc explain`: the page of a diagnostic.

use super::{complain, deliver};
use crate::cli::ExplainArgs;
use crate::outcome::ExitStatus;
use crate::pages;

/// Prints a page, or lists all.
#[must_use]
pub fn run(args: &ExplainArgs) -> ExitStatus {
    match &args.code {
        None => deliver(&list(), ExitStatus::Success),
        Some(code) => match pages::page(code.trim()) {
            Some(page) => deliver(&format!("{}\n", page.trim_end()), ExitStatus::Success),
            None => unknown(code),
        },
    }
}

fn list() -> String {
    pages::all().iter().map(|(code, page)| format!("{code}  {}\n", pages::title(page))).collect()
}

fn unknown(code: &str) -> ExitStatus {
    let near = pages::near(code.trim());
    let hint = if near.is_empty() {
        "`archc explain` lists all codes".to_owned()
    } else {
        format!("did you mean {}? `archc explain` lists all codes", near.join(", "))
    };
    complain(&format!("no diagnostic has the code {code}; {hint}"));
    ExitStatus::Invalid
}
