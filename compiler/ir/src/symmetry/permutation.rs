//! Renaming instances: what a permutation of them makes of values and states.
//!
//! Slow and obvious, like the interpreter: engines that rename packed states are compared with this.

use crate::program::{FaultKind, Program, ProtocolId, SortId, Type};
use crate::state::{Delivery, RunState, State};
use crate::value::Value;
use arch_base::IndexVec;

/// For each sort, what each instance becomes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Permutation(pub IndexVec<SortId, Vec<u32>>);

impl Permutation {
    /// Leaves every instance as it is.
    #[must_use]
    pub fn identity(program: &Program) -> Permutation {
        Permutation(program.sorts.iter().map(|s| (0..s.size).collect()).collect())
    }

    /// Exchanges two instances of a sort.
    #[must_use]
    pub fn transposition(program: &Program, sort: SortId, a: u32, b: u32) -> Permutation {
        let mut permutation = Permutation::identity(program);
        permutation.0[sort].swap(a as usize, b as usize);
        permutation
    }

    /// What an instance becomes.
    #[must_use]
    pub fn instance(&self, sort: SortId, instance: u32) -> u32 {
        self.0[sort][instance as usize]
    }

    /// What a run becomes: the run with the same copy of what its subjects become.
    #[must_use]
    pub fn run(&self, program: &Program, id: ProtocolId, run: u32) -> u32 {
        let protocol = &program.protocols[id];
        let (subjects, copy) = program.run_subjects(protocol, run);
        let renamed: Vec<u32> =
            protocol.subjects.iter().zip(subjects).map(|(s, i)| self.instance(s.sort, i)).collect();
        program.run_number(protocol, &renamed, copy)
    }

    /// What a value of a type becomes.
    #[must_use]
    pub fn value(&self, program: &Program, ty: &Type, value: &Value) -> Value {
        let all = |ty: &Type, list: &[Value]| list.iter().map(|v| self.value(program, ty, v)).collect();
        match (ty, value) {
            (Type::Optional(inner), value) if *value != Value::Null => self.value(program, inner, value),
            (Type::Id(sort), Value::Id(i)) => Value::Id(self.instance(*sort, *i)),
            (Type::Run(protocol), Value::Run(r)) => Value::Run(self.run(program, *protocol, *r)),
            (Type::Set(element, _), Value::Set(set)) => {
                Value::Set(set.iter().map(|v| self.value(program, element, v)).collect())
            }
            (Type::Map(key, of), Value::Map(map)) => Value::Map(
                map.iter().map(|(k, v)| (self.value(program, key, k), self.value(program, of, v))).collect(),
            ),
            (Type::Seq(element, _), Value::Seq(items)) => Value::Seq(all(element, items)),
            (Type::Record(id), Value::Record(values)) => {
                let fields = program.records[*id].fields.iter().zip(values);
                Value::Record(fields.map(|(f, v)| self.value(program, &f.ty, v)).collect())
            }
            (Type::Union(id), Value::Variant(tag, values)) => {
                let fields = program.unions[*id].variants[*tag as usize].fields.iter().zip(values);
                Value::Variant(*tag, fields.map(|(f, v)| self.value(program, &f.ty, v)).collect())
            }
            (_, value) => value.clone(),
        }
    }

    /// What a state becomes. Deliveries are sorted again, so that a canonical state becomes a canonical one.
    #[must_use]
    pub fn state(&self, program: &Program, state: &State) -> State {
        let flags = |lists: &[Vec<bool>], sort: &dyn Fn(usize) -> Option<SortId>| -> Vec<Vec<bool>> {
            lists.iter().enumerate().map(|(i, list)| self.moved(sort(i), list)).collect()
        };
        let sort_of = |i: usize| Some(SortId(i as u32));
        let cut_sort = |i: usize| match program.faults.as_slice()[i].kind {
            FaultKind::Partition { from, .. } => Some(from),
            _ => None,
        };
        let skew = state.skew.iter().enumerate().map(|(i, list)| self.moved(sort_of(i), list));
        State {
            vars: self.vars(program, state),
            runs: program.protocols.indices().map(|p| self.runs(program, p, state)).collect(),
            down: flags(&state.down, &sort_of),
            skew: skew.collect(),
            budgets: state.budgets.clone(),
            cut: flags(&state.cut, &cut_sort),
            pending: self.pending(program, state),
            waits: self.waits(program, state),
        }
    }

