//! What generated code says of itself: the spec's own lines, with where they are.

use crate::gen_::Gen;
use arch_base::{Idx, Span};
use arch_ir::{ProtocolId, StepId, Stmt};

impl Gen<'_> {
    /// `specs/I02_claim_lease.arch:42`, and the text there, one string per line.
    pub fn quoted(&self, span: Span) -> Vec<String> {
        let text = self.sources.text(span.file);
        let quoted = text.get(span.range()).unwrap_or_default();
        let mut lines: Vec<String> = Vec::new();
        for line in quoted.lines().take(12) {
            lines.push(format!(" {}", line.trim_end()));
        }
        lines
    }

    /// `specs/I02_claim_lease.arch:42`
    pub fn place(&self, span: Span) -> String {
        let text = self.sources.text(span.file);
        let line = text.get(..span.start as usize).unwrap_or_default().matches('\n').count() + 1;
        format!("{}:{line}", self.spec)
    }

    /// The documentation of a step: its line of the protocol, where it is served and how it ends, its guard by atoms, its effect.
    pub fn step_docs(&self, id: ProtocolId, step: StepId) -> Vec<String> {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let declared = &protocol.steps[step];
        let mut docs =
            vec![format!(" `{}` · {}", names.ops[step.index()], self.place(declared.span)), String::new()];
        docs.push(" ```text".into());
        docs.extend(self.quoted(declared.span));
        docs.push(" ```".into());
        docs.push(String::new());
        docs.push(format!(
            " Served at `POST /v1/{}`{}.",
            names.ops[step.index()].replace('.', "/"),
            self.endings(id, step)
        ));
        if !declared.atoms.is_empty() {
            docs.push(String::new());
            docs.push(" Its guard is made of".into());
            for atom in &declared.atoms {
                let text = self.quoted(atom.expr.span).join(" ");
                docs.push(format!(" * `{}`: `{}`", atom.id, text.trim().replace('`', "'")));
            }
        }
        docs.extend(self.effect_docs("Its effect, in one transaction with the guard", &declared.effect));
        if let Some(reject) = &declared.reject {
            docs.extend(self.effect_docs("Where its guard is false it does", &reject.effect));
        }
        docs
    }

    /// How a step ends its run, if it does.
    fn endings(&self, id: ProtocolId, step: StepId) -> String {
        let protocol = &self.program.protocols[id];
        let declared = &protocol.steps[step];
        let ends = protocol.chains.iter().find(|c| c.steps.last() == Some(&step) && !declared.loops);
        let ends = ends.map(|c| format!("; it ends the run with `{}`", c.outcome.word)).unwrap_or_default();
        let refused = declared.reject.as_ref().map(|r| &r.outcome.word);
        let refused = refused.map(|word| format!("; where its guard is false it answers `{word}`"));
        ends + &refused.unwrap_or_default()
    }

    /// Statements, as they are written.
    fn effect_docs(&self, title: &str, effect: &[Stmt]) -> Vec<String> {
        if effect.is_empty() {
            return Vec::new();
        }
        let mut docs = vec![String::new(), format!(" {title}:"), " ```text".into()];
        docs.extend(effect.iter().flat_map(|stmt| self.quoted(stmt.span)));
        docs.push(" ```".into());
        docs
    }
}
