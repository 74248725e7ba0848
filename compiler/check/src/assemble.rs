//! Code for a plan: which blocks there are, where their results are.

use crate::code::{Block, Code, Emitter, Place};
use crate::machine::{Details, Ground, Group, Judge, Leads, Pairs};
use crate::plan::{Id, Outcome, Plan};
use crate::symbolic::action::Action;
use crate::symbolic::dag::N;
use std::collections::BTreeMap;

/// Nodes of the graph over cells, with those of the plan that compute them.
pub(crate) type Noted = Vec<(N, Id)>;

/// Writes the code of a plan.
pub(crate) struct Assembly<'p> {
    plan: &'p Plan,
    emitter: Emitter<'p>,
}

impl<'p> Assembly<'p> {
    pub(crate) fn new(plan: &'p Plan) -> Assembly<'p> {
        Assembly { plan, emitter: Emitter::new(&plan.graph, plan.words as usize) }
    }

    pub(crate) fn finish(self) -> Code {
        self.emitter.finish()
    }

    fn block<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> (Block, T) {
        let start = self.emitter.here();
        let result = write(self);
        (start..self.emitter.here(), result)
    }

    fn assert(&mut self, conditions: &[Id]) {
        conditions.iter().for_each(|id| self.emitter.assert(*id));
    }

    fn numbered(&mut self, list: &[(Id, u32)]) -> Vec<(Place, u32)> {
        list.iter().map(|(id, number)| (self.emitter.value(*id), *number)).collect()
    }

    pub(crate) fn groups(&mut self) -> Vec<Group> {
        let groups = self.plan.groups.iter();
        groups
            .map(|group| {
                let (code, ()) = self.block(|a| a.assert(&group.conditions));
                self.emitter.end_unit();
                Group { code, actions: group.actions.clone() }
            })
            .collect()
    }

    pub(crate) fn grounds(&mut self, actions: &[Action]) -> Vec<Ground> {
        (0..actions.len()).map(|i| self.ground(i, &actions[i])).collect()
    }

    fn ground(&mut self, i: usize, action: &Action) -> Ground {
        let plan = &self.plan.actions[i];
        let (base, ()) = self.block(|a| a.assert(&plan.base));
        let (guard, ()) = self.block(|a| a.assert(&plan.guard));
        let (rest, ()) = self.block(|a| a.assert(&plan.rest));
        let (cutting, cuts) = self.block(|a| a.numbered(&plan.cuts));
        let (effect, (claims, bounds, leads)) = self.block(|a| {
            a.assert(&plan.live);
            let claims = a.numbered(&plan.claims);
            let kinds = action.bounds.iter().map(|b| b.kind);
            let bounds =
                plan.bounds.iter().zip(kinds).map(|(id, kind)| (a.emitter.value(*id), kind)).collect();
            (claims, bounds, a.leads(&plan.outcome))
        });
        let (judging, exceeding) = self.block(|a| a.numbered(&plan.exceeding));
        self.emitter.end_unit();
        Ground {
            event: action.event.clone(),
            enabling: base.start..rest.end,
            guard,
            refused: plan.refused,
            cutting,
            cuts,
            effect,
            leads,
            bounds,
            claims,
            judging,
            exceeding,
            adverse: action.event.is_adverse(),
            helps: action.event.helps(),
        }
    }

    fn leads(&mut self, outcome: &Outcome) -> Leads {
        match outcome {
            Outcome::Words(list) => {
                Leads::Words(list.iter().map(|(word, id)| (*word, self.emitter.value(*id))).collect())
            }
            Outcome::Cells(list) => {
                Leads::Cells(list.iter().map(|(cell, id)| (*cell, self.emitter.value(*id))).collect())
            }
        }
    }

    /// For each action that needs it the code that names its picks and bounds.
    pub(crate) fn details(&mut self, actions: &[Action], noted: &[Noted]) -> BTreeMap<u32, Details> {
        let mut details = BTreeMap::new();
        for (i, (action, noted)) in actions.iter().zip(noted).enumerate() {
            if action.picks.is_empty() && action.bounds.is_empty() {
                continue;
            }
            let (code, places) =
                self.block(|a| noted.iter().map(|(n, id)| (n.0, a.emitter.value(*id))).collect());
            self.emitter.end_unit();
            let picks = action.picks.iter().map(|p| (p.reached, p.value.clone(), p.ty.clone())).collect();
            details.insert(i as u32, Details { code, places, picks, bounds: action.bounds.clone() });
        }
        details
    }

    pub(crate) fn judge(&mut self) -> Judge {
        let judge = &self.plan.judge;
        let (code, (violated, hits)) = self.block(|a| {
            let violated = a.numbered(&judge.violated);
            let hits = judge.hits.iter();
            let hits = hits.map(|(e, h, f)| (a.emitter.value(*e), a.emitter.value(*h), *f)).collect();
            (violated, hits)
        });
        self.emitter.end_unit();
        Judge { code, violated, hits }
    }

    pub(crate) fn values(&mut self, ids: &[Id]) -> (Block, Vec<Place>) {
        let values = self.block(|a| ids.iter().map(|id| a.emitter.value(*id)).collect());
        self.emitter.end_unit();
        values
    }

    pub(crate) fn pairs(&mut self, pairs: &[(Id, Id)]) -> Pairs {
        let (code, places) =
            self.block(|a| pairs.iter().map(|(p, q)| (a.emitter.value(*p), a.emitter.value(*q))).collect());
        self.emitter.end_unit();
        Pairs { code, places }
    }
}
