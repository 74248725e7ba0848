//! Whether a program without some of its parts does exactly what it does with them: in every reachable state the same
//! events, to the same states, with the same findings.
//!
//! The program is explored once; in every state, the steps that a changed program has changed are executed in both.
//! A changed program is compiled in the layout of the program, so that a state of one is a state of the other, with
//! instants in the classes of the program: a comparison that is removed must not blur what the states are. If nothing
//! ever differs, both have the same reachable graph, by induction over behaviours: why that needs the changed steps
//! alone, and what it means for verdicts, is in `docs/internals/audit.md`.

use crate::check::{explorer_limits, stop};
use crate::error::CompileError;
use crate::execute;
use crate::kinds::{Does, Kinds};
use crate::machine::Machine;
use crate::symmetry::{Naming, Quotient, symmetry_of};
use crate::{Options, layout::Layout};
use arch_explorer::{Enough, Successors, System, explore};
use arch_ir::change::StepRef;
use arch_ir::report::Stop;
use arch_ir::symmetry::Symmetry;
use arch_ir::{Event, FaultKind, Program};
use std::sync::atomic::{AtomicBool, Ordering};

/// A program that differs from another in the guards, `lets` and effects of these steps alone.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The program.
    pub program: Program,
    /// The steps.
    pub steps: Vec<StepRef>,
}

/// What was found of some variants of a program.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// For each variant, whether it has the reachable graph of the program; none when that is not known.
    pub same: Vec<Option<bool>>,
    /// The events that happen in the program, without what is picked in them: all of them if exploration was not stopped.
    pub happened: Vec<Event>,
    /// Why exploration ended early, if it did.
    pub stopped: Option<Stop>,
    /// Whether `cut` disabled an event of the program: nothing is the same then, as far as anybody knows.
    pub cut: bool,
}

/// Compares a program with variants of it. `early`: ends as soon as all of them are known to differ.
///
/// # Errors
///
/// When one of the programs cannot be packed.
pub fn compare(
    program: &Program,
    variants: &[Variant],
    early: bool,
    options: &Options,
    interrupt: &AtomicBool,
) -> Result<Comparison, CompileError> {
    let machine = Machine::compile(program)?;
    let mut kinds = Kinds::default();
    let of_actions = kinds.of(&machine);
    let others: Vec<Other> = variants
        .iter()
        .map(|v| Other::of(&machine, &machine.layout, v, &mut kinds))
        .collect::<Result<_, _>>()?;
    let symmetry = options.symmetry.then(|| symmetry_of(&machine));
    let quotient = symmetry.filter(|s| others.iter().all(|o| o.admits(s)));
    let quotient = quotient.and_then(|s| Quotient::of(&machine, &s));
    let system = Lockstep { machine: &machine, quotient, kinds: of_actions, others };
    let mut limits = explorer_limits(&machine, options);
    limits.enough = early.then(|| Enough { any: Vec::new(), all: (0..variants.len() as u32).collect() });
    let explored = explore(&system, &limits, interrupt, &mut |_| {});
    let whole = explored.stopped.is_none();
    let noted = |m: &Machine, of: &dyn Fn(&Scratch) -> &execute::Scratch| {
        explored.scratches.iter().any(|s| m.was_cut(of(s)))
    };
    let cut = noted(&machine, &|s| &s.machine);
    let same = |(i, found): (usize, &Option<u32>)| {
        let known = whole && !cut && !noted(&system.others[i].machine, &|s| &s.others[i].0);
        found.map(|_| false).or(known.then_some(true))
    };
    let happened = (0..machine.actions()).filter(|a| explored.executed[*a] > 0);
    Ok(Comparison {
        same: explored.found.iter().enumerate().map(same).collect(),
        happened: happened.map(|a| machine.template(a as u32)).collect(),
        stopped: explored.stopped.map(stop),
        cut,
    })
}

/// A variant, compiled.
struct Other {
    /// It, with the actions of the changed steps only.
    machine: Machine,
    /// What each of its actions is.
    kinds: Vec<u32>,
    /// Which actions of the program are of the changed steps.
    touched: Vec<bool>,
    /// Whether a difference was found.
    differs: AtomicBool,
}

