//! What exploration says about the spec itself: what nothing executes, reaches or takes, and guards and properties
//! that say nothing.

use crate::codes;
use crate::outcome::{CoverageOutcome, FailureOutcome, FailureVerdict};
use crate::questions::Explored;
use arch_base::{Code, Diagnostic, Idx, Span};
use arch_ir::observe::Subject;
use arch_ir::report::{PropertyResult, PropertyVerdict, StepCoverage};
use arch_ir::{FaultId, FaultKind, Program, Property, PropertyId, PropertyKind, ProtocolId, Step, StepId};

/// What there is to say, if every state was seen: before that there is nothing.
#[must_use]
pub fn diagnostics(program: &Program, explored: &Explored, failures: &[FailureOutcome]) -> Vec<Diagnostic> {
    let Some(coverage) = Coverage::of(program, explored, failures) else { return Vec::new() };
    let mut found = coverage.steps();
    found.extend(coverage.properties());
    found.extend(coverage.constants());
    found.extend(coverage.branches());
    found.extend(coverage.faults());
    found
}

/// The properties that hold and say nothing of the spec as it is written, and the failure mode, if there is one, that
/// shows what they say: without what prevents it, they are violated.
#[must_use]
pub fn vacuous<'a>(
    program: &Program,
    explored: &Explored,
    failures: &'a [FailureOutcome],
) -> Vec<(PropertyId, Option<&'a str>)> {
    let Some(coverage) = Coverage::of(program, explored, failures) else { return Vec::new() };
    let idle = coverage.holding().filter(|(id, _, result)| coverage.why_vacuous(*id, result).is_some());
    idle.map(|(id, property, _)| (id, coverage.shown_in(property))).collect()
}

/// What was covered and what was not, if every state was seen.
#[must_use]
pub fn covered(program: &Program, explored: &Explored) -> Vec<CoverageOutcome> {
    let Some(coverage) = Coverage::of(program, explored, &[]) else { return Vec::new() };
    let mut list: Vec<CoverageOutcome> = coverage.each_step().map(|at| coverage.step_outcome(at)).collect();
    list.extend(explored.questions.list.iter().zip(&explored.yes).filter_map(|(question, yes)| {
        let (kind, name, span) = match &question.subject {
            Subject::Constant(id, n) => {
                let of = &program.enums[*id];
                ("constant", format!("{}.{}", of.name, of.constants[*n as usize]), of.span)
            }
            Subject::Condition { protocol, step, span, value } => {
                let kind = if *value { "branch" } else { "otherwise" };
                (kind, coverage.step_name((*protocol, *step)), *span)
            }
            Subject::Premise { property, span, .. } => {
                ("premise", program.properties[*property].name.clone(), *span)
            }
            Subject::Goal(_) => return None,
        };
        Some(CoverageOutcome { kind, name, covered: *yes, executed: None, refused: None, span })
    }));
    let events = program.faults.iter().zip(&explored.report.faults);
    list.extend(events.filter(|(f, _)| !matches!(f.kind, FaultKind::Skew { .. })).map(|(fault, n)| {
        let name = fault_name(program, &fault.kind);
        let (covered, executed) = (*n > 0, Some(*n));
        CoverageOutcome { kind: "fault", name, covered, executed, refused: None, span: fault.span }
    }));
    list
}

/// A step by its protocol.
type At = (ProtocolId, StepId);

/// A complete exploration in which no behaviour ends where a value leaves its type.
struct Coverage<'a, 'f> {
    program: &'a Program,
    explored: &'a Explored,
    failures: &'f [FailureOutcome],
}

impl<'a, 'f> Coverage<'a, 'f> {
    fn of(
        program: &'a Program,
        explored: &'a Explored,
        failures: &'f [FailureOutcome],
    ) -> Option<Coverage<'a, 'f>> {
        let ends = crate::narrate::end_of_behaviours(&explored.report).is_some();
        let speaks = explored.report.complete() && !ends && program.builtin.coverage;
        speaks.then_some(Coverage { program, explored, failures })
    }

