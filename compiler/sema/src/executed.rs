//! Which steps a run has certainly executed when it is at a step: what the step may rely on, such as roles
//! that are bound by then.
//!
//! `loop` steps may be passed without executing, a run that another outcome starts or resumes in the middle
//! has skipped what comes before, and a branch may be taken as soon as its window opens.

use crate::analyzer::Analyzer;
use crate::tables::ProtocolSource;
use arch_grammar::ast::{self, BranchWindow, HeadItem, ItemKind, OutcomeAction};

impl<'m> Analyzer<'m> {
    /// The numbers of the steps, as written, that every run at this step has executed, and the step itself.
    pub fn executed_at(&self, index: usize, number: usize) -> Vec<usize> {
        let steps = &self.runs[index].steps;
        let chain = steps[number].chain;
        let opens = if chain == 0 { number } else { self.window_opens(index, chain) };
        let entries = self.entries(index);
        let skipped = entries.into_iter().filter(|e| chain > 0 || *e <= number).max().unwrap_or(0);
        let main = (0..steps.len()).filter(|j| steps[*j].chain == 0 && (skipped..opens).contains(j));
        let branch = (0..number).filter(|j| chain > 0 && steps[*j].chain == chain);
        let certain = main.chain(branch).filter(|j| !self.may_be_passed(index, *j));
        certain.chain([number]).collect()
    }

    /// Whether a step can be the first that a run executes.
    pub fn can_be_first(&self, index: usize, number: usize) -> bool {
        let steps = &self.runs[index].steps;
        let chain = steps[number].chain;
        if chain > 0 && steps[number - 1].chain == chain {
            return false;
        }
        let opens = if chain == 0 { number } else { self.window_opens(index, chain) };
        (0..opens).all(|j| self.may_be_passed(index, j))
    }

    /// Whether a step is a `loop` step.
    fn may_be_passed(&self, index: usize, number: usize) -> bool {
        let name = &self.runs[index].steps[number].step.operation.name;
        self.annotations_of(index).any(|item| match &item.kind {
            ItemKind::Loop(targets) => {
                targets.iter().any(|t| t.operation.name == *name && self.means(index, t))
            }
            _ => false,
        })
    }

    /// The number of the first main step that a run may not have executed when it takes a branch.
    fn window_opens(&self, index: usize, chain: usize) -> usize {
        let steps = &self.runs[index].steps;
        let begins = self.tables.protocols[index]
            .head()
            .iter()
            .any(|item| matches!(item, HeadItem::Let { at: None, .. }));
        let one_step = steps.iter().filter(|w| w.chain == 0).count() == 1;
        let default = usize::from(!begins && !one_step);
        let Some(first) = steps.iter().find(|w| w.chain == chain) else { return default };
        let number_of = |r: &ast::OpRef| {
            steps.iter().position(|w| w.chain == 0 && w.step.operation.name == r.operation.name)
        };
        self.branch_declarations(index, &first.step.operation.name).into_iter().fold(
            default,
            |opens, (decl, _)| match &decl.window {
                BranchWindow::After(step) => number_of(step).map_or(opens, |n| n + 1),
                BranchWindow::At(step) => number_of(step).unwrap_or(opens),
                BranchWindow::AtStart(_) => 0,
                BranchWindow::Before(_) | BranchWindow::Detached(_) => opens,
            },
        )
    }

    /// The numbers of the steps at which outcomes of any protocol start or resume runs of this one.
    fn entries(&self, index: usize) -> Vec<usize> {
        let name = &self.tables.protocols[index].name;
        let heads = self.tables.protocols.iter().filter_map(|p| match p.source {
            ProtocolSource::Protocol(decl) => Some(&decl.head),
            ProtocolSource::Segment { .. } | ProtocolSource::Rule(..) => None,
        });
        let in_heads = heads.flatten().filter_map(|item| match item {
            HeadItem::Item(item) => Some(item),
            _ => None,
        });
        let number = |at: &ast::OpRef| {
            let steps = &self.runs[index].steps;
            let own = steps.iter().position(|w| w.step.operation.name == at.operation.name);
            own.or_else(|| self.segment_number(index, &at.operation.name))
        };
        in_heads
            .chain(self.tables.annotations.iter().copied())
            .filter_map(|item| match &item.kind {
                ItemKind::Outcome(decl) => match &decl.action {
                    OutcomeAction::Starts(target, at) | OutcomeAction::Resumes(target, at)
                        if target.name == *name =>
                    {
                        number(at)
                    }
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }
}
