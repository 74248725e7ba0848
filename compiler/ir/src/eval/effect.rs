//! Statements, and the bounds of what they assign.

use super::{Context, Interpreter, Slots, Who};
use crate::program::{Binder, Expr, IntType, OrdinalId, Place, RangePolicy, RunVarId, Stmt, StmtKind, Type};
use crate::state::{Excess, ExcessKind, RunRef, State};
use crate::value::Value;
use arch_base::{Idx, Span};
use std::collections::BTreeSet;

/// What an effect did, for one combination of picks.
pub(super) struct Executed {
    /// The elements picked.
    pub picks: Vec<Value>,
    /// The state after it.
    pub state: State,
    /// Bounds exceeded, in order.
    pub excess: Vec<Excess>,
}

/// Where an effect starts.
#[derive(Clone, Copy)]
pub(super) struct Start<'s> {
    /// The state before the event: its ordinals count as alive.
    pub before: &'s State,
    /// The state before the effect, with choices and `let`s made: what `old` reads.
    pub old: &'s State,
    /// Who acts.
    pub who: Who,
    /// Bounds that the `let`s exceeded.
    pub excess: &'s [Excess],
}

/// Why an effect cannot go on.
pub(super) enum Halt {
    /// It has to know which of these is picked.
    Pick(Vec<Value>),
    /// This declaration's `cut` disables the event.
    Cut(Span),
}

/// An effect while it is executed.
struct Execution<'i, 'p> {
    interpreter: &'i Interpreter<'p>,
    start: Start<'i>,
    state: State,
    slots: Slots<'p>,
    picks: &'i [Value],
    used: usize,
    excess: Vec<Excess>,
}

impl<'p> Interpreter<'p> {
    /// Executes an effect once for each combination of picks, in lexicographic order.
    pub(super) fn execute(&self, start: Start<'_>, stmts: &'p [Stmt], cut: &mut Vec<Span>) -> Vec<Executed> {
        let mut done = Vec::new();
        self.execute_after(start, stmts, Vec::new(), &mut done, cut);
        done
    }

    fn execute_after(
        &self,
        start: Start<'_>,
        stmts: &'p [Stmt],
        picks: Vec<Value>,
        done: &mut Vec<Executed>,
        cut: &mut Vec<Span>,
    ) {
        let mut execution = Execution {
            interpreter: self,
            start,
            state: start.old.clone(),
            slots: Slots::default(),
            picks: &picks,
            used: 0,
            excess: start.excess.to_vec(),
        };
        match execution.block(stmts) {
            Ok(()) => {
                let Execution { state, excess, .. } = execution;
                done.push(Executed { picks, state, excess });
            }
            Err(Halt::Cut(span)) => cut.push(span),
            Err(Halt::Pick(elements)) => {
                for element in elements {
                    let picks = picks.iter().cloned().chain([element]).collect();
                    self.execute_after(start, stmts, picks, done, cut);
                }
            }
        }
    }

    /// Evaluates `let`s in order, each seeing the ones before.
    pub(super) fn evaluate_lets(
        &self,
        state: &mut State,
        who: Who,
        lets: &'p [(RunVarId, Expr)],
        excess: &mut Vec<Excess>,
    ) -> Result<(), Halt> {
        let Some(run) = who.run else { return Ok(()) };
        for (var, e) in lets {
            let value = self.eval(&Context::acting(state, who), e);
            self.store_run_var(state, run, *var, value, e.span, excess)?;
        }
        Ok(())
    }

    fn store_run_var(
        &self,
        state: &mut State,
        run: RunRef,
        var: RunVarId,
        value: Value,
        span: Span,
        excess: &mut Vec<Excess>,
    ) -> Result<(), Halt> {
        let declared = &self.program.protocols[run.protocol].vars[var];
        let value = self.fit(&declared.ty, &value, span, declared.span, excess)?;
        state.runs[run.protocol.index()][run.run as usize].vars[var.index()] = value;
        Ok(())
    }

