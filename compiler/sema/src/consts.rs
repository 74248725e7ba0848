//! Constants: their values under the chosen instance and the settings of the command line.

use crate::analyzer::Analyzer;
use crate::diagnostics::{instances as instance_errors, names, types as type_errors};
use crate::tables::ConstEntry;
use crate::types::INT;
use arch_grammar::ast::{self, BinaryOp, ExprKind, ItemKind, UnaryOp};
use arch_ir::{Type, Value};

impl<'m> Analyzer<'m> {
    /// Gives every `const` its value. After this pass `tables.consts` is complete.
    pub fn evaluate_constants(&mut self) {
        let chosen = self.chosen_instance();
        for item in &self.module.items {
            let ItemKind::Const(decl) = &item.kind else { continue };
            if let Some(earlier) = self.tables.consts.get(&decl.name.name) {
                let error = names::duplicate(&decl.name, "constant", earlier.span);
                self.report(error);
                continue;
            }
            let setting = chosen.and_then(|i| i.settings.iter().find(|(n, _)| n.name == decl.name.name));
            let default = self.const_value(&decl.value);
            let like = |value: &Value| default.as_ref().is_none_or(|d| type_of(d) == type_of(value));
            let set = setting.and_then(|(_, value)| self.const_value(value)).filter(like);
            let given = self.command_line_value(&decl.name.name).filter(like);
            let Some(value) = given.or(set).or_else(|| default.clone()) else { continue };
            let ty = type_of(&value);
            self.tables.consts.insert(decl.name.name.clone(), ConstEntry { value, ty, span: decl.name.span });
        }
        self.check_settings();
    }

    /// The instance that `--instance` names.
    pub fn chosen_instance(&self) -> Option<&'m ast::InstanceDecl> {
        let name = self.options.instance.as_ref()?;
        self.instances().map(|(i, _)| i).find(|i| i.name.name == *name)
    }

    fn command_line_value(&self, name: &str) -> Option<Value> {
        let setting = self.options.settings.iter().rev().find(|s| s.name == name)?;
        parse_setting(&setting.value)
    }

    fn check_settings(&mut self) {
        let anchor = self.module.items.first().map(|i| i.span);
        for setting in &self.options.settings {
            let Some(entry) = self.tables.consts.get(&setting.name) else {
                let error = instance_errors::unknown_setting(&setting.name, &self.tables, anchor);
                self.report(error);
                continue;
            };
            if parse_setting(&setting.value).is_none_or(|value| type_of(&value) != entry.ty) {
                let ty = crate::types::show_type(&self.program, &entry.ty);
                self.report(instance_errors::bad_setting(&setting.name, &setting.value, &ty, entry.span));
            }
        }
    }

    /// The value of a constant integer expression; reports one that is not.
    pub fn const_int(&mut self, expr: &ast::Expr) -> Option<i64> {
        match self.const_value(expr)? {
            Value::Int(n) => Some(n),
            _ => {
                self.report(type_errors::not_constant(expr.span, "an integer is needed here"));
                None
            }
        }
    }

    /// A constant count from `lo` to `hi`, both included.
    pub fn const_count(&mut self, expr: &ast::Expr, lo: i64, hi: i64, what: &str) -> Option<u32> {
        let n = self.const_int(expr)?;
        if (lo..=hi).contains(&n) {
            return u32::try_from(n).ok();
        }
        self.report(type_errors::count_out_of_range(expr.span, what, n, lo, hi));
        None
    }

    /// The value of a constant expression; reports one that is not.
    pub fn const_value(&mut self, expr: &ast::Expr) -> Option<Value> {
        match &expr.kind {
            ExprKind::Int(n) => Some(Value::Int(*n)),
            ExprKind::Bool(b) => Some(Value::Bool(*b)),
            ExprKind::Paren(inner) => self.const_value(inner),
            ExprKind::Name(ident) => self.const_name(ident),
            ExprKind::Unary(UnaryOp::Neg, inner) => match self.const_int(inner)?.checked_neg() {
                Some(n) => Some(Value::Int(n)),
                None => self.not_constant(expr),
            },
            ExprKind::Unary(UnaryOp::Not, inner) => match self.const_value(inner)? {
                Value::Bool(b) => Some(Value::Bool(!b)),
                _ => self.not_constant(inner),
            },
            ExprKind::Binary(op, a, b) => {
                let (x, y) = (self.const_value(a)?, self.const_value(b)?);
                fold_binary(*op, &x, &y).or_else(|| self.not_constant(expr))
            }
            ExprKind::If(c, a, b) => match self.const_value(c)? {
                Value::Bool(true) => self.const_value(a),
                Value::Bool(false) => self.const_value(b),
                _ => self.not_constant(c),
            },
            ExprKind::Call(function, arguments) => self.const_call(expr, function, arguments),
            _ => self.not_constant(expr),
        }
    }

    fn const_name(&mut self, ident: &ast::Ident) -> Option<Value> {
        if let Some(entry) = self.tables.consts.get(&ident.name) {
            return Some(entry.value.clone());
        }
        let error = names::unknown_constant_name(ident, &self.tables);
        self.report(error);
        None
    }

    fn const_call(
        &mut self,
        expr: &ast::Expr,
        function: &ast::Expr,
        arguments: &[ast::Argument],
    ) -> Option<Value> {
        let (ExprKind::Name(name), [a, b]) = (&function.kind, arguments) else {
            return self.not_constant(expr);
        };
        let (x, y) = (self.const_int(&a.value)?, self.const_int(&b.value)?);
        match name.name.as_str() {
            "min" => Some(Value::Int(x.min(y))),
            "max" => Some(Value::Int(x.max(y))),
            _ => self.not_constant(expr),
        }
    }

    fn not_constant<T>(&mut self, expr: &ast::Expr) -> Option<T> {
        self.report(type_errors::not_constant(expr.span, "this is not a constant expression"));
        None
    }
}

/// What a constant with this value is.
pub fn type_of(value: &Value) -> Type {
    if matches!(value, Value::Bool(_)) { Type::Bool } else { INT }
}

fn parse_setting(text: &str) -> Option<Value> {
    match text {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ => text.parse().ok().map(Value::Int),
    }
}

/// Folds an operator over two constants; none when it does not apply to them or overflows.
pub fn fold_binary(op: BinaryOp, a: &Value, b: &Value) -> Option<Value> {
    let value = match (a, b) {
        (Value::Int(x), Value::Int(y)) => return fold_int(op, *x, *y),
        (Value::Bool(x), Value::Bool(y)) => match op {
            BinaryOp::And => *x && *y,
            BinaryOp::Or => *x || *y,
            BinaryOp::Implies => !*x || *y,
            BinaryOp::Eq => x == y,
            BinaryOp::Ne => x != y,
            _ => return None,
        },
        _ => return None,
    };
    Some(Value::Bool(value))
}

fn fold_int(op: BinaryOp, x: i64, y: i64) -> Option<Value> {
    let truth = match op {
        BinaryOp::Add => return x.checked_add(y).map(Value::Int),
        BinaryOp::Sub => return x.checked_sub(y).map(Value::Int),
        BinaryOp::Mul => return x.checked_mul(y).map(Value::Int),
        BinaryOp::Mod => return if y > 0 { Some(Value::Int(x.rem_euclid(y))) } else { None },
        BinaryOp::Eq => x == y,
        BinaryOp::Ne => x != y,
        BinaryOp::Lt => x < y,
        BinaryOp::Le => x <= y,
        BinaryOp::Gt => x > y,
        BinaryOp::Ge => x >= y,
        _ => return None,
    };
    Some(Value::Bool(truth))
}
