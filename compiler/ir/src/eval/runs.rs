//! Where runs are and go: reaching steps, beginning, outcomes, hand-overs (section 3).

use super::effect::Halt;
use super::{Context, Happening, Interpreter, Who, expr};
use crate::program::{Actor, ChainId, Handover, Outcome, ProtocolId, RoleId, SortId, StepId};
use crate::state::{Event, Excess, ExcessKind, RunRef, RunState, State, Status};
use arch_base::{Idx, Span};

/// How a run ends: the outcome with what its hand-over needs.
pub(super) struct Ending<'p> {
    pub outcome: &'p Outcome,
    /// Subjects of the run that is started or resumed, if there is one.
    pub subjects: Option<Vec<u32>>,
    /// The chain or reject that says so.
    pub span: Span,
}

impl<'p> Interpreter<'p> {
    /// Whether a run has reached a step.
    pub(super) fn reached(&self, state: &State, run: RunRef, step: StepId) -> bool {
        let Some((chain, i)) = self.place(run.protocol, step) else { return false };
        match expr::run_state(state, run).map(|r| r.status) {
            Some(Status::Idle) => {
                self.can_be_first(run.protocol, chain, i)
                    && self.parent_allows(state, run)
                    && (chain != ChainId(0) || self.joined(state, run, 0, i))
            }
            Some(Status::At(c, p)) => {
                (c == chain
                    && self.on_the_way(run.protocol, c, p as usize, i)
                    && (c != ChainId(0) || self.joined(state, run, p as usize, i)))
                    || (c == ChainId(0) && i == 0 && self.branches_off(run.protocol, chain, p as usize))
            }
            Some(Status::Ended(_)) | None => false,
        }
    }

    /// Whether an idle run may take the step at this place.
    fn can_be_first(&self, protocol: ProtocolId, chain: ChainId, i: usize) -> bool {
        let p = &self.program.protocols[protocol];
        let at_start = match &p.chains[chain].window {
            None => self.on_the_way(protocol, chain, 0, i),
            Some(window) => i == 0 && window.at_start,
        };
        p.begin.is_empty() && at_start
    }

    /// Whether a run at position p of the main chain is at a position in a branch's window.
    fn branches_off(&self, protocol: ProtocolId, chain: ChainId, p: usize) -> bool {
        let program = &self.program.protocols[protocol];
        let Some(window) = &program.chains[chain].window else { return false };
        let main = &program.chains[ChainId(0)].steps;
        let passed = main.iter().skip(p).take_while(|s| program.steps[**s].loops).count();
        p <= window.to as usize && window.from as usize <= p + passed
    }

    /// Whether an idle run's subjects are free: each one of an actor that is not `concurrent` is in no
    /// other unfinished run of the protocol.
    pub(super) fn may_begin(&self, state: &State, run: RunRef) -> bool {
        let protocol = &self.program.protocols[run.protocol];
        let (subjects, _) = self.program.run_subjects(protocol, run.run);
        let inherited = self.program.inherited_subjects(protocol);
        let mut named = protocol.subjects.iter().zip(subjects).skip(inherited);
        named.all(|(subject, n)| self.may_take_part(state, run, (subject.sort, n)))
    }

    /// Whether an instance may be part of a run.
    pub(super) fn may_take_part(&self, state: &State, run: RunRef, (sort, n): (SortId, u32)) -> bool {
        let declared = &self.program.sorts[sort];
        if !declared.actor || declared.concurrent {
            return true;
        }
        let others =
            state.protocol(run.protocol).iter().zip(0..).filter(|(r, i)| *i != run.run && r.unfinished());
        others.map(|(_, i)| RunRef { run: i, ..run }).all(|other| !self.takes_part(state, other, (sort, n)))
    }

    /// Whether an instance is a subject or a bound role of a run. The subjects that a sub-run has from its parent
    /// take part in that one.
    fn takes_part(&self, state: &State, run: RunRef, instance: (SortId, u32)) -> bool {
        let inherited = self.program.inherited_subjects(&self.program.protocols[run.protocol]);
        self.is_subject_from(run, inherited, instance) || self.is_bound(state, run, instance)
    }

    pub(super) fn is_subject(&self, run: RunRef, instance: (SortId, u32)) -> bool {
        self.is_subject_from(run, 0, instance)
    }

    fn is_subject_from(&self, run: RunRef, first: usize, (sort, n): (SortId, u32)) -> bool {
        let protocol = &self.program.protocols[run.protocol];
        let (subjects, _) = self.program.run_subjects(protocol, run.run);
        protocol.subjects.iter().zip(subjects).skip(first).any(|(s, i)| s.sort == sort && i == n)
    }

    pub(super) fn is_bound(&self, state: &State, run: RunRef, (sort, n): (SortId, u32)) -> bool {
        let roles = &self.program.protocols[run.protocol].roles;
        let bound = expr::run_state(state, run).map_or(&[][..], |r| &r.roles);
        roles.iter().zip(bound).any(|(role, i)| role.sort == sort && *i == Some(n))
    }

