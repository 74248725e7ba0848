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
