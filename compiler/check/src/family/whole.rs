//! What only the whole graph decides: goals that must stay in reach, and liveness.

use super::live::{Combination, Watch};
use super::sets::{add, has};
use super::spread::Explored;
use super::store::Edge;
use super::union::Union;
use super::{Family, NoFamily};
use arch_explorer::fair::Units;
use arch_ir::{PropertyId, PropertyKind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Verdicts by name, in order: whether something is violated.
pub type Verdicts = Vec<(String, bool)>;

impl Family {
    /// Calls `f` for every event that a variant has in a state, with the part without which it is an event, if it is one.
    pub(super) fn each<'f>(&'f self, state: u32, variant: &[u16], f: &mut dyn FnMut(Option<u16>, &'f Edge)) {
        let here: Vec<(u16, &[Edge])> =
            self.store.differences(state).filter(|(p, _)| variant.contains(p)).collect();
        let decided = |a: u16| here.iter().any(|(p, _)| self.parts[*p as usize].touched[a as usize]);
        self.store.events(state).iter().filter(|e| !decided(e.action)).for_each(|e| f(None, e));
        here.iter().for_each(|(part, edges)| edges.iter().for_each(|e| f(Some(*part), e)));
    }

    /// Judges what only the whole graph decides, of those `wanted` among variants that were explored, each of them to its end.
    /// For each variant, goals come first; of the others there are no verdicts.
    ///
    /// # Errors
    ///
    /// When a limit is reached.
    pub fn whole(
        &self,
        explored: &Explored,
        wanted: &[bool],
        interrupt: &AtomicBool,
    ) -> Result<Vec<Verdicts>, NoFamily> {
        let mut verdicts = vec![Verdicts::new(); wanted.len()];
        if !wanted.contains(&true) {
            return Ok(verdicts);
        }
        let union = Union::of(self, explored, wanted);
        self.go_on(union.bytes(), interrupt)?;
        let mut found = self.out_of_reach(&union);
        found.extend(self.live(&union, interrupt)?);
        for (v, verdicts) in verdicts.iter_mut().enumerate().filter(|(v, _)| wanted[*v]) {
            verdicts.extend(found.iter().map(|(name, violated)| (name.clone(), has(violated, v))));
        }
        Ok(verdicts)
    }

    /// For each liveness property the variants that violate it.
    fn live(&self, union: &Union, interrupt: &AtomicBool) -> Result<Vec<(String, Vec<u64>)>, NoFamily> {
        let properties = self.base.program().properties.iter_enumerated();
        let live: Vec<PropertyId> =
            properties.filter(|(_, p)| p.kind.is_liveness()).map(|(id, _)| id).collect();
        let combinations: Vec<(PropertyId, usize)> = live
            .iter()
            .flat_map(|id| self.base.live_combinations(*id).into_iter().map(|c| (*id, c)))
            .collect();
        let units = self.occasions.units();
        let (next, share) = (AtomicUsize::new(0), self.watch_bytes(union));
        let worker = || self.judge_some(union, &units, &combinations, &next, interrupt);
        self.go_on(union.bytes() + share, interrupt)?;
        let judged: Result<Vec<_>, NoFamily> = thread::scope(|scope| {
            let threads = self.options.threads.clamp(1, combinations.len().max(1));
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(worker)).collect();
            let own = worker();
            let others = others.into_iter().map(|o| o.join().expect("judging does not panic"));
            std::iter::once(own).chain(others).collect()
        });
        let mut verdicts: Vec<(PropertyId, Vec<u64>)> =
            live.iter().map(|id| (*id, vec![0; union.width])).collect();
        for (id, violated) in judged?.into_iter().flatten() {
            verdicts.iter_mut().filter(|(of, _)| *of == id).for_each(|(_, set)| add(set, &violated));
        }
        let name = |id: PropertyId| self.base.program().properties[id].name.clone();
        Ok(verdicts.into_iter().map(|(id, violated)| (name(id), violated)).collect())
    }

    /// Judges combinations until none is left.
    fn judge_some(
        &self,
        union: &Union,
        units: &Units,
        combinations: &[(PropertyId, usize)],
        next: &AtomicUsize,
        interrupt: &AtomicBool,
    ) -> Result<Vec<(PropertyId, Vec<u64>)>, NoFamily> {
        let mut watch = Watch::new(union, units);
        let first = 1 + 2 * self.base.goals().len();
        let mut found = Vec::new();
        while let Some((id, number)) = combinations.get(next.fetch_add(1, Ordering::Relaxed)) {
            self.go_on(union.bytes(), interrupt)?;
            let kind = &self.base.program().properties[*id].kind;
            let initially = matches!(kind, PropertyKind::Eventually(_));
            let combination = Combination { due: first + 2 * number, initially };
            found.push((*id, watch.violated(self, combination)));
        }
        Ok(found)
    }

    /// Bytes that judging takes beside the graph.
    fn watch_bytes(&self, union: &Union) -> u64 {
        let of_state = 8 * union.width as u64 + 40;
        self.store.len() as u64 * of_state * self.options.threads.max(1) as u64
    }

    /// An error if a limit is reached, with so many bytes in use beside.
    fn go_on(&self, beside: u64, interrupt: &AtomicBool) -> Result<(), NoFamily> {
        self.stopped(beside, interrupt).map_or(Ok(()), |stop| Err(NoFamily::Stopped(stop)))
    }
}
