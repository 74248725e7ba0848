//! What every page has around its content.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A whole page; its style is in it, so that it can be read alone.
pub fn page(title: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content="archc doc";
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body { (content) }
        }
    };
    page.into_string() + "\n"
}

/// A drawing that may be wider than the page.
pub fn figure(svg: String) -> Markup {
    html! { div class="figure" tabindex="0" { (PreEscaped(svg)) } }
}

/// A drawing that is shrunk to the width of the page: one that is looked at as a whole.
pub fn whole_figure(svg: String) -> Markup {
    html! { div class="figure whole" { (PreEscaped(svg)) } }
}

/// `84,776`
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let grouped = digits.as_bytes().rchunks(3).rev().map(|c| String::from_utf8_lossy(c).into_owned());
    grouped.collect::<Vec<_>>().join(",")
}

/// `1 property`, `3 properties`
pub fn counted(number: usize, one: &str, several: &str) -> String {
    format!("{} {}", thousands(number as u64), if number == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(["7", "999", "84,776", "1,000,000"], [7, 999, 84_776, 1_000_000].map(thousands));
    }
}
