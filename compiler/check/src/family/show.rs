//! A short behaviour that shows what breaks in a variant, read off the common graph.
//!
//! States are visited in the order in which a breadth-first search of the variant alone finds them, so that what is shown is what
//! that would show.

use super::spread::nothing_helps;
use super::store::{Edge, NOWHERE, On};
use super::{Family, Shown};
use crate::check::name_of;
use crate::liveness::nearest;
use crate::machine::Machine;
use arch_explorer::fair::{Labelled, Lasso, Reached, Search, Units, lasso};
use arch_explorer::{Successors, System};
use arch_ir::fairness::{FairUnit, assumptions};
use arch_ir::{Event, PropertyId, PropertyKind};

const NONE: u32 = u32::MAX;

/// An event of a variant: with the part without which it is one, if it is.
type Step = (Option<u16>, Edge);

/// The states of a variant, in the order in which they are found.
struct Walk<'v> {
    variant: &'v [u16],
    /// What each state is in the store.
    states: Vec<u32>,
    /// For each state of the store its number here.
    numbers: Vec<u32>,
    depth: Vec<u32>,
    /// How each state was reached first; none for initial states.
    by: Vec<Option<(u32, Step)>>,
    initial: usize,
}

/// Something that breaks: which of the names in question, at a state, or on an event of it.
struct Break {
    steps: u32,
    name: usize,
    at: u32,
    last: Option<Step>,
}

/// A variant's own graph, in the numbers of its walk.
struct Whole {
    graph: Labelled,
    units: Units,
    names: Vec<FairUnit>,
}

impl Walk<'_> {
    fn add(&mut self, state: u32, depth: u32, by: Option<(u32, Step)>) {
        let number = &mut self.numbers[state as usize];
        if *number == NONE {
            *number = self.states.len() as u32;
            self.states.push(state);
            self.depth.push(depth);
            self.by.push(by);
        }
    }

    /// The state of the store where a shortest path to a state begins, and its events.
    fn path(&self, mut at: u32) -> (u32, Vec<(u32, Step)>) {
        let mut steps = Vec::new();
        while let Some((from, step)) = &self.by[at as usize] {
            steps.push((self.states[*from as usize], *step));
            at = *from;
        }
        steps.reverse();
        (self.states[at as usize], steps)
    }
}

impl Family {
    /// The events of a variant in a state, in the order in which the program without its parts has them.
    fn steps(&self, state: u32, variant: &[u16]) -> Vec<Step> {
        let mut steps: Vec<(u32, Step)> = Vec::new();
        self.each(state, variant, &mut |part, edge| {
            let order = part.map_or(u32::from(edge.action), |p| self.parts[p as usize].order(edge.action));
            steps.push((order, (part, *edge)));
        });
        steps.sort_by_key(|(order, _)| *order);
        steps.into_iter().map(|(_, step)| step).collect()
    }

