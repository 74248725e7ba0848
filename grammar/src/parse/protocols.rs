//! Protocols, rules, and the declarations about steps.

use super::Rule;
use super::tree::{Kids, Tree};
use crate::ast::*;
use pest::iterators::Pair;

type P<'i> = Pair<'i, Rule>;

impl Tree<'_> {
    pub(super) fn protocol(&mut self, pair: P<'_>) -> Protocol {
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        let subjects = self.maybe_subjects(&mut kids);
        let (mut runs, mut runs_cut, mut repeats, mut daemon) = (None, None, None, None);
        let (mut head, mut branches) = (Vec::new(), Vec::new());
        let mut main = None;
        for kid in kids.rest() {
            match kid.as_rule() {
                Rule::runs => (runs, runs_cut) = self.runs(kid),
                Rule::repeats => repeats = Some(self.span(&kid)),
                Rule::daemon => daemon = Some(self.span(&kid)),
                Rule::head_item => head.push(self.head_item(kid)),
                Rule::chain => main = Some(self.chain(kid)),
                _ => {
                    let chain = self.only(kid);
                    branches.push(self.chain(chain));
                }
            }
        }
        let main = main.expect("the grammar asks for a chain");
        Protocol { name, subjects, runs, runs_cut, repeats, daemon, head, main, branches }
    }

    fn runs(&mut self, pair: P<'_>) -> (Option<Expr>, Option<arch_base::Span>) {
        let mut kids = self.kids(pair);
        let count = self.expr(kids.any());
        (Some(count), kids.more().map(|p| self.span(&p)))
    }

    fn maybe_subjects(&mut self, kids: &mut Kids<'_>) -> Vec<Subject> {
        kids.maybe(Rule::for_each).map_or_else(Vec::new, |p| self.subjects(p))
    }

    fn subjects(&mut self, pair: P<'_>) -> Vec<Subject> {
        let which = self.only(pair);
        if which.as_rule() == Rule::subject {
            let sort = self.ident(self.only(which));
            return vec![Subject { name: sort.clone(), sort }];
        }
        self.kids(which).rest().into_iter().map(|p| self.named_subject(p)).collect()
    }

    fn named_subject(&mut self, pair: P<'_>) -> Subject {
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        Subject { name, sort: self.ident(kids.any()) }
    }

    pub(super) fn rules(&mut self, pair: P<'_>) -> Rules {
        let mut kids = self.kids(pair);
        let subjects = self.maybe_subjects(&mut kids);
        let head = kids.many(Rule::head_item).into_iter().map(|p| self.head_item(p)).collect();
        let steps = kids.rest().into_iter().map(|p| self.step(p)).collect();
        Rules { subjects, head, steps }
    }

    fn head_item(&mut self, pair: P<'_>) -> HeadItem {
        let pair = self.only(pair);
        match pair.as_rule() {
            Rule::head_let => self.head_let(pair),
            Rule::head_var => HeadItem::Var(self.inner_field(pair)),
            Rule::head_any => HeadItem::Any(self.inner_field(pair)),
            Rule::bind_role => {
                let mut kids = self.kids(pair);
                let role = self.ident(kids.any());
                HeadItem::BindRole { role, at: self.op_ref(kids.any()) }
            }
            Rule::bind_truth => {
                let mut kids = self.kids(pair);
                let truth = self.ident(kids.any());
                HeadItem::BindTruth { truth, key: self.expr(kids.any()) }
            }
            _ => HeadItem::Item(self.declaration(pair)),
        }
    }

    fn inner_field(&mut self, pair: P<'_>) -> FieldDecl {
        let field = self.only(pair);
        self.field_decl(field)
    }

    /// `let x = e at STEP`; when `e` is a name, the grammar reads `e at STEP` as a question about a
    /// run, which it is not here.
    fn head_let(&mut self, pair: P<'_>) -> HeadItem {
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        let value = self.expr(kids.any());
        let at = kids.more().map(|p| self.op_ref(p));
        match (value, at) {
            (Expr { kind: ExprKind::RunAt(value, step), .. }, None) => {
                HeadItem::Let { name, value: *value, at: Some(step) }
            }
            (value, at) => HeadItem::Let { name, value, at },
        }
    }

    fn chain(&mut self, pair: P<'_>) -> Chain {
        let span = self.span(&pair);
        let mut kids = self.kids(pair);
        let steps = kids.many(Rule::step).into_iter().map(|p| self.step(p)).collect();
        let outcome = kids.more().map(|p| self.only(p)).map(|p| self.ident(p));
        Chain { steps, outcome, span }
    }

    fn step(&mut self, pair: P<'_>) -> Step {
        let span = self.span(&pair);
        let mut kids = self.kids(pair);
        let actor = self.ident(kids.any());
        let operation = self.ident(kids.any());
        let guard = kids.more().map(|p| self.inner_expr(p));
        Step { actor, operation, guard, span }
    }

    /// The declarations that may also stand in a protocol's head.
    pub(super) fn step_declaration(&mut self, pair: P<'_>) -> ItemKind {
        match pair.as_rule() {
            Rule::on_decl => ItemKind::On(self.on_decl(pair)),
            Rule::extend_decl => ItemKind::On(self.on_decl(pair)),
            Rule::rejects => self.rejects(pair),
            Rule::branch_decl => self.branch_decl(pair),
            Rule::loop_decl => ItemKind::Loop(self.inner_op_refs(pair)),
            Rule::each_decl => self.each_decl(pair),
            Rule::spawn => self.spawn(pair),
            Rule::join => {
                let step = self.only(pair);
                ItemKind::Join(self.op_ref(step))
            }
            Rule::split_decl => ItemKind::Split(self.split_decl(pair)),
            Rule::fair => {
                ItemKind::Fairness(FairnessDecl { strong: true, targets: self.inner_op_refs(pair) })
            }
            Rule::unfair => {
                ItemKind::Fairness(FairnessDecl { strong: false, targets: self.inner_op_refs(pair) })
            }
            Rule::urgent => self.timing(TimingKind::Urgent, pair),
            Rule::deadline => self.timing(TimingKind::Deadline, pair),
            Rule::pace => self.timing(TimingKind::Pace, pair),
            _ => self.outcome(pair),
        }
    }

    fn inner_op_refs(&mut self, pair: P<'_>) -> Vec<OpRef> {
        let list = self.only(pair);
        self.op_refs(list)
    }

    fn rejects(&mut self, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let target = self.op_ref(kids.any());
        let outcome = self.ident(kids.any());
        let body = kids.more().map(|p| self.block(p));
        ItemKind::Rejects(Rejects { target, outcome, body })
    }

    fn branch_decl(&mut self, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let target = self.op_ref(kids.any());
        let window = self.window(kids.any());
        ItemKind::Branch(BranchDecl { target, window })
    }

    fn window(&mut self, pair: P<'_>) -> BranchWindow {
        let rule = pair.as_rule();
        if rule == Rule::w_detached {
            return BranchWindow::Detached(self.span(&pair));
        }
        let place = self.only(pair);
        match rule {
            Rule::w_start => BranchWindow::AtStart(self.span(&place)),
            Rule::w_after => BranchWindow::After(self.op_ref(place)),
            Rule::w_before => BranchWindow::Before(self.op_ref(place)),
            _ => BranchWindow::At(self.op_ref(place)),
        }
    }

    fn each_decl(&mut self, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let target = self.op_ref(kids.any());
        ItemKind::Each(EachDecl { target, sort: self.ident(kids.any()) })
    }

    fn spawn(&mut self, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let target = self.op_ref(kids.any());
        let subjects = self.maybe_subjects(&mut kids);
        ItemKind::Spawn(SpawnDecl { target, subjects })
    }

    pub(super) fn split_decl(&mut self, pair: P<'_>) -> SplitDecl {
        let mut kids = self.kids(pair);
        let target = self.op_ref(kids.any());
        SplitDecl { target, after: self.small(&kids.any()) }
    }

    fn timing(&mut self, kind: TimingKind, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let target = self.op_ref(kids.any());
        let ticks = kids.more().map(|p| self.expr(p));
        ItemKind::Timing(TimingDecl { kind, target, ticks })
    }

    fn outcome(&mut self, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let word = self.ident(kids.any());
        let action = self.outcome_action(kids.any());
        ItemKind::Outcome(OutcomeDecl { word, action })
    }

    fn outcome_action(&mut self, pair: P<'_>) -> OutcomeAction {
        let rule = pair.as_rule();
        let mut kids = self.kids(pair);
        match rule {
            Rule::ends => OutcomeAction::Ends,
            Rule::rearms => OutcomeAction::Rearms,
            _ => {
                let protocol = self.ident(kids.any());
                let step = self.op_ref(kids.any());
                match rule {
                    Rule::starts => OutcomeAction::Starts(protocol, step),
                    _ => OutcomeAction::Resumes(protocol, step),
                }
            }
        }
    }
}
