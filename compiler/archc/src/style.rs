//! Colours: the few styles of the text report, and the decision whether to use them.

use crate::cli::ColorChoice;
use std::io::IsTerminal;

/// Paints text, or leaves it alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Paint {
    /// Whether escape sequences are written.
    pub colored: bool,
}

/// What a piece of text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// Something holds.
    Good,
    /// Something is violated or wrong.
    Bad,
    /// Something is open.
    Open,
    /// A name that matters.
    Name,
    /// What matters less: places, numbers of steps.
    Faint,
    /// A value before a change.
    Old,
    /// A value after it.
    New,
}

impl Paint {
    /// Never any colour.
    pub const PLAIN: Paint = Paint { colored: false };

    /// What the user chose; `auto` asks whether stdout is a terminal that wants colour.
    #[must_use]
    pub fn for_stdout(choice: ColorChoice) -> Paint {
        let colored = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => std::io::stdout().is_terminal() && terminal_wants_color(),
        };
        Paint { colored }
    }

    /// The text in a style.
    #[must_use]
    pub fn paint(self, style: Style, text: &str) -> String {
        if !self.colored || text.is_empty() {
            return text.to_owned();
        }
        let code = match style {
            Style::Good => "1;32",
            Style::Bad => "1;31",
            Style::Open => "1;33",
            Style::Name => "1",
            Style::Faint => "2",
            Style::Old => "31",
            Style::New => "32",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// The conventions of no-color.org and of dumb terminals.
fn terminal_wants_color() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
    !no_color && !dumb
}
