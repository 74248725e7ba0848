//! The state of one analysis, and the order of its passes.

use crate::ownership::Ownership;
use crate::protocols::RunTable;
use crate::tables::Tables;
use crate::{Analysis, Options, variation};
use arch_base::{Diagnostic, Severity, Span};
use arch_grammar::ast;
use arch_ir::time::inexact_comparison;
use arch_ir::{Expr, Program, ProtocolId, RunVarId, SlotId, VarId};
use std::collections::{BTreeMap, BTreeSet};

/// One analysis. The passes are in the files of this crate, as methods.
pub struct Analyzer<'m> {
    /// The file.
    pub module: &'m ast::Module,
    /// Steps that wait for sub-runs, for chains that end with them.
    pub joining: &'m [(Span, Vec<ast::Step>)],
    /// The choice of constants.
    pub options: &'m Options,
    /// What was found so far.
    pub diagnostics: Vec<Diagnostic>,
    /// The program so far.
    pub program: Program,
    /// What the declarations say.
    pub tables: Tables<'m>,
    /// Variables that some guard, effect or property reads.
    pub read: BTreeSet<VarId>,
    /// Variables that some guard reads, with the first place.
    pub guarded: Vec<(VarId, Span)>,
    /// Variables that some effect writes.
    pub written: BTreeSet<VarId>,
    /// Definitions and roles that something uses, by name.
    pub used: BTreeSet<String>,
    /// For each protocol, its names and steps.
    pub runs: Vec<RunTable<'m>>,
    /// Constants that attributes without a type are compared with: of the enums that they are to get.
    pub enum_words: BTreeMap<VarId, BTreeSet<String>>,
    /// Words taken for such constants, wherever they stand.
    pub open_constants: Vec<&'m ast::Ident>,
    /// Attributes and locals whose type is written, and was reported.
    pub mistyped: BTreeSet<VarId>,
    /// How often a definition was expanded.
    pub expansions: u32,
    /// The ownerships that the design was judged by.
    pub ownerships: Vec<Ownership>,
    /// `let x = e at STEP`, by protocol and number of the step as written.
    pub step_lets: BTreeMap<(ProtocolId, usize), Vec<(RunVarId, Expr)>>,
}

/// Runs all passes. A pass reports what it finds and leaves something harmless in the program, so that the
/// next passes can go on; nothing is explored when there was an error.
pub fn run(module: &ast::Module, options: &Options) -> Analysis {
    let joining = crate::segments::joining_steps(module);
    let mut analyzer = passes(module, &joining, options);
    analyzer.check_failures();
    analyzer.check_instances();
    analyzer.check_unused();
    analyzer.check_design();
    analyzer.check_ownership();
    analyzer.report_missing();
    analyzer.check_open_constants();
    analyzer.check_instants();
    analyzer.finish()
}

/// Runs the passes that give a program, and none that only look for what is unused or missing.
pub fn passes<'m>(
    module: &'m ast::Module,
    joining: &'m [(Span, Vec<ast::Step>)],
    options: &'m Options,
) -> Analyzer<'m> {
    let mut analyzer = Analyzer {
        module,
        joining,
        options,
        diagnostics: Vec::new(),
        program: Program::default(),
        tables: Tables::default(),
        read: BTreeSet::new(),
        guarded: Vec::new(),
        written: BTreeSet::new(),
        used: BTreeSet::new(),
        runs: Vec::new(),
        enum_words: BTreeMap::new(),
        open_constants: Vec::new(),
        mistyped: BTreeSet::new(),
        expansions: 0,
        ownerships: Vec::new(),
        step_lets: BTreeMap::new(),
    };
    analyzer.check_header();
    analyzer.evaluate_constants();
    analyzer.declare_types();
    analyzer.declare_variables();
    analyzer.declare_definitions();
    analyzer.declare_protocols();
    analyzer.check_duplicates();
    analyzer.lower_initial_values();
    analyzer.lower_protocols();
    analyzer.check_shared_locals();
    analyzer.lower_properties();
    analyzer.lower_faults();
    analyzer
}

impl<'m> Analyzer<'m> {
    /// Adds a diagnostic, once: definitions are checked wherever they are used.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        let same = |d: &Diagnostic| {
            d.code == diagnostic.code && d.span() == diagnostic.span() && d.message == diagnostic.message
        };
        if !self.diagnostics.iter().any(same) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Whether an error was reported so far.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// Reports a comparison of stored instants inside of values; those of plain instants were reported where
    /// they are.
    fn check_instants(&mut self) {
        let found =
            if self.has_errors() || self.is_sketch() { None } else { inexact_comparison(&self.program) };
        if let Some(span) = found.map(|e| e.span) {
            self.report(crate::diagnostics::types::instants_inside(span));
        }
    }

    /// A fresh variable.
    pub fn fresh_slot(&mut self, name: &str) -> SlotId {
        self.program.slots.push(name.to_owned())
    }

    fn finish(mut self) -> Analysis {
        let complete = !self.diagnostics.iter().any(|d| d.severity == Severity::Error) && !self.is_sketch();
        let (mut failures, mut redundant) = (Vec::new(), Vec::new());
        if complete {
            redundant = self.redundant();
            failures = variation::failures(self.module, self.options, &self.program, &mut self.diagnostics);
        }
        let accepted = &self.program.accepted;
        let everywhere = |d: &Diagnostic| accepted.iter().any(|a| a.steps.is_empty() && a.code == d.code.0);
        self.diagnostics.retain(|d| d.severity != Severity::Warning || !everywhere(d));
        // What the file as a whole lacks comes last.
        let whole = |d: &Diagnostic| d.code == crate::codes::MISSING_PROPERTY;
        let key = |d: &Diagnostic| (whole(d), d.span().map(|s| (s.start, s.end)), d.code);
        self.diagnostics.sort_by_key(key);
        let errors = self.has_errors();
        let sketch = !errors && self.is_sketch();
        let archetype = self.module.header.as_ref().map(|h| match &h.title {
            Some(title) => format!("{} {}", h.id.name, title.value),
            None => h.id.name.clone(),
        });
        let instances = self.instances().map(|(i, _)| i.name.name.clone()).collect();
        let no_failures = self.chosen_instance().is_some_and(|i| i.no_failures.is_some());
        Analysis {
            diagnostics: self.diagnostics,
            archetype,
            instances,
            program: (!errors && !sketch).then_some(self.program),
            sketch,
            failures,
            no_failures,
            redundant,
            ownerships: self.ownerships,
        }
    }

    /// The instances that the file declares.
    pub fn instances(&self) -> impl Iterator<Item = (&'m ast::InstanceDecl, Span)> + use<'m> {
        self.module.items.iter().filter_map(|item| match &item.kind {
            ast::ItemKind::Instance(decl) => Some((decl, item.span)),
            _ => None,
        })
    }
}
