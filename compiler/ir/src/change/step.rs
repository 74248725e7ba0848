//! A protocol without one of its steps: the chain closes up over it, and everything that counts positions moves.

use super::{Refusal, StepRef};
use crate::program::{
    Actor, ChainId, Expr, ExprKind, Handover, Program, PropertyKind, ProtocolId, RoleId, RunVarId, Step,
    StepId, Window,
};
use arch_base::Span;

impl Program {
    /// Removes a step. Roles that it bound are bound by the next step that uses them, parameters that it chose are
    /// chosen by the step after it, so that whoever relied on them still can.
    pub(super) fn remove_step(&mut self, at: StepRef) -> Result<(), Refusal> {
        let Some((chain, position)) = self.protocols[at.protocol].place(at.step) else { return Ok(()) };
        let position = position as u32;
        self.check_chain(at, chain, position)?;
        self.check_lets(at)?;
        self.bind_later(at, chain, position);
        self.choose_later(at, chain, position);
        self.protocols[at.protocol].chains[chain].steps.remove(position as usize);
        if chain == ChainId(0) {
            self.move_positions(at, position)?;
        }
        Ok(())
    }

    /// What is left of the chain must be one.
    fn check_chain(&self, at: StepRef, chain: ChainId, position: u32) -> Result<(), Refusal> {
        let protocol = &self.protocols[at.protocol];
        let step = self.step(at);
        let left: Vec<&Step> = protocol.chains[chain]
            .steps
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != position as usize)
            .map(|(_, s)| &protocol.steps[*s])
            .collect();
        let refuse = |why: String| Err(Refusal { why, span: step.name_span });
        let (Some(first), Some(last)) = (left.first(), left.last()) else {
            let instead = if chain == ChainId(0) { "protocol" } else { "branch" };
            return refuse(format!(
                "`{}` is the only step of its chain: without it there is no {instead}",
                step.name
            ));
        };
        if last.loops {
            return refuse(format!(
                "without `{}` the chain ends in the `loop` step `{}`",
                step.name, last.name
            ));
        }
        if chain != ChainId(0) && first.loops {
            return refuse(format!(
                "without `{}` the branch begins with the `loop` step `{}`",
                step.name, first.name
            ));
        }
        Ok(())
    }

    /// What the step reads for the run must not be needed by others.
    fn check_lets(&self, at: StepRef) -> Result<(), Refusal> {
        let step = self.step(at);
        match step.lets.iter().find(|(var, _)| self.read_elsewhere(at, *var)) {
            Some((var, value)) => {
                let name = &self.protocols[at.protocol].vars[*var].name;
                let why = format!("`{name}` is read at `{}`, and other steps use it", step.name);
                Err(Refusal { why, span: value.span })
            }
            None => Ok(()),
        }
    }

    /// Whether something but this step, with the claims about it, reads a variable of its run.
    fn read_elsewhere(&self, at: StepRef, var: RunVarId) -> bool {
        let reads = |id: Option<ProtocolId>, e: &ExprKind| match e {
            ExprKind::RunVar(v) => id == Some(at.protocol) && *v == var,
            ExprKind::RunVarOf(p, _, v) => *p == at.protocol && *v == var,
            _ => false,
        };
        let mut rest = self.clone();
        rest.gut(at.protocol, &[at.step]);
        rest.forget_claims(at);
        rest.all_exprs().into_iter().any(|(id, e)| finds(e, &|e| reads(id, e)))
    }

    fn forget_claims(&mut self, at: StepRef) {
        for property in self.properties.iter_mut() {
            if let PropertyKind::Step { at: claims, .. } = &mut property.kind {
                claims.retain(|c| (c.protocol, c.step) != (at.protocol, at.step));
            }
        }
    }

    /// Every step that may come after this one and uses a role that it bound binds it, if nobody has: binding a role
    /// that is bound changes nothing.
    fn bind_later(&mut self, at: StepRef, chain: ChainId, position: u32) {
        let binds = self.step(at).binds.clone();
        for (id, last_of) in self.later_steps(at.protocol, chain, position) {
            let missing: Vec<RoleId> = binds
                .iter()
                .copied()
                .filter(|r| self.uses_role(StepRef { step: id, ..at }, last_of, *r))
                .filter(|r| !self.protocols[at.protocol].steps[id].binds.contains(r))
                .collect();
            self.protocols[at.protocol].steps[id].binds.extend(missing);
        }
    }

    /// The steps after a position, in the chain and, for the main chain, in branches that can be taken then; with the
    /// chain, for the last ones of a chain.
    fn later_steps(&self, id: ProtocolId, chain: ChainId, position: u32) -> Vec<(StepId, Option<ChainId>)> {
        let mut found = Vec::new();
        for (other, c) in self.protocols[id].chains.iter_enumerated() {
            let skipped = if other == chain { position as usize + 1 } else { 0 };
            let open = chain == ChainId(0) && c.window.as_ref().is_some_and(|w| w.to > position);
            if other == chain || open {
                let last = c.steps.len() - 1;
                let steps = c.steps.iter().enumerate().skip(skipped);
                found.extend(steps.map(|(i, s)| (*s, (i == last).then_some(other))));
            }
        }
        found
    }

    fn uses_role(&self, at: StepRef, last_of: Option<ChainId>, role: RoleId) -> bool {
        let is_it = |e: &ExprKind| matches!(e, ExprKind::Role(r) if *r == role);
        let step = self.step(at);
        let mut exprs: Vec<&Expr> = vec![&step.guard];
        exprs.extend(step.lets.iter().map(|(_, e)| e));
        for stmt in step.effects() {
            stmt.visit(&mut |s| exprs.extend(s.exprs()));
        }
        exprs.extend(step.reject.iter().flat_map(|r| &r.outcome.then).flat_map(|h| &h.subjects));
        let outcome = last_of.map(|c| &self.protocols[at.protocol].chains[c].outcome);
        exprs.extend(outcome.iter().flat_map(|o| &o.then).flat_map(|h| &h.subjects));
        for property in &self.properties {
            if let PropertyKind::Step { at: claims, .. } = &property.kind {
                let mine = claims.iter().filter(|c| (c.protocol, c.step) == (at.protocol, at.step));
                exprs.extend(mine.map(|c| &c.claim));
            }
        }
        step.actor == Actor::Role(role) || exprs.into_iter().any(|e| finds(e, &is_it))
    }

    /// The steps that come next choose the parameters.
    fn choose_later(&mut self, at: StepRef, chain: ChainId, position: u32) {
        let params = self.step(at).params.clone();
        let protocol = &mut self.protocols[at.protocol];
        for id in protocol.chains[chain].steps.iter().skip(position as usize + 1) {
            let step = &mut protocol.steps[*id];
            let missing: Vec<RunVarId> =
                params.iter().copied().filter(|p| !step.params.contains(p)).collect();
            step.params.extend(missing);
            if !step.loops {
                break;
            }
        }
    }

    /// Moves what counts positions of a main chain: windows, hand-overs, sub-runs.
    fn move_positions(&mut self, at: StepRef, removed: u32) -> Result<(), Refusal> {
        let span = self.step(at).name_span;
        let length = self.protocols[at.protocol].chains[ChainId(0)].steps.len() as u32;
        let mut closed = Vec::new();
        for (id, chain) in self.protocols[at.protocol].chains.iter_enumerated() {
            if chain.window.as_ref().is_some_and(|w| without_position(w, removed).is_none()) {
                closed.push(id);
            }
        }
        for chain in self.protocols[at.protocol].chains.iter_mut() {
            if let Some(window) = &mut chain.window {
                *window = without_position(window, removed).unwrap_or(Window {
                    from: 0,
                    to: 0,
                    at_start: false,
                    detached: window.detached,
                });
            }
        }
        closed.into_iter().for_each(|id| self.close_branch(at.protocol, id));
        self.move_entries(at.protocol, removed, length, span)
    }

    fn move_entries(
        &mut self,
        protocol: ProtocolId,
        removed: u32,
        length: u32,
        span: Span,
    ) -> Result<(), Refusal> {
        let after = |position: u32| position - u32::from(position > removed);
        let begins = !self.protocols[protocol].begin.is_empty();
        for p in self.protocols.iter_mut() {
            if let Some(parent) = p.parent.as_mut().filter(|parent| parent.protocol == protocol) {
                parent.position = after(parent.position);
                if parent.position >= length || (parent.position == 0 && !begins) {
                    let why = "sub-runs begin or are waited for there".to_owned();
                    return Err(Refusal { why, span });
                }
            }
            let rejects = p.steps.iter_mut().filter_map(|s| s.reject.as_mut()).map(|r| &mut r.outcome);
            let outcomes = p.chains.iter_mut().map(|c| &mut c.outcome).chain(rejects);
            let handovers = outcomes.filter_map(|o| o.then.as_mut());
            for handover in handovers.filter(|h: &&mut Handover| h.protocol == protocol) {
                handover.position = after(handover.position);
                if handover.position >= length {
                    let why =
                        "an outcome starts or resumes runs at it, and no step comes after it".to_owned();
                    return Err(Refusal { why, span });
                }
            }
        }
        Ok(())
    }
}

/// Whether an expression has a part of this kind.
fn finds(e: &Expr, wanted: &dyn Fn(&ExprKind) -> bool) -> bool {
    let mut found = false;
    e.visit(&mut |e| found |= wanted(&e.kind));
    found
}

/// The window once no run waits at this position any more; none when it was open nowhere else.
fn without_position(window: &Window, removed: u32) -> Option<Window> {
    let &Window { from, to, .. } = window;
    if window.at_start && from == 0 && to == 0 {
        return Some(window.clone());
    }
    let moved = match to {
        to if to < removed => to,
        0 => return None,
        to => to - 1,
    };
    let from = from - u32::from(from > removed);
    (from <= moved).then(|| Window { from, to: moved, ..window.clone() })
}
