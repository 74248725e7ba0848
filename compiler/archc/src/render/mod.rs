//! The formats of the report. All are made from [`SpecOutcome`]s and so say the same.

pub mod audit;
pub mod conformance;
pub mod diagnostics;
pub mod failures;
pub mod github;
pub mod json;
pub mod junit;
pub mod matrix;
pub mod sarif;
pub mod shown;
pub mod site;
mod statistics;
pub mod text;
pub mod trace;

use crate::cli::Format;
use crate::outcome::SpecOutcome;
use crate::style::Paint;
use arch_base::SourceMap;
use shown::Shown;
use std::io::{self, Write};

/// Writes a report as its specs come in.
///
/// Text and annotations are written at once; a document is written when it is complete.
#[derive(Debug)]
pub struct Reporter<'a, W> {
    format: Format,
    paint: Paint,
    sources: &'a SourceMap,
    out: W,
    shown: Shown,
    collected: Vec<SpecOutcome>,
}

impl<'a, W: Write> Reporter<'a, W> {
    /// A report on files of `sources`.
    pub fn new(format: Format, paint: Paint, sources: &'a SourceMap, out: W, shown: Shown) -> Self {
        Reporter { format, paint, sources, out, shown, collected: Vec::new() }
    }

    /// Adds a spec.
    ///
    /// # Errors
    ///
    /// When nobody reads the report.
    pub fn spec(&mut self, outcome: SpecOutcome) -> io::Result<()> {
        let text = match self.format {
            Format::Text => {
                let gap = if self.collected.is_empty() { "" } else { "\n" };
                format!("{gap}{}", text::spec_showing(&outcome, self.sources, self.paint, &self.shown))
            }
            Format::Github => github::spec(&outcome, self.sources),
            Format::Json | Format::Junit | Format::Sarif => String::new(),
        };
        self.collected.push(outcome);
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Ends the report.
    ///
    /// # Errors
    ///
    /// When nobody reads the report.
    pub fn finish(mut self) -> io::Result<()> {
        let text = match self.format {
            Format::Text => {
                let left_out = text::left_out(&self.collected, &self.shown);
                format!("{left_out}{}", text::summary(&self.collected, self.paint))
            }
            Format::Github => String::new(),
            Format::Json => json::document(&self.collected, self.sources),
            Format::Junit => junit::document(&self.collected, self.sources),
            Format::Sarif => sarif::document(&self.collected, self.sources),
        };
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}