    /// The failure mode that shows what a property says: with what prevents or repairs it removed, the property is
    /// violated, so there it says something.
    fn shown_in(&self, property: &Property) -> Option<&'f str> {
        let shows = |f: &&FailureOutcome| f.property == property.name && f.verdict == FailureVerdict::Shown;
        self.failures.iter().find(shows).map(|f| f.name.as_str())
    }

    fn accepted(&self, code: Code, at: Option<At>) -> bool {
        let here = |steps: &[At]| steps.is_empty() || at.is_some_and(|at| steps.contains(&at));
        self.program.accepted.iter().any(|a| a.code == code.0 && here(&a.steps))
    }

    fn each_step(&self) -> impl Iterator<Item = At> {
        let protocols = self.program.protocols.iter_enumerated();
        protocols.flat_map(|(p, of)| of.steps.indices().map(move |s| (p, s)))
    }

    fn step(&self, (protocol, step): At) -> &'a Step {
        &self.program.protocols[protocol].steps[step]
    }

    fn seen(&self, (protocol, step): At) -> StepCoverage {
        self.explored.report.coverage[protocol.index()][step.index()]
    }

    fn step_name(&self, at: At) -> String {
        let protocol = &self.program.protocols[at.0];
        let step = &self.step(at).name;
        if protocol.rule { step.clone() } else { format!("{}.{step}", protocol.name) }
    }

    fn step_outcome(&self, at: At) -> CoverageOutcome {
        let (seen, name) = (self.seen(at), self.step_name(at));
        let (executed, refused) = (Some(seen.executed), Some(seen.refused));
        let span = self.step(at).name_span;
        CoverageOutcome { kind: "step", name, covered: seen.executed > 0, executed, refused, span }
    }

    fn steps(&self) -> Vec<Diagnostic> {
        let of_step = |at: At| {
            let warning = of_step(self.step(at), self.seen(at))?;
            if warning.code == codes::NEVER_FALSE && self.is_asked_again(at) {
                return None;
            }
            (!self.accepted(warning.code, Some(at))).then_some(warning)
        };
        self.each_step().filter_map(of_step).collect()
    }

    /// The properties that hold.
    fn holding(&self) -> impl Iterator<Item = (PropertyId, &'a Property, &'a PropertyResult)> {
        let results = self.explored.report.results.iter();
        let declared = self.program.properties.iter_enumerated().zip(results);
        let holding = declared.filter(|(_, result)| result.verdict == PropertyVerdict::Holds);
        holding.map(|((id, property), result)| (id, property, result))
    }

    fn properties(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (id, property, result) in self.holding() {
            match self.why_vacuous(id, result) {
                Some(_) if self.shown_in(property).is_some() => {}
                Some(why) => found.push(why),
                None => {
                    found.extend(self.idle_premises(id, property));
                    found.extend(at_once(property, result));
                }
            }
        }
        found.retain(|d| !self.accepted(d.code, None));
        found
    }

    /// Why a property that holds says nothing, if it does not.
    fn why_vacuous(&self, id: PropertyId, result: &PropertyResult) -> Option<Diagnostic> {
        let property = &self.program.properties[id];
        if result.liveness.as_ref().is_some_and(|l| l.vacuous) {
            return Some(nothing_to_follow(property));
        }
        if let PropertyKind::Step { at, .. } = &property.kind
            && at.iter().all(|c| self.seen((c.protocol, c.step)).executed == 0)
        {
            return at.first().map(|c| never_judged(property, self.step((c.protocol, c.step))));
        }
        let of_property = self.explored.questions.premises.iter().find(|(p, _)| *p == id);
        let conjuncts = of_property.map_or(&[][..], |(_, list)| list);
        let idle: Vec<_> = conjuncts.iter().map(|premises| self.never_true(premises)).collect();
        if let (Some(Some(first)), true) = (idle.first(), idle.iter().all(Option::is_some)) {
            return Some(never_true(property, *first, "holds vacuously"));
        }
        let goal = |s: &Subject| *s == Subject::Goal(id);
        let asked = self.explored.questions.list.iter().position(|q| goal(&q.subject));
        asked.filter(|n| !self.explored.yes[*n]).map(|_| never_otherwise(property))
    }

    /// The parts of a property that say nothing, where others do.
    fn idle_premises(&self, id: PropertyId, property: &Property) -> Vec<Diagnostic> {
        let of_property = self.explored.questions.premises.iter().filter(|(p, _)| *p == id);
        let conjuncts = of_property.flat_map(|(_, list)| list);
        let idle = conjuncts.filter_map(|premises| self.never_true(premises));
        idle.map(|premise| never_true(property, premise, "holds vacuously in part")).collect()
    }

    /// The first of a conjunct's premises that is never true, and whether it is that a domain is not empty.
    fn never_true(&self, premises: &[usize]) -> Option<(Span, bool)> {
        let first = premises.iter().find(|n| !self.explored.yes[**n])?;
        match &self.explored.questions.list[*first].subject {
            Subject::Premise { span, domain, .. } => Some((*span, *domain)),
            _ => None,
        }
    }

    fn constants(&self) -> Vec<Diagnostic> {
        if self.accepted(codes::NEVER_A_VALUE, None) {
            return Vec::new();
        }
        let never = |id| {
            let asked = self.explored.questions.list.iter().zip(&self.explored.yes);
            let missing = asked.filter_map(move |(q, yes)| match q.subject {
                Subject::Constant(of, n) if of == id && !yes => Some(n),
                _ => None,
            });
            let of = &self.program.enums[id];
            let names: Vec<&str> = missing.map(|n| of.constants[n as usize].as_str()).collect();
            (!names.is_empty()).then(|| never_a_value(&of.name, of.span, &names))
        };
        self.program.enums.indices().filter_map(never).collect()
    }

    /// Of a condition that is neither true nor false anywhere nothing is said: what is around it is.
    fn branches(&self) -> Vec<Diagnostic> {
        let asked: Vec<_> = self.explored.questions.list.iter().zip(&self.explored.yes).collect();
        let mut found = Vec::new();
        for pair in asked.windows(2) {
            let [(is, yes), (_, no)] = pair else { continue };
            let Subject::Condition { protocol, step, span, value: true } = is.subject else { continue };
            let at = (protocol, step);
            if **yes != **no && !self.accepted(codes::NEVER_TAKEN, Some(at)) {
                found.push(never_taken(self.step(at), span, !**yes));
            }
        }
        found
    }

    fn faults(&self) -> Vec<Diagnostic> {
        let faults = self.program.faults.iter_enumerated();
        let idle = faults.filter(|(id, _)| self.is_idle(*id));
        let named = idle.map(|(_, f)| never_happens(&fault_name(self.program, &f.kind), &f.kind, f.span));
        if self.accepted(codes::NEVER_HAPPENS, None) { Vec::new() } else { named.collect() }
    }

    /// Whether a step can be duplicated: its guard is asked once more then, whatever it said when a run reached it.
    fn is_asked_again(&self, at: At) -> bool {
        self.program.faults.iter().any(|fault| match fault.kind {
            FaultKind::Duplicate { protocol, step, .. } => (protocol, step) == at && fault.budget != Some(0),
            _ => false,
        })
    }

    /// Whether a fault with a budget never happens, and that is not said already of its step.
    fn is_idle(&self, id: FaultId) -> bool {
        let fault = &self.program.faults[id];
        let said = match fault.kind {
            FaultKind::Duplicate { protocol, step, .. } => self.seen((protocol, step)).executed == 0,
            FaultKind::Skew { .. } => true,
            _ => false,
        };
        !said && fault.budget != Some(0) && self.explored.report.faults[id.index()] == 0
    }
}