    /// A list with an element per instance.
    fn moved<T: Clone>(&self, sort: Option<SortId>, list: &[T]) -> Vec<T> {
        let mut moved = list.to_vec();
        for (i, element) in list.iter().enumerate() {
            let to = sort.map_or(i, |s| self.instance(s, i as u32) as usize);
            moved[to] = element.clone();
        }
        moved
    }

    fn vars(&self, program: &Program, state: &State) -> Vec<Vec<Value>> {
        let vars = program.vars.iter().zip(&state.vars);
        vars.map(|(var, elements)| {
            let mut moved = elements.clone();
            for (keys, element) in program.key_tuples(&var.keys).iter().zip(elements) {
                let keys: Vec<Value> =
                    var.keys.iter().zip(keys).map(|(ty, key)| self.value(program, ty, key)).collect();
                let to = program.key_position(&var.keys, &keys).expect("a renamed key is a key");
                moved[to] = self.value(program, &var.ty, element);
            }
            moved
        })
        .collect()
    }

    fn runs(&self, program: &Program, id: ProtocolId, state: &State) -> Vec<RunState> {
        let protocol = &program.protocols[id];
        let runs = state.protocol(id);
        let mut moved = runs.to_vec();
        for (run, of) in runs.iter().enumerate() {
            let roles = protocol.roles.iter().zip(&of.roles);
            let vars = protocol.vars.iter().zip(&of.vars);
            moved[self.run(program, id, run as u32) as usize] = RunState {
                status: of.status,
                roles: roles.map(|(r, i)| i.map(|i| self.instance(r.sort, i))).collect(),
                vars: vars.map(|(v, value)| self.value(program, &v.ty, value)).collect(),
            };
        }
        moved
    }

    fn pending(&self, program: &Program, state: &State) -> Vec<Vec<Delivery>> {
        let faults = program.faults.iter().zip(&state.pending);
        faults
            .map(|(fault, list)| {
                let mut moved: Vec<Delivery> =
                    list.iter().map(|d| self.delivery(program, &fault.kind, d)).collect();
                moved.sort();
                moved
            })
            .collect()
    }

    fn delivery(&self, program: &Program, kind: &FaultKind, delivery: &Delivery) -> Delivery {
        let FaultKind::Duplicate { protocol: id, step, vars, roles, locals } = kind else {
            return delivery.clone();
        };
        let protocol = &program.protocols[*id];
        let values = |types: Vec<&Type>, values: &[Value]| {
            types.iter().zip(values).map(|(ty, v)| self.value(program, ty, v)).collect()
        };
        let bound = roles.iter().zip(&delivery.roles);
        Delivery {
            run: self.run(program, *id, delivery.run),
            actor: self.instance(protocol.acting_sort(*step), delivery.actor),
            roles: bound
                .map(|((p, r), i)| i.map(|i| self.instance(program.protocols[*p].roles[*r].sort, i)))
                .collect(),
            vars: values(
                vars.iter().map(|(p, v)| &program.protocols[*p].vars[*v].ty).collect(),
                &delivery.vars,
            ),
            locals: values(locals.iter().map(|v| &program.vars[*v].ty).collect(), &delivery.locals),
        }
    }

    fn waits(&self, program: &Program, state: &State) -> Vec<Vec<u32>> {
        let deadlines = program.deadlines.iter().zip(&state.waits);
        deadlines
            .map(|(deadline, counts)| {
                let mut moved = counts.clone();
                for (run, count) in counts.iter().enumerate() {
                    moved[self.run(program, deadline.protocol, run as u32) as usize] = *count;
                }
                moved
            })
            .collect()
    }
}
