//! A readable dump of a whole program, for snapshots.

use super::join;
use super::writer::Writer;
use crate::program::{Init, Program, Property, PropertyKind, ProtocolId, StepClaim, StepId};
use std::fmt;

/// A readable dump, for snapshots.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "program {}", self.name)?;
        for sort in &self.sorts {
            let words = [(sort.ring, " ring"), (sort.concurrent, " concurrent")];
            let words: String = words.into_iter().filter(|(is, _)| *is).map(|(_, w)| w).collect();
            writeln!(f, "{} {} * {}{words}", if sort.actor { "actor" } else { "id" }, sort.name, sort.size)?;
        }
        for list in &self.enums {
            writeln!(f, "enum {} {{ {} }}", list.name, list.constants.join(", "))?;
        }
        for ordinal in &self.ordinals {
            writeln!(f, "ordinal {}", ordinal.name)?;
        }
        self.write_vars(f)?;
        self.protocols.indices().try_for_each(|id| self.write_protocol(f, id))?;
        for fault in &self.faults {
            let budget = fault.budget.map_or("unbounded".to_owned(), |n| format!("at most {n}"));
            writeln!(f, "fault {} {budget}", self.show_fault(&fault.kind))?;
        }
        for deadline in &self.deadlines {
            let step = &self.protocols[deadline.protocol].steps[deadline.step].name;
            writeln!(f, "deadline {step} within {}", deadline.within)?;
        }
        self.write_properties(f)
    }
}

impl Program {
    fn write_vars(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for var in &self.vars {
            let keys = join(var.keys.iter().map(|k| self.show_type(k)));
            let keys = if keys.is_empty() { keys } else { format!("[{keys}]") };
            let init = match &var.init {
                Init::Any => "any".to_owned(),
                Init::Value { value, .. } => self.show_expr(None, value),
            };
            writeln!(f, "var {}{keys}: {} = {init}", var.name, self.show_type(&var.ty))?;
        }
        Ok(())
    }

    fn write_protocol(&self, f: &mut fmt::Formatter<'_>, id: ProtocolId) -> fmt::Result {
        let p = &self.protocols[id];
        let subjects = join(p.subjects.iter().map(|s| format!("{}: {}", s.name, self.sorts[s.sort].name)));
        let words = [(p.rule, " rule"), (p.repeats, " repeats"), (p.daemon, " daemon")];
        let words: String = words.into_iter().filter(|(is, _)| *is).map(|(_, w)| w).collect();
        writeln!(f, "protocol {}({subjects}) * {}{words}", p.name, p.copies)?;
        for role in &p.roles {
            writeln!(f, "  role {}: {}", role.name, self.sorts[role.sort].name)?;
        }
        for var in &p.vars {
            writeln!(f, "  var {}: {}", var.name, self.show_type(&var.ty))?;
        }
        for (var, value) in &p.begin {
            writeln!(f, "  let {} = {}", p.vars[*var].name, self.show_expr(Some(id), value))?;
        }
        for chain in &p.chains {
            let steps: Vec<&str> = chain.steps.iter().map(|s| p.steps[*s].name.as_str()).collect();
            let window = chain.window.as_ref().map_or(String::new(), |w| {
                let words = [(w.at_start, " at start"), (w.detached, " detached")];
                let words: String = words.into_iter().filter(|(is, _)| *is).map(|(_, w)| w).collect();
                format!(" |-> {}..={}{words}", w.from, w.to)
            });
            writeln!(f, "  chain{window} {} => {}", steps.join(" -> "), chain.outcome.word)?;
        }
        p.steps.indices().try_for_each(|step| self.write_step(f, id, step))
    }

    fn write_step(&self, f: &mut fmt::Formatter<'_>, id: ProtocolId, step: StepId) -> fmt::Result {
        let p = &self.protocols[id];
        let step = &p.steps[step];
        let actor = match step.actor {
            crate::program::Actor::Subject(i) => p.subjects.get(i as usize).map_or("?", |s| &s.name),
            crate::program::Actor::Role(role) => p.roles.get(role).map_or("?", |r| &r.name),
        };
        let loops = if step.loops { "loop " } else { "" };
        writeln!(f, "  {loops}{actor}[{} {{{}}}]", step.name, self.show_expr(Some(id), &step.guard))?;
        let binds = step.binds.iter().map(|r| p.roles[*r].name.clone());
        let chosen = join(binds.chain(step.params.iter().map(|v| p.vars[*v].name.clone())));
        if !chosen.is_empty() {
            writeln!(f, "    chooses {chosen}")?;
        }
        for (var, value) in &step.lets {
            writeln!(f, "    let {} = {}", p.vars[*var].name, self.show_expr(Some(id), value))?;
        }
        for stmt in &step.effect {
            writeln!(f, "    {}", self.show_stmt(id, stmt))?;
        }
        if let Some(reject) = &step.reject {
            writeln!(f, "    rejects => {}", reject.outcome.word)?;
            reject.effect.iter().try_for_each(|s| writeln!(f, "      {}", self.show_stmt(id, s)))?;
        }
        Ok(())
    }

    fn write_properties(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for property in &self.properties {
            let kind = crate::explore::kind_of(&property.kind);
            writeln!(f, "property {} ({kind}): {}", property.name, self.show_claim(property))?;
        }
        Ok(())
    }

    /// What a property claims, in one line, with definitions filled in; its kind is not said.
    #[must_use]
    pub fn show_claim(&self, property: &Property) -> String {
        let writer = Writer { program: self, protocol: None };
        let binders: String =
            property.binders.iter().map(|b| format!("for each {}: ", writer.binder(b))).collect();
        let claim = match &property.kind {
            PropertyKind::Step { at, .. } => {
                let claim = |c: &StepClaim| {
                    let protocol = &self.protocols[c.protocol];
                    let step = format!("{}.{}", protocol.name, protocol.steps[c.step].name);
                    format!("{step}: {}", self.show_expr(Some(c.protocol), &c.claim))
                };
                join(at.iter().map(claim))
            }
            PropertyKind::LeadsTo(p, q) => {
                format!("{} leads to {}", self.show_expr(None, p), self.show_expr(None, q))
            }
            PropertyKind::Always(e)
            | PropertyKind::Monotonic(e)
            | PropertyKind::Reachable(e)
            | PropertyKind::AlwaysPossible(e)
            | PropertyKind::Eventually(e)
            | PropertyKind::AlwaysEventually(e) => self.show_expr(None, e),
        };
        format!("{binders}{claim}")
    }
}
