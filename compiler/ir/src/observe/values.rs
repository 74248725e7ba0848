//! The constants of enums: is each of them ever a value?

use super::{Questions, Subject, any, bool_expr};
use crate::program::{Binder, CompareOp, Domain, EnumId, Expr, ExprKind, Program, PropertyKind, Type, VarId};
use crate::value::Value;
use arch_base::Span;

impl Questions {
    /// Asks about every enum that a file declares and whose values are all stored plainly: in attributes, locals and
    /// variables of runs, not inside of collections, and not chosen by steps of `rules` alone.
    pub(super) fn ask_constants(&mut self, program: &Program) {
        for (id, declared) in program.enums.iter_enumerated().filter(|(_, e)| e.span != Span::default()) {
            let Some(places) = self.places(program, id) else { continue };
            for constant in 0..declared.constants.len() as u32 {
                let equal = |(binders, place): &(Vec<Binder>, Expr)| {
                    let equal = is(place.clone(), id, constant);
                    binders.iter().rev().fold(equal, |inner, b| any(b.clone(), inner))
                };
                let ever = bool_expr(ExprKind::Or(places.iter().map(equal).collect()), declared.span);
                self.ask(Subject::Constant(id, constant), PropertyKind::Reachable(ever));
            }
        }
    }

    /// Everything that can have a constant of the enum as its value; none if there is nothing, or something that
    /// has one inside.
    fn places(&mut self, program: &Program, id: EnumId) -> Option<Vec<(Vec<Binder>, Expr)>> {
        let has = |ty: &Type| program.holds(ty, &|t| *t == Type::Enum(id));
        let plain = |ty: &Type| *ty.unwrap_optional() == Type::Enum(id);
        let mut places = Vec::new();
        for (var, declared) in program.vars.iter_enumerated().filter(|(_, v)| has(&v.ty)) {
            if !plain(&declared.ty) {
                return None;
            }
            places.push(self.elements(program, var));
        }
        for (protocol, declared) in program.protocols.iter_enumerated() {
            for (var, run_var) in declared.vars.iter_enumerated().filter(|(_, v)| has(&v.ty)) {
                if declared.rule || !plain(&run_var.ty) {
                    return None;
                }
                let (ty, slot) = (Type::Run(protocol), self.slot("r"));
                let run = Expr { kind: ExprKind::Slot(slot), ty, span: run_var.span };
                let binder = Binder { slot, domain: Domain::Runs(protocol), filter: None };
                let kind = ExprKind::RunVarOf(protocol, Box::new(run), var);
                places.push((vec![binder], Expr { kind, ty: run_var.ty.clone(), span: run_var.span }));
            }
        }
        (!places.is_empty()).then_some(places)
    }

    /// Any element of a variable.
    fn elements(&mut self, program: &Program, var: VarId) -> (Vec<Binder>, Expr) {
        let declared = &program.vars[var];
        let (mut binders, mut keys) = (Vec::new(), Vec::new());
        for ty in &declared.keys {
            let slot = self.slot("k");
            binders.push(Binder { slot, domain: Domain::Type(ty.clone()), filter: None });
            keys.push(Expr { kind: ExprKind::Slot(slot), ty: ty.clone(), span: declared.span });
        }
        let element = Expr { kind: ExprKind::Var(var, keys), ty: declared.ty.clone(), span: declared.span };
        (binders, element)
    }
}

fn is(place: Expr, id: EnumId, constant: u32) -> Expr {
    let span = place.span;
    let value = Expr { kind: ExprKind::Literal(Value::Enum(constant)), ty: Type::Enum(id), span };
    bool_expr(ExprKind::Compare(CompareOp::Eq, Box::new(place), Box::new(value)), span)
}
