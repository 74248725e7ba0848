//! From syntax tree to program.
//!
//! [`analyze`] takes a parsed file and one choice of constants, resolves every name, checks every type and
//! every guard, effect, property and failure against the declared truth objects, and lowers what it found
//! to an [`arch_ir::Program`]. It reports everything it finds in one run.
//!
//! After this crate: nothing refers to text any more but through spans, for diagnostics and traces.

mod analyzer;
mod annotations;
pub mod codes;
mod consts;
mod declare;
mod diagnostics;
mod duplicates;
mod effects;
mod executed;
mod expr;
mod failures;
mod faults;
mod header;
mod instances;
mod lints;
mod locals;
mod missing;
mod outcomes;
pub mod ownership;
mod properties;
mod protocols;
mod scope;
mod segments;
mod single_faults;
mod steps;
mod tables;
mod templates;
mod types;
mod unused;
mod variation;
mod views;

pub use single_faults::{SingleFault, single_faults};

use arch_base::{Diagnostic, Severity, Span};
use arch_grammar::ast;
use arch_ir::Program;

/// Which constants a spec is analyzed with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The instance of the file whose settings apply.
    pub instance: Option<String>,
    /// `NAME=VALUE` from the command line; these win over the instance's.
    pub settings: Vec<Setting>,
}

/// A constant set from the command line.
#[derive(Clone, PartialEq, Debug)]
pub struct Setting {
    /// The constant.
    pub name: String,
    /// Its value: an integer, `true` or `false`.
    pub value: String,
}

/// What [`analyze`] found.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// Everything there is to say, in order of place.
    pub diagnostics: Vec<Diagnostic>,
    /// `I02` and its title, if the file has a header.
    pub archetype: Option<String>,
    /// The names of the file's instances.
    pub instances: Vec<String>,
    /// The program; none when there is an error or the spec is a sketch.
    pub program: Option<Program>,
    /// Whether the spec has no errors but lacks something that it needs to be explored: the diagnostics of
    /// severity note say what.
    pub sketch: bool,
    /// Failure modes, in order, with the programs that show them; none when there is no program.
    pub failures: Vec<Failure>,
    /// Whether the chosen instance says `no failures`: they are not to be executed.
    pub no_failures: bool,
    /// Parts that the author knows to be idle, in order; none when there is no program.
    pub redundant: Vec<Redundant>,
    /// Who owns what; none when there is no program.
    pub ownerships: Vec<ownership::Ownership>,
}

/// `redundant X "why"`
#[derive(Clone, Debug)]
pub struct Redundant {
    /// What X is in the program.
    pub changes: Vec<arch_ir::change::Change>,
    /// Why it is there all the same.
    pub why: String,
    /// X, as it is named.
    pub span: Span,
}

/// A failure mode.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its name.
    pub name: String,
    /// Where its name is declared.
    pub span: Span,
    /// What prevents and repairs it.
    pub clauses: Vec<Clause>,
}

/// `prevented by X else violates P`, `repaired by X else violates P`, with the programs that show it.
#[derive(Clone, Debug)]
pub struct Clause {
    /// Whether X repairs (else it prevents).
    pub repair: bool,
    /// The whole clause.
    pub span: Span,
    /// Where each part of X is named.
    pub targets: Vec<Span>,
    /// The properties and built-in checks that fail without X, by name.
    pub properties: Vec<String>,
    /// What X is judged in, where that is not the spec as written: for a repair, the spec without what prevents
    /// the failure.
    pub given: Option<Program>,
    /// That without X.
    pub without: Program,
    /// If X has several parts: for each, that without the other parts.
    pub but_one: Vec<Program>,
}

impl Analysis {
    /// Whether the spec has an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// Analyzes a file with one choice of constants.
#[must_use]
pub fn analyze(module: &ast::Module, options: &Options) -> Analysis {
    analyzer::run(module, options)
}