    /// The value as it is stored: clamped, wrapped, or as it is with an excess noted.
    fn fit(
        &self,
        ty: &Type,
        value: &Value,
        at: Span,
        declared: Span,
        excess: &mut Vec<Excess>,
    ) -> Result<Value, Halt> {
        let mut cut = false;
        let fitted = self.map_value(ty, value, &mut |ty, v| match (ty, v) {
            (Type::Int(int), Value::Int(n)) => Value::Int(fit_int(*int, *n, at, excess, &mut cut)),
            _ => v.clone(),
        });
        self.note_sizes(ty, &fitted, at, excess);
        if cut { Err(Halt::Cut(declared)) } else { Ok(fitted) }
    }

    /// Notes sets and sequences with too many elements, innermost first.
    fn note_sizes(&self, ty: &Type, value: &Value, at: Span, excess: &mut Vec<Excess>) {
        let program = self.program;
        let mut size = None;
        match (ty, value) {
            (Type::Optional(inner), _) => self.note_sizes(inner, value, at, excess),
            (Type::Set(element, max), Value::Set(set)) => {
                set.iter().for_each(|v| self.note_sizes(element, v, at, excess));
                size = max.map(|max| (max, set.len()));
            }
            (Type::Seq(element, max), Value::Seq(list)) => {
                list.iter().for_each(|v| self.note_sizes(element, v, at, excess));
                size = Some((*max, list.len()));
            }
            (Type::Map(_, element), Value::Map(map)) => {
                map.values().for_each(|v| self.note_sizes(element, v, at, excess));
            }
            (Type::Record(id), Value::Record(fields)) => {
                let fields = program.records[*id].fields.iter().zip(fields);
                fields.for_each(|(f, v)| self.note_sizes(&f.ty, v, at, excess));
            }
            (Type::Union(id), Value::Variant(tag, fields)) => {
                let types = program.unions[*id].variants.get(*tag as usize).map_or(&[][..], |v| &v.fields);
                types.iter().zip(fields).for_each(|(f, v)| self.note_sizes(&f.ty, v, at, excess));
            }
            _ => {}
        }
        if let Some((max, length)) = size
            && length > max as usize
        {
            let kind = ExcessKind::Size(u32::try_from(length).unwrap_or(u32::MAX));
            excess.push(Excess { kind, span: at });
        }
    }
}