fn of_step(step: &Step, seen: StepCoverage) -> Option<Diagnostic> {
    let decided = arch_ir::guard::decided(&step.guard);
    if seen.executed == 0 {
        if decided == Some(false) {
            return None;
        }
        let message = format!("no behaviour executes `{}`", step.name);
        let warning =
            Diagnostic::warning(codes::NEVER_EXECUTES, message).at(step.name_span, "never executes");
        return Some(if seen.refused {
            warning.see(step.guard.span, "whenever the step is reached, its guard is false")
        } else {
            warning.because("no run ever reaches it")
        });
    }
    if seen.refused || decided == Some(true) || step.atoms.is_empty() {
        return None;
    }
    let message = format!("the guard of `{}` is never false", step.name);
    let warning = Diagnostic::warning(codes::NEVER_FALSE, message)
        .at(step.guard.span, "true whenever the step is reached");
    let warning = match &step.reject {
        Some(reject) => warning.see(reject.span, "so this answer is never given"),
        None => warning,
    };
    Some(warning.help("leave the guard out, or ask what was to make it false"))
}

/// A property that asks for something to follow what never happens.
fn nothing_to_follow(property: &Property) -> Diagnostic {
    let message = format!("{} holds because what is to be followed never happens", property.name);
    Diagnostic::warning(codes::VACUOUS, message)
        .at(property.span, "says nothing of this model")
        .help("ask for `reachable` of the same condition, and find out what keeps it from happening")
}