    /// The instance that acts in a step of a run; none while its role is unbound.
    pub(super) fn acting(&self, state: &State, run: RunRef, step: StepId) -> Option<(SortId, u32)> {
        let protocol = &self.program.protocols[run.protocol];
        match protocol.steps[step].actor {
            Actor::Subject(i) => {
                let (subjects, _) = self.program.run_subjects(protocol, run.run);
                Some((protocol.subjects.get(i as usize)?.sort, *subjects.get(i as usize)?))
            }
            Actor::Role(role) => {
                let bound = expr::run_state(state, run)?.roles.get(role.index()).copied().flatten()?;
                Some((protocol.roles.get(role)?.sort, bound))
            }
        }
    }

    pub(super) fn who(&self, state: &State, run: RunRef, actor: Option<(SortId, u32)>) -> Who {
        let skew = actor.map_or(0, |(sort, n)| state.skew_of(sort, n));
        Who { run: Some(run), actor, skew }
    }

    /// The event that reads the `let`s of the head.
    pub(super) fn begin_event<'s>(
        &self,
        state: &'s State,
        run: RunRef,
        cut: &mut Vec<Span>,
    ) -> Option<Happening<'s>> {
        let protocol = &self.program.protocols[run.protocol];
        let idle = expr::run_state(state, run)?.status == Status::Idle;
        if protocol.begin.is_empty()
            || !idle
            || !self.may_begin(state, run)
            || !self.starter_is_up(state, run)
        {
            return None;
        }
        let mut next = state.clone();
        let mut excess = Vec::new();
        if let Err(halt) = self.begin(&mut next, run, 0, &mut excess) {
            note_cut(halt, cut);
            return None;
        }
        Some(Happening {
            event: Event::Begin(run),
            state: next,
            judged: None,
            excess,
            violated: Vec::new(),
            before: state,
        })
    }

    /// Whether the subject that acts in the first step is up (a role is bound later).
    fn starter_is_up(&self, state: &State, run: RunRef) -> bool {
        let protocol = &self.program.protocols[run.protocol];
        let first = protocol.chains.get(ChainId(0)).and_then(|c| c.steps.first());
        let subject = first.filter(|s| matches!(protocol.steps[**s].actor, Actor::Subject(_)));
        let actor = subject.and_then(|s| self.acting(state, run, *s));
        actor.is_none_or(|(sort, n)| !state.is_down(sort, n))
    }

    /// Puts a run at a position of the main chain, fresh but for the `let`s of the head.
    fn begin(
        &self,
        state: &mut State,
        run: RunRef,
        position: u32,
        excess: &mut Vec<Excess>,
    ) -> Result<(), Halt> {
        let protocol = &self.program.protocols[run.protocol];
        *run_mut(state, run) = RunState::idle(protocol);
        self.reset_sub_runs(state, run);
        let (subjects, _) = self.program.run_subjects(protocol, run.run);
        let actor = match (&protocol.subjects[..], &subjects[..]) {
            ([subject], [n]) => Some((subject.sort, *n)),
            _ => None,
        };
        let who = self.who(state, run, actor);
        self.evaluate_lets(state, who, &protocol.begin, excess)?;
        run_mut(state, run).status = Status::At(ChainId(0), position);
        Ok(())
    }

    /// Moves a run that executed a step (its effect has been applied).
    pub(super) fn move_run(
        &self,
        state: &mut State,
        before: &State,
        (run, step): (RunRef, StepId),
        ending: Option<Ending<'p>>,
        excess: &mut Vec<Excess>,
    ) -> Result<(), Halt> {
        let protocol = &self.program.protocols[run.protocol];
        let Some((chain, i)) = self.place(run.protocol, step) else { return Ok(()) };
        let at = |i: usize| Status::At(chain, u32::try_from(i).unwrap_or(u32::MAX));
        if protocol.chains[chain].window.as_ref().is_some_and(|w| w.detached) {
            self.stay(state, before, run, step);
        } else if protocol.steps[step].loops {
            run_mut(state, run).status = at(i);
        } else if let Some(ending) = ending {
            return self.conclude(state, run, ending, excess);
        } else {
            run_mut(state, run).status = at(i + 1);
        }
        Ok(())
    }

    /// A detached branch leaves the run as it is, but for what was assigned to its variables.
    fn stay(&self, state: &mut State, before: &State, run: RunRef, step: StepId) {
        let protocol = &self.program.protocols[run.protocol];
        let Some(was) = expr::run_state(before, run) else { return };
        let now = run_mut(state, run);
        now.roles.clone_from(&was.roles);
        for param in &protocol.steps[step].params {
            now.vars[param.index()] = was.vars[param.index()].clone();
        }
        if !now.unfinished() {
            now.vars = RunState::idle(protocol).vars;
        }
    }

    /// What a step's execution ends its run with, if it is the last of its chain.
    pub(super) fn ending<'a>(&self, cx: &Context<'a>, run: RunRef, step: StepId) -> Option<Ending<'p>>
    where
        'p: 'a,
    {
        let protocol = &self.program.protocols[run.protocol];
        let (id, i) = self.place(run.protocol, step)?;
        let chain = &protocol.chains[id];
        let last = i + 1 == chain.steps.len();
        last.then(|| self.ending_with(cx, &chain.outcome, chain.span))
    }

    /// An outcome with the subjects of its hand-over, as they are now.
    pub(super) fn ending_with<'a>(&self, cx: &Context<'a>, outcome: &'p Outcome, span: Span) -> Ending<'p>
    where
        'p: 'a,
    {
        let handover = outcome.then.as_ref();
        let subjects =
            handover.and_then(|h| h.subjects.iter().map(|e| expr::id(&self.eval(cx, e))).collect());
        Ending { outcome, subjects, span }
    }

    /// Ends a run with an outcome, and hands over.
    pub(super) fn conclude(
        &self,
        state: &mut State,
        run: RunRef,
        ending: Ending<'p>,
        excess: &mut Vec<Excess>,
    ) -> Result<(), Halt> {
        let over = (&ending.outcome.then, &ending.subjects);
        if let (Some(handover), Some(subjects)) = over
            && !handover.starts
            && self.resumed(handover, subjects) == run
        {
            self.relocate(state, run, handover);
            return Ok(());
        }
        let word = ending.outcome.ends.then_some(ending.outcome.word.as_str());
        self.end_run(state, run, word);
        match over {
            (Some(handover), Some(subjects)) if handover.starts => {
                self.start(state, handover, subjects, ending.span, excess)
            }
            (Some(handover), Some(subjects)) => self.resume(state, handover, subjects, excess),
            _ => Ok(()),
        }
    }

    /// Resets a run; it is over with this word unless the protocol repeats.
    pub(super) fn end_run(&self, state: &mut State, run: RunRef, word: Option<&str>) {
        let protocol = &self.program.protocols[run.protocol];
        let word = word.filter(|_| !protocol.repeats && !protocol.rule);
        let number = word.and_then(|w| protocol.endings().iter().position(|e| *e == w));
        let status = number.and_then(|n| u32::try_from(n).ok()).map_or(Status::Idle, Status::Ended);
        *run_mut(state, run) = RunState { status, ..RunState::idle(protocol) };
    }

    fn start(
        &self,
        state: &mut State,
        handover: &Handover,
        subjects: &[u32],
        span: Span,
        excess: &mut Vec<Excess>,
    ) -> Result<(), Halt> {
        let protocol = &self.program.protocols[handover.protocol];
        let runs = (0..protocol.copies).map(|copy| self.program.run_number(protocol, subjects, copy));
        let mut runs = runs.map(|run| RunRef { protocol: handover.protocol, run });
        match runs.find(|r| expr::run_state(state, *r).is_some_and(|r| !r.unfinished())) {
            Some(run) => self.begin(state, run, handover.position, excess),
            None if protocol.copies_cut => Err(Halt::Cut(protocol.span)),
            None => {
                excess.push(Excess { kind: ExcessKind::Runs, span });
                Ok(())
            }
        }
    }

    fn resume(
        &self,
        state: &mut State,
        handover: &Handover,
        subjects: &[u32],
        excess: &mut Vec<Excess>,
    ) -> Result<(), Halt> {
        let run = self.resumed(handover, subjects);
        if !expr::run_state(state, run).is_some_and(RunState::unfinished) {
            return self.begin(state, run, handover.position, excess);
        }
        self.relocate(state, run, handover);
        Ok(())
    }

    /// The run that a hand-over resumes.
    fn resumed(&self, handover: &Handover, subjects: &[u32]) -> RunRef {
        let protocol = &self.program.protocols[handover.protocol];
        RunRef { protocol: handover.protocol, run: self.program.run_number(protocol, subjects, 0) }
    }

    /// Moves a run that is under way: it keeps its variables, and the roles first used before.
    fn relocate(&self, state: &mut State, run: RunRef, handover: &Handover) {
        self.reset_sub_runs(state, run);
        let resumed = run_mut(state, run);
        resumed.status = Status::At(ChainId(0), handover.position);
        for RoleId(role) in &handover.unbinds {
            if let Some(bound) = resumed.roles.get_mut(*role as usize) {
                *bound = None;
            }
        }
    }
}

/// Notes the declaration whose `cut` disabled an event.
pub(super) fn note_cut(halt: Halt, cut: &mut Vec<Span>) {
    if let Halt::Cut(span) = halt {
        cut.push(span);
    }
}

/// The state of a run, to be changed.
pub(super) fn run_mut(state: &mut State, run: RunRef) -> &mut RunState {
    &mut state.runs[run.protocol.index()][run.run as usize]
}