impl<'p> Execution<'_, 'p> {
    fn context(&self) -> Context<'_> {
        Context { state: &self.state, old: self.start.old, who: self.start.who, slots: self.slots.clone() }
    }

    /// Executes statements in order; their variables are gone afterwards.
    fn block(&mut self, stmts: &'p [Stmt]) -> Result<(), Halt> {
        let outer = self.slots.clone();
        for stmt in stmts {
            self.statement(stmt)?;
        }
        self.slots = outer;
        Ok(())
    }

    fn statement(&mut self, stmt: &'p Stmt) -> Result<(), Halt> {
        match &stmt.kind {
            StmtKind::Assign(place, value) => {
                let value = self.interpreter.eval(&self.context(), value);
                self.assign(place, value, stmt.span)
            }
            StmtKind::Advance(place, kind) => self.advance(place, *kind, stmt.span),
            StmtKind::If(condition, then, otherwise) => {
                let holds = self.interpreter.holds(&self.context(), condition);
                self.block(if holds { then } else { otherwise })
            }
            StmtKind::For(binder, body) => self.repeat(binder, body),
            StmtKind::Let(slot, value) => {
                let bound = self.interpreter.eval(&self.context(), value);
                self.slots = self.slots.with(*slot, &value.ty, bound);
                Ok(())
            }
            StmtKind::Pick(binder) => self.pick(binder),
        }
    }

    fn repeat(&mut self, binder: &'p Binder, body: &'p [Stmt]) -> Result<(), Halt> {
        let outer = self.slots.clone();
        for value in self.elements(binder) {
            self.slots = outer.with(binder.slot, crate::walk::element_type(&binder.domain), value);
            self.block(body)?;
        }
        self.slots = outer;
        Ok(())
    }

    fn pick(&mut self, binder: &'p Binder) -> Result<(), Halt> {
        let Some(value) = self.picks.get(self.used).cloned() else {
            return Err(Halt::Pick(self.elements(binder)));
        };
        self.used += 1;
        self.slots = self.slots.with(binder.slot, crate::walk::element_type(&binder.domain), value);
        Ok(())
    }

    fn elements(&self, binder: &Binder) -> Vec<Value> {
        self.interpreter.bind(&self.context(), binder).into_iter().map(|(value, _)| value).collect()
    }

    fn assign(&mut self, place: &'p Place, value: Value, span: Span) -> Result<(), Halt> {
        let interpreter = self.interpreter;
        match place {
            Place::RunVar(var, _) => {
                let Some(run) = self.start.who.run else { return Ok(()) };
                interpreter.store_run_var(&mut self.state, run, *var, value, span, &mut self.excess)
            }
            Place::Var(var, keys, ty) => {
                let keys: Vec<Value> = keys.iter().map(|k| interpreter.eval(&self.context(), k)).collect();
                let declared = interpreter.program.vars[*var].span;
                let value = interpreter.fit(ty, &value, span, declared, &mut self.excess)?;
                let element = interpreter.key_position(*var, &keys);
                if let Some(element) = element.and_then(|i| self.state.vars[var.index()].get_mut(i)) {
                    *element = value;
                }
                Ok(())
            }
        }
    }

    /// Gives a value greater than every one alive: in the state before the event, at this moment, and in
    /// scope.
    fn advance(&mut self, place: &'p Place, kind: OrdinalId, span: Span) -> Result<(), Halt> {
        let mut alive: BTreeSet<u32> = self.interpreter.alive(self.start.before, kind);
        alive.append(&mut self.interpreter.alive(&self.state, kind));
        alive.append(&mut self.interpreter.alive_in_scope(&self.slots, kind));
        let greatest = alive.last().copied().unwrap_or(0);
        let exceeded = matches!(self.present(place), Value::Ordinal(n) if n < greatest);
        if exceeded && self.interpreter.program.builtin.advances {
            self.excess.push(Excess { kind: ExcessKind::Advance, span });
        }
        self.assign(place, Value::Ordinal(greatest.saturating_add(1)), span)
    }

    fn present(&self, place: &Place) -> Value {
        let interpreter = self.interpreter;
        let found = match place {
            Place::Var(var, keys, _) => {
                let keys: Vec<Value> = keys.iter().map(|k| interpreter.eval(&self.context(), k)).collect();
                interpreter.key_position(*var, &keys).and_then(|i| self.state.var(*var).get(i))
            }
            Place::RunVar(var, _) => {
                let run = self.start.who.run.and_then(|r| super::expr::run_state(&self.state, r));
                run.and_then(|r| r.vars.get(var.index()))
            }
        };
        found.cloned().unwrap_or(Value::Null)
    }
}

fn fit_int(int: IntType, n: i64, at: Span, excess: &mut Vec<Excess>, cut: &mut bool) -> i64 {
    if (int.lo..=int.hi).contains(&n) {
        return n;
    }
    match int.policy {
        RangePolicy::Clamp => n.clamp(int.lo, int.hi),
        RangePolicy::Wrap => wrap(int, n),
        RangePolicy::Cut => {
            *cut = true;
            n
        }
        RangePolicy::Report => {
            excess.push(Excess { kind: ExcessKind::Range(n), span: at });
            n
        }
    }
}

/// The value of the range that is congruent modulo its size.
fn wrap(int: IntType, n: i64) -> i64 {
    let (lo, hi) = (i128::from(int.lo), i128::from(int.hi));
    let wrapped = lo + (i128::from(n) - lo).rem_euclid(hi - lo + 1);
    i64::try_from(wrapped).unwrap_or(int.lo)
}