impl Other {
    fn of(
        base: &Machine,
        layout: &Layout,
        variant: &Variant,
        kinds: &mut Kinds,
    ) -> Result<Other, CompileError> {
        let mut machine = Machine::compile_in(&variant.program, layout)?;
        let own = |a: u32| is_of(&variant.program, &variant.steps, &machine.template(a));
        let own: Vec<bool> = (0..machine.actions() as u32).map(own).collect();
        machine.restrict(|a| own[a as usize]);
        let of_base = |a: u32| is_of(&base.program, &variant.steps, &base.template(a));
        Ok(Other {
            touched: (0..base.actions() as u32).map(of_base).collect(),
            kinds: kinds.of(&machine),
            machine,
            differs: AtomicBool::new(false),
        })
    }

    /// Whether renaming turns events of the variant into events of it, where it does for the program.
    fn admits(&self, of_base: &Symmetry) -> bool {
        let own = symmetry_of(&self.machine);
        let within = |(mine, base): (&Vec<Vec<u32>>, &Vec<Vec<u32>>)| {
            base.iter().all(|block| mine.iter().any(|b| block.iter().all(|i| b.contains(i))))
        };
        own.blocks.iter().zip(of_base.blocks.iter()).all(within)
    }
}

/// Whether a step has a deadline: then ticks, and what every event leaves of the counts, depend on when it is enabled.
#[must_use]
pub fn is_timed(program: &Program, at: StepRef) -> bool {
    program.deadlines.iter().any(|d| d.protocol == at.protocol && d.step == at.step)
}

/// Whether an event is one of these steps: executed, refused, or delivered. If one of them has a deadline, every event is.
#[must_use]
pub fn is_of(program: &Program, steps: &[StepRef], event: &Event) -> bool {
    if steps.iter().any(|at| is_timed(program, *at)) {
        return true;
    }
    let of = match event {
        Event::Step { run, step, .. } | Event::Reject { run, step, .. } => Some((run.protocol, *step)),
        Event::Deliver { fault, .. } => match &program.faults[*fault].kind {
            FaultKind::Duplicate { protocol, step, .. } => Some((*protocol, *step)),
            _ => None,
        },
        _ => None,
    };
    of.is_some_and(|(protocol, step)| steps.contains(&StepRef { protocol, step }))
}

/// The program, which notices in every state how variants differ: one finding for each.
struct Lockstep<'m> {
    machine: &'m Machine,
    quotient: Option<Quotient<'m>>,
    /// What each action is.
    kinds: Vec<u32>,
    others: Vec<Other>,
}

/// A worker's memory.
struct Scratch {
    machine: execute::Scratch,
    naming: Naming,
    events: Successors,
    others: Vec<(execute::Scratch, Successors)>,
}

impl System for Lockstep<'_> {
    type Scratch = Scratch;

    fn widths(&self) -> &[u32] {
        self.machine.widths()
    }

    fn actions(&self) -> usize {
        System::actions(self.machine)
    }

    fn findings(&self) -> usize {
        self.others.len()
    }

    fn scratch(&self) -> Scratch {
        let buffer = |m: &Machine| Successors::new(m.words(), System::actions(m));
        Scratch {
            machine: self.machine.scratch(),
            naming: Naming::default(),
            events: buffer(self.machine),
            others: self.others.iter().map(|o| (o.machine.scratch(), buffer(&o.machine))).collect(),
        }
    }

    fn initial(&self, sink: &mut dyn FnMut(&[u64]) -> bool) {
        match &self.quotient {
            Some(quotient) => quotient.initial(sink),
            None => self.machine.initial(sink),
        }
    }

    fn expand(&self, state: &[u64], scratch: &mut Scratch, out: &mut Successors) {
        let Scratch { machine, naming, events, others } = scratch;
        events.clear();
        self.machine.events(state, machine, events);
        for (number, (other, (scratch, found))) in self.others.iter().zip(others).enumerate() {
            if other.differs.load(Ordering::Relaxed) {
                continue;
            }
            found.clear();
            other.machine.events(state, scratch, found);
            let spec = Does { kinds: &self.kinds, events };
            if spec.differs(&other.touched, Does { kinds: &other.kinds, events: found }) {
                other.differs.store(true, Ordering::Relaxed);
                out.find(number as u32, None);
            }
        }
        let first = out.len();
        for (action, to) in events.events() {
            match to {
                Some(to) => out.push(action, to),
                None => out.nowhere(action),
            }
        }
        if let Some(quotient) = &self.quotient {
            quotient.settle_events(state, first, naming, out);
        }
    }

    fn judge(&self, _: &[u64], _: &mut Scratch, _: &mut Vec<u32>) {}
}
