//! What generated code says of itself: the spec's own lines, with where they are.

use crate::gen_::Gen;
use arch_base::{Idx, Span};
use arch_ir::{ProtocolId, StepId};

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

    /// The documentation of a step: its line of the protocol, its guard by atoms, where it is.
    pub fn step_docs(&self, id: ProtocolId, step: StepId) -> Vec<String> {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let declared = &protocol.steps[step];
        let mut docs =
            vec![format!(" `{}` · {}", names.ops[step.index()], self.place(declared.span)), String::new()];
        docs.push(" ```text".into());
        docs.extend(self.quoted(declared.span));
        docs.push(" ```".into());
        if !declared.atoms.is_empty() {
            docs.push(String::new());
            docs.push(" Its guard is made of".into());
            for atom in &declared.atoms {
                let text = self.quoted(atom.expr.span).join(" ");
                docs.push(format!(" * `{}`: `{}`", atom.id, text.trim().replace('`', "'")));
            }
        }
        docs
    }
}
