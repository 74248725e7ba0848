//! Random properties.

use super::names::Scope;
use super::types::Ty;
use super::world::Maker;

impl Maker {
    pub fn write_claims(&mut self) {
        for check in ["stuck", "stranded", "advances"] {
            if self.r.chance(15) {
                self.items.push(format!("allow {check}"));
            }
        }
        for i in 0..2 + self.r.below(4) {
            self.write_claim(i);
        }
    }

    fn write_claim(&mut self, i: usize) {
        let mut scope = Scope { global: true, ..Scope::default() };
        let mut binders = String::new();
        if self.r.chance(35) {
            self.has("for each");
            let sort = self.r.below(self.sorts.len());
            let name = self.fresh("x");
            let domain = self.sorts[sort].name.clone();
            scope = scope.with(&name, Ty::Id(sort));
            let filter = if self.r.chance(25) {
                format!(" where {}", self.condition(1, &scope))
            } else {
                String::new()
            };
            binders = format!("for each {name} in {domain}{filter}: ");
        }
        let form = self.form(&scope);
        self.items.push(format!("property p{i}: {binders}{form}"));
    }

    fn form(&mut self, scope: &Scope) -> String {
        let depth = self.r.below(3) as u32;
        match self.r.weighted(&[24, 8, 14, 14, 14, 13, 13, 12, 9, 9]) {
            0 => format!("always {}", self.condition(depth, scope)),
            1 => format!("never {}", self.condition(depth, scope)),
            2 => self.at_step("at", false, depth, scope),
            3 => self.at_step("after", true, depth, scope),
            4 => {
                let list = self.readable(scope);
                let list: Vec<_> =
                    list.into_iter().filter(|(_, t)| t.is_ordered() && !matches!(t, Ty::Run(_))).collect();
                match self.r.maybe(&list) {
                    Some((text, _)) => format!("monotonic {text}"),
                    None => format!("always {}", self.condition(depth, scope)),
                }
            }
            5 => format!("reachable {}", self.condition(depth, scope)),
            6 => format!("always possible {}", self.condition(depth, scope)),
            7 => {
                let (p, q) = (self.condition(depth, scope), self.condition(depth, scope));
                format!("({p}) leads to ({q})")
            }
            8 => format!("eventually {}", self.condition(depth, scope)),
            _ => format!("always eventually {}", self.condition(depth, scope)),
        }
    }

    fn at_step(&mut self, word: &str, after: bool, depth: u32, outer: &Scope) -> String {
        let i = self.r.below(self.protos.len());
        let n = self.r.below(self.protos[i].steps.len());
        let mut scope = self.step_scope(i, n);
        if self.protos[i].rule {
            let actor = self.protos[i].steps[n].actor.clone();
            let subjects = self.protos[i].subjects.clone();
            scope.instances.retain(|(name, _)| *name == actor || subjects.iter().any(|(s, _)| s == name));
        }
        scope.slots.extend(outer.slots.clone());
        scope.old = after;
        let name = self.protos[i].steps[n].name.clone();
        format!("{word} {name}: {}", self.condition(depth, &scope))
    }
}
