//! The pages of the diagnostics, embedded when archc is built.

use arch_base::nearest::nearest;

static PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// All pages, each with its code, sorted by code.
#[must_use]
pub fn all() -> &'static [(&'static str, &'static str)] {
    PAGES
}

/// The page of a code; case does not matter.
#[must_use]
pub fn page(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(c, _)| c.eq_ignore_ascii_case(code)).map(|(_, text)| *text)
}

/// The title of a page: its first heading, without the code.
#[must_use]
pub fn title(page: &str) -> &str {
    let heading = page.lines().find_map(|l| l.strip_prefix("# ")).unwrap_or_default();
    match heading.split_once([' ', ':']) {
        Some((code, rest)) if all().iter().any(|(c, _)| *c == code) => {
            rest.trim_start_matches([':', '-', '–', '—', ' ']).trim()
        }
        _ => heading.trim(),
    }
}

/// Codes that somebody who typed `code` may have meant.
#[must_use]
pub fn near(code: &str) -> Vec<&'static str> {
    nearest(code, PAGES.iter().map(|(c, _)| *c))
}