    fn walk<'v>(&self, variant: &'v [u16]) -> Walk<'v> {
        let mut walk = Walk {
            variant,
            states: Vec::new(),
            numbers: vec![NONE; self.store.len()],
            depth: Vec::new(),
            by: Vec::new(),
            initial: self.initial.len(),
        };
        self.initial.iter().for_each(|s| walk.add(*s, 0, None));
        walk
    }

    /// A shortest behaviour of a variant that shows a violation of one of these, in their order; `live`: of liveness properties,
    /// or else of what states and events alone decide, or if there is none of what takes the whole graph.
    ///
    /// None if nothing breaks, or (which would be an error) nothing can be shown.
    #[must_use]
    pub fn show(&self, variant: &[u16], names: &[String], live: bool) -> Option<Shown> {
        if live {
            return self.show_live(&self.whole_walk(variant), names);
        }
        let mut walk = self.walk(variant);
        let found = self.first_break(&mut walk, names);
        found.map(|found| self.told(&walk, names, &found)).or_else(|| {
            let walk = self.whole_walk(variant);
            self.show_goal(&walk, names).or_else(|| self.show_missing(&walk, names))
        })
    }

    fn whole_walk<'v>(&self, variant: &'v [u16]) -> Walk<'v> {
        let mut walk = self.walk(variant);
        let mut at = 0;
        while at < walk.states.len() {
            self.go_on_from(&mut walk, at as u32);
            at += 1;
        }
        walk
    }

    fn go_on_from(&self, walk: &mut Walk<'_>, at: u32) {
        for step in self.steps(walk.states[at as usize], walk.variant) {
            if step.1.target != NOWHERE {
                walk.add(step.1.target, walk.depth[at as usize] + 1, Some((at, step)));
            }
        }
    }

    /// The first thing that a state or an event shows, on a shortest path.
    fn first_break(&self, walk: &mut Walk<'_>, names: &[String]) -> Option<Break> {
        let mut best: Option<Break> = None;
        let mut at = 0;
        while at < walk.states.len() {
            let depth = walk.depth[at];
            if best.as_ref().is_some_and(|b| depth > b.steps) {
                break;
            }
            for found in self.breaks_at(walk, at as u32, names) {
                if best.as_ref().is_none_or(|b| (found.steps, found.name) < (b.steps, b.name)) {
                    best = Some(found);
                }
            }
            if best.as_ref().is_none_or(|b| depth < b.steps) {
                self.go_on_from(walk, at as u32);
            }
            at += 1;
        }
        best
    }

    fn breaks_at(&self, walk: &Walk<'_>, at: u32, names: &[String]) -> Vec<Break> {
        let (state, depth) = (walk.states[at as usize], walk.depth[at as usize]);
        let mut found = Vec::new();
        let named = |finding: u32| {
            let name = name_of(&self.base, self.base.findings()[finding as usize])?;
            names.iter().position(|n| n == name)
        };
        for note in self.store.notes(state) {
            let Some(name) = named(note.finding) else { continue };
            match note.on {
                On::State => found.push(Break { steps: depth, name, at, last: None }),
                On::Event(_) | On::Part(_) => {
                    let last = self.step_of(state, walk.variant, note.on, note.finding);
                    found.extend(last.map(|s| Break { steps: depth + 1, name, at, last: Some(s) }));
                }
            }
        }
        let stuck = self.base.stuck.and_then(named).filter(|_| self.store.is(state, 0));
        let helped = |(part, edge): &Step| self.helps(*part, state, edge);
        let stuck = stuck.filter(|_| !self.steps(state, walk.variant).iter().any(helped));
        if let Some(name) = stuck.filter(|_| self.waits_in_vain(self.store.state(state), walk.variant)) {
            found.push(Break { steps: depth, name, at, last: None });
        }
        found
    }

    /// The event of a variant on which something was found; none if it has no such event.
    fn step_of(&self, state: u32, variant: &[u16], on: On, finding: u32) -> Option<Step> {
        let (part, action) = match on {
            On::State => return None,
            On::Event(action) => (None, u32::from(action)),
            On::Part(part) => (Some(part), self.action_of(state, part, finding)?),
        };
        let is = |(of, edge): &Step| *of == part && u32::from(edge.action) == action;
        self.steps(state, variant).into_iter().find(is)
    }

    /// The action without a part on which something is found in a state.
    fn action_of(&self, state: u32, part: u16, finding: u32) -> Option<u32> {
        let machine = self.machine(Some(part))?;
        let mut events = Successors::new(machine.words(), machine.actions());
        machine.events(self.store.state(state), &mut machine.scratch(), &mut events);
        events.found().iter().find(|f| f.finding == finding).and_then(|f| f.action)
    }

    fn told(&self, walk: &Walk<'_>, names: &[String], found: &Break) -> Shown {
        let (initial, mut steps) = walk.path(found.at);
        steps.extend(found.last.map(|step| (walk.states[found.at as usize], step)));
        let events = steps.iter().map(|(from, step)| self.event(*from, step)).collect();
        Shown {
            name: names[found.name].clone(),
            initial: Some(self.base.decode(self.store.state(initial))),
            events,
            back_to: None,
            assumed: Vec::new(),
        }
    }

    fn event(&self, from: u32, (part, edge): &Step) -> Event {
        let machine: &Machine = self.machine(*part).unwrap_or(&self.base);
        machine.event(u32::from(edge.action), self.store.state(from))
    }

    /// A shortest path to a state from which a goal is out of reach.
    fn show_goal(&self, walk: &Walk<'_>, names: &[String]) -> Option<Shown> {
        let (graph, units) = (self.graph(walk, |(part, edge)| self.is_way(*part, edge)), Units::default());
        let mut search = Search::new(&graph, &units);
        let mut best: Option<Break> = None;
        for (number, goal) in self.base.goals().iter().enumerate() {
            let name = self.claims(goal);
            let Some(name) = names.iter().position(|n| n == name) else { continue };
            let is = |s: u32, fact: usize| self.store.is(walk.states[s as usize], fact);
            let Some(at) =
                first_unable(&graph, &mut search, |s| is(s, 1 + 2 * number), |s| is(s, 2 + 2 * number))
            else {
                continue;
            };
            let steps = walk.depth[at as usize];
            if best.as_ref().is_none_or(|b| (steps, name, at) < (b.steps, b.name, b.at)) {
                best = Some(Break { steps, name, at, last: None });
            }
        }
        best.map(|found| self.told(walk, names, &found))
    }

    /// What is to be reachable and is not: there is no behaviour to show.
    fn show_missing(&self, walk: &Walk<'_>, names: &[String]) -> Option<Shown> {
        let mut found = vec![false; self.base.findings().len()];
        for state in &walk.states {
            let notes = self.store.notes(*state).iter().filter(|n| n.on == On::State);
            notes.for_each(|n| found[n.finding as usize] = true);
        }
        let missing = |id: PropertyId| {
            let wanted = self.first.as_ref().map_or_else(Vec::new, |first| self.base.wanted(id, first));
            wanted.iter().any(|f| !found[*f as usize])
        };
        let properties = self.base.program().properties.iter_enumerated();
        let (_, property) = properties
            .filter(|(_, p)| matches!(p.kind, PropertyKind::Reachable(_)) && names.contains(&p.name))
            .find(|(id, _)| missing(*id))?;
        let name = property.name.clone();
        Some(Shown { name, initial: None, events: Vec::new(), back_to: None, assumed: Vec::new() })
    }

    /// The shortest lasso of those that show each liveness property that breaks.
    fn show_live(&self, walk: &Walk<'_>, names: &[String]) -> Option<Shown> {
        let whole = self.whole_graph(walk);
        let properties = self.base.program().properties.iter_enumerated();
        let live = properties.filter(|(_, p)| p.kind.is_liveness() && names.contains(&p.name));
        let mut best: Option<(u32, String, Lasso)> = None;
        for (id, property) in live {
            let Some(lasso) = self.lasso(walk, &whole, id) else { continue };
            let steps = lasso_steps(walk, &lasso);
            if best.as_ref().is_none_or(|(least, ..)| steps < *least) {
                best = Some((steps, property.name.clone(), lasso));
            }
        }
        let (_, name, lasso) = best?;
        let (initial, steps) = walk.path(lasso.start);
        let mut events: Vec<Event> = steps.iter().map(|(from, step)| self.event(*from, step)).collect();
        let mut at = lasso.start;
        for edge in lasso.path.iter().chain(&lasso.cycle) {
            events.push(self.event_of_edge(walk, &whole, at, *edge)?);
            at = whole.graph.target(*edge);
        }
        let back_to = Some(events.len() - lasso.cycle.len());
        let initial = Some(self.base.decode(self.store.state(initial)));
        Some(Shown { name, initial, events, back_to, assumed: assumptions(&whole.names) })
    }

    /// The shortest lasso of those of each combination.
    fn lasso(&self, walk: &Walk<'_>, whole: &Whole, id: PropertyId) -> Option<Lasso> {
        let Whole { graph, units, .. } = whole;
        let active = vec![true; units.list().len()];
        let mut search = Search::new(graph, units);
        let initially = matches!(self.base.program().properties[id].kind, PropertyKind::Eventually(_));
        let last = if initially { walk.initial } else { walk.states.len() };
        let first = 1 + 2 * self.base.goals().len();
        let of_each = self.base.live_combinations(id).into_iter().filter_map(|combination| {
            let is =
                |s: u32, fact: usize| self.store.is(walk.states[s as usize], first + 2 * combination + fact);
            let due = (0..last as u32).filter(|s| is(*s, 0) && !is(*s, 1));
            let starts: Vec<(u32, u32)> = due.map(|s| (s, walk.depth[s as usize])).collect();
            let reached = Reached::from(graph, &starts, |s| !is(s, 1));
            let kept = nearest(&mut search, &reached, &active);
            lasso::short(graph, units, &active, &reached, &kept)
        });
        of_each.min_by_key(|lasso| lasso_steps(walk, lasso))
    }

    /// The first event of a state that an edge stands for.
    fn event_of_edge(&self, walk: &Walk<'_>, whole: &Whole, at: u32, edge: u64) -> Option<Event> {
        let (target, label) = (whole.graph.target(edge), whole.graph.label(edge));
        let state = walk.states[at as usize];
        let is = |(_, e): &&Step| e.target == walk.states[target as usize] && e.fair_label() == label;
        self.steps(state, walk.variant).iter().find(is).map(|step| self.event(state, step))
    }

    /// The events of a variant between the states of its walk, with the units that occur.
    fn whole_graph(&self, walk: &Walk<'_>) -> Whole {
        let graph = self.graph(walk, |_| true);
        let (names, units) = self.occasions.units_of(&graph);
        Whole { graph, units, names }
    }

    /// Some of the events of a variant between the states of its walk.
    fn graph(&self, walk: &Walk<'_>, wanted: impl Fn(&Step) -> bool) -> Labelled {
        let mut graph = Labelled::default();
        for &state in &walk.states {
            for (_, edge) in self.steps(state, walk.variant).iter().filter(|step| wanted(step)) {
                if let Some((target, label)) = edge.labelled(state) {
                    graph.push_once(walk.numbers[target as usize], label);
                }
            }
            graph.close();
        }
        graph
    }

    /// Whether no number of ticks leads a variant from a state to one with an event that helps. The states are not looked up:
    /// those of a variant whose exploration ended need not be known.
    fn waits_in_vain(&self, state: &[u64], variant: &[u16]) -> bool {
        nothing_helps(state.to_vec(), |at| self.looked_at(at, variant))
    }

    /// Whether a variant has an event that helps in a state, and where its tick leads.
    fn looked_at(&self, state: &[u64], variant: &[u16]) -> (bool, Option<Vec<u64>>) {
        let decided = |a: u32| variant.iter().any(|p| self.parts[*p as usize].touched[a as usize]);
        let (mut helps, mut tick) = (false, None);
        for part in std::iter::once(None).chain(variant.iter().copied().map(Some)) {
            let Some(machine) = self.machine(part) else { continue };
            let mut events = Successors::new(machine.words(), machine.actions());
            machine.events(state, &mut machine.scratch(), &mut events);
            for (action, to) in events.events().filter(|(a, _)| part.is_some() || !decided(*a)) {
                helps |= machine.grounds[action as usize].helps && to != Some(state);
                if machine.tick == Some(action) {
                    tick = to.map(<[u64]>::to_vec);
                }
            }
        }
        (helps, tick)
    }
}

/// The steps of a behaviour until its cycle has been gone through once.
fn lasso_steps(walk: &Walk<'_>, lasso: &Lasso) -> u32 {
    walk.depth[lasso.start as usize] + lasso.steps() as u32
}

/// The first state for which a goal counts and that cannot reach it.
fn first_unable(
    graph: &Labelled,
    search: &mut Search<'_>,
    counts: impl Fn(u32) -> bool,
    inside: impl Fn(u32) -> bool,
) -> Option<u32> {
    let all: Vec<u32> = (0..graph.states() as u32).collect();
    let mut reach = vec![false; all.len()];
    search.components(&all, &mut |_, component| {
        let leads = |s: &u32| inside(*s) || graph.of(*s).any(|(to, _)| reach[to as usize]);
        let reached = component.iter().any(leads);
        component.iter().for_each(|s| reach[*s as usize] = reached);
        true
    });
    all.into_iter().find(|s| counts(*s) && !reach[*s as usize])
}