fn never_judged(property: &Property, step: &Step) -> Diagnostic {
    let message = format!("{} holds vacuously: `{}` never executes", property.name, step.name);
    Diagnostic::warning(codes::NEVER_TRUE_PREMISE, message)
        .at(property.span, "says nothing of this model")
        .see(step.name_span, "never executes")
}

fn never_true(property: &Property, (span, domain): (Span, bool), holds: &str) -> Diagnostic {
    let (what, label) = if domain {
        ("there is never anything that it speaks of", "nothing passes this in any reachable state")
    } else {
        ("its premise is never true", "false in every reachable state")
    };
    Diagnostic::warning(codes::NEVER_TRUE_PREMISE, format!("{} {holds}: {what}", property.name))
        .at(span, label)
        .see(property.span, "this property")
        .help("ask for `reachable` of the same condition, and find out what keeps it from being so")
}

fn never_otherwise(property: &Property) -> Diagnostic {
    let message = format!("{} says nothing: what it asks for is never false", property.name);
    Diagnostic::warning(codes::NEVER_OTHERWISE, message)
        .at(property.span, "so in every reachable state")
        .help("say `always`, which is more; or ask what was to make it false")
}

/// A witness without a step, or what is to happen eventually and is so from the beginning.
fn at_once(property: &Property, result: &PropertyResult) -> Option<Diagnostic> {
    let reachable = matches!(property.kind, PropertyKind::Reachable(_)) && property.binders.is_empty();
    let witnessed = reachable && result.trace.as_ref().is_some_and(|t| t.steps.is_empty());
    let how = match &result.liveness {
        _ if witnessed => "is witnessed by an initial state",
        Some(live) if live.at_once && !live.vacuous => "holds in every initial state",
        _ => return None,
    };
    let note = Diagnostic::note(codes::AT_ONCE, format!("{} {how}", property.name));
    let note = note.at(property.span, "true before anything happens");
    Some(note.help("ask for something that has to happen first"))
}

fn never_a_value(name: &str, span: Span, missing: &[&str]) -> Diagnostic {
    let names: Vec<String> = missing.iter().map(|m| format!("`{m}`")).collect();
    let message = format!("nothing is ever {} of `{name}`", names.join(" or "));
    Diagnostic::warning(codes::NEVER_A_VALUE, message)
        .at(span, "no reachable state has it")
        .help("write the step that sets it, or leave it out")
}

fn never_taken(step: &Step, span: Span, never_true: bool) -> Diagnostic {
    let (what, label) = if never_true {
        ("never true, so what is inside never happens", "false whenever it is reached")
    } else {
        ("never false, so it decides nothing", "true whenever it is reached")
    };
    Diagnostic::warning(
        codes::NEVER_TAKEN,
        format!("this condition in the effect of `{}` is {what}", step.name),
    )
    .at(span, label)
    .see(step.name_span, "the step")
}

fn never_happens(name: &str, kind: &FaultKind, span: Span) -> Diagnostic {
    let why = match kind {
        FaultKind::Lose { .. } => "no run ever waits there for its hand-off",
        _ => "no reachable state has it",
    };
    Diagnostic::warning(codes::NEVER_HAPPENS, format!("`{name}` never happens")).at(span, why)
}

/// A fault as one declares it.
fn fault_name(program: &Program, kind: &FaultKind) -> String {
    let step = |p: ProtocolId, s: StepId| {
        format!("{}.{}", program.protocols[p].name, program.protocols[p].steps[s].name)
    };
    match kind {
        FaultKind::Crash { sort, .. } => format!("crash {}", program.sorts[*sort].name),
        FaultKind::Lose { protocol, step: s } => format!("lose {}", step(*protocol, *s)),
        FaultKind::Duplicate { protocol, step: s, .. } => format!("duplicate {}", step(*protocol, *s)),
        FaultKind::Skew { sort, by } => format!("skew {} by {by}", program.sorts[*sort].name),
        FaultKind::Partition { from, to } => {
            format!("partition {} from {}", program.sorts[*from].name, program.sorts[*to].name)
        }
    }
}
