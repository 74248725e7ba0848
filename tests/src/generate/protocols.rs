//! Random protocols, rules, faults.

use super::names::Scope;
use super::segments::Segment;
use super::types::Ty;
use super::world::{Attr, Maker, Role};

/// A run variable.
#[derive(Clone, Debug)]
pub struct RunVar {
    pub name: String,
    pub ty: Ty,
    /// Its declaration.
    pub text: String,
    /// The segment whose sub-runs have it; none for the run's own.
    pub segment: Option<usize>,
}

/// A role of a protocol, with the number of the first step that binds it.
#[derive(Clone, Debug)]
pub struct ProtoRole {
    pub name: String,
    pub sort: usize,
    pub first: usize,
    /// The segment whose sub-runs bind it; none for the run's own.
    pub segment: Option<usize>,
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    pub name: String,
    pub actor: String,
    pub sort: usize,
    /// 0 for the main chain.
    pub chain: usize,
    pub last: bool,
    pub loops: bool,
}

/// A protocol, or a block of rules.
#[derive(Clone, Debug)]
pub struct Proto {
    pub name: String,
    pub rule: bool,
    pub subjects: Vec<(String, usize)>,
    pub modifiers: String,
    pub begins: bool,
    pub vars: Vec<RunVar>,
    pub roles: Vec<ProtoRole>,
    pub steps: Vec<Step>,
    pub chains: usize,
    pub copies: usize,
    pub segments: Vec<Segment>,
}

const WORDS: &[&str] = &["done", "done", "retry", "accepted", "requeue"];

impl Maker {
    /// Decides on protocols and the names in them, so that others can refer to them.
    pub fn plan_protocols(&mut self) {
        for i in 0..1 + self.r.weighted(&[50, 40, 10]) {
            if self.r.chance(22) {
                self.plan_rules(i);
            } else {
                self.plan_protocol(i);
            }
        }
    }

    fn actor_sorts(&self) -> Vec<usize> {
        (0..self.sorts.len()).filter(|s| self.sorts[*s].actor).collect()
    }

    fn plan_rules(&mut self, i: usize) {
        self.has("rules");
        let subjects = self.subjects();
        let mut proto = Proto {
            name: format!("rules{i}"),
            rule: true,
            subjects,
            modifiers: String::new(),
            begins: false,
            vars: Vec::new(),
            roles: Vec::new(),
            steps: Vec::new(),
            chains: 1,
            copies: 1,
            segments: Vec::new(),
        };
        for n in 0..1 + self.r.below(3) {
            let (actor, sort) = self.acting(&mut proto, n);
            let name = format!("s{i}{n}");
            proto.steps.push(Step { name, actor, sort, chain: 0, last: true, loops: false });
        }
        self.protos.push(proto);
    }

    fn subjects(&mut self) -> Vec<(String, usize)> {
        let one = |maker: &mut Maker| {
            let sort = maker.r.below(maker.sorts.len());
            (maker.sorts[sort].name.clone(), sort)
        };
        match self.r.weighted(&[28, 50, 22]) {
            0 => Vec::new(),
            1 => vec![one(self)],
            _ => {
                self.has("two subjects");
                let (a, b) = (one(self).1, one(self).1);
                vec![("sa".to_owned(), a), ("sb".to_owned(), b)]
            }
        }
    }

    /// Who acts in a step; a role that is new is added to the protocol.
    fn acting(&mut self, proto: &mut Proto, number: usize) -> (String, usize) {
        let actors = self.actor_sorts();
        let subjects: Vec<(String, usize)> =
            proto.instances_at(number).into_iter().filter(|(_, s)| self.sorts[*s].actor).collect();
        if self.r.chance(60)
            && let Some(subject) = self.r.maybe(&subjects)
        {
            return subject;
        }
        let roles = self.roles.clone();
        let (name, sort, same) = match self.r.maybe(&roles) {
            Some(role) if self.r.chance(45) => (role.name, role.sort, role.same),
            _ => {
                let sort = self.r.pick(&actors);
                (self.sorts[sort].name.clone(), sort, true)
            }
        };
        let segment = proto.segment_of(number);
        let same_subjects = proto.instances_at(number).iter().filter(|(_, s)| *s == sort).count();
        let is_subject = same && same_subjects == 1;
        // What acts in the run is not the same role as what acts in its sub-runs.
        let elsewhere = |r: &ProtoRole| r.sort == sort && r.segment != segment;
        let clashes = !is_subject && self.sorts[sort].size > 1 && proto.roles.iter().any(elsewhere);
        let name = if clashes { self.other_role(sort) } else { name };
        if !is_subject && !proto.roles.iter().any(|r| r.name == name && r.segment == segment) {
            proto.roles.push(ProtoRole { name: name.clone(), sort, first: number, segment });
        }
        (name, sort)
    }

    fn other_role(&mut self, sort: usize) -> String {
        let name = self.fresh("other");
        self.roles.push(Role { name: name.clone(), sort, same: false });
        name
    }

    fn plan_protocol(&mut self, i: usize) {
        let subjects = self.subjects();
        self.has(match subjects.as_slice() {
            [] => "no subject",
            [(_, s)] if !self.sorts[*s].actor => "id subject",
            _ => "actor subject",
        });
        let mut modifiers = String::new();
        let mut copies = 1;
        if self.r.chance(25) {
            copies = 2;
            self.has("runs n");
            modifiers.push_str(", runs 2");
            if self.r.chance(40) {
                self.has("runs n cut");
                modifiers.push_str(" cut");
            }
        }
        if self.r.chance(70) {
            self.has("repeats");
            modifiers.push_str(", repeats");
        }
        if self.r.chance(15) {
            self.has("daemon");
            modifiers.push_str(", daemon");
        }
        let begins = self.r.chance(30);
        let mut proto = Proto {
            name: format!("pro{i}"),
            rule: false,
            subjects,
            modifiers,
            begins,
            vars: Vec::new(),
            roles: Vec::new(),
            steps: Vec::new(),
            chains: 1 + self.r.weighted(&[45, 40, 15]),
            copies,
            segments: Vec::new(),
        };
        let main = self.plan_segments(&mut proto);
        for chain in 0..proto.chains {
            let length = if chain == 0 { main } else { 1 + self.r.weighted(&[70, 30]) };
            for n in 0..length {
                let number = proto.steps.len();
                let (actor, sort) = self.acting(&mut proto, number);
                let last = n + 1 == length;
                let ends = last || (chain == 0 && proto.segments.iter().any(|s| s.to == n + 1));
                let loops = !ends && (chain == 0 || n > 0) && self.r.chance(35);
                proto.steps.push(Step { name: format!("s{i}{number}"), actor, sort, chain, last, loops });
            }
        }
        self.protos.push(proto);
    }

    /// Decides on faults, so that predicates about them can be used.
    pub fn plan_faults(&mut self) {
        let actors = self.actor_sorts();
        let any_locals = |m: &Maker, s: usize| m.sorts[s].locals.iter().any(|l| l.init == " = any");
        if self.r.chance(25) {
            let sort = self.r.pick(&actors);
            if !any_locals(self, sort) {
                let stops = self.r.chance(40);
                self.crashes.push((sort, stops));
            }
        }
        if self.r.chance(15) {
            let (a, b) = (self.r.pick(&actors), self.r.pick(&actors));
            self.parted.push((a, b));
        }
        if self.timed && self.r.chance(25) {
            let sort = self.r.pick(&actors);
            self.skewed.push(sort);
        }
    }

    /// Definitions and derived attributes.
    pub fn derive(&mut self) {
        if self.r.chance(20) {
            let scope = Scope { global: true, ..Scope::default() };
            let body = self.condition(1, &scope);
            self.has("derived attribute");
            let attr =
                Attr { name: "derived".into(), ty: Ty::Bool, init: format!(" := {body}"), derived: true };
            if let Some(main) = self.truths.last_mut() {
                main.attrs.push(attr);
            }
        }
    }

    pub fn define(&mut self) {
        if self.r.chance(20) {
            let sort = self.r.below(self.sorts.len());
            let scope = Scope { global: true, ..Scope::default() }.with("y", Ty::Id(sort));
            let body = self.condition(1, &scope);
            let name = self.sorts[sort].name.clone();
            self.items.push(format!("define fun(y: {name}): bool := {body}"));
            self.functions.push(("fun".to_owned(), sort));
        }
    }

    pub fn write_protocols(&mut self) {
        for i in 0..self.protos.len() {
            self.plan_vars(i);
        }
        for i in 0..self.protos.len() {
            if self.protos[i].rule { self.write_rules(i) } else { self.write_protocol(i) }
        }
        self.write_timing();
    }

    /// Run variables; what they are set to comes with their declarations.
    fn plan_vars(&mut self, i: usize) {
        let proto = self.protos[i].clone();
        let mut vars = Vec::new();
        if proto.begins {
            let subjects = &proto.subjects;
            let me = if subjects.len() == 1 { Some(subjects[0].1) } else { None };
            let scope = Scope { me, instances: subjects.clone(), ..Scope::default() };
            let list = self.readable(&scope);
            let list: Vec<_> = list.into_iter().filter(|(n, t)| self.is_kept(n, t)).collect();
            if let Some((text, ty)) = self.r.maybe(&list) {
                self.has("head let");
                let name = self.fresh("v");
                vars.push(RunVar { text: format!("let {name} = {text}"), name, ty, segment: None });
            } else {
                self.protos[i].begins = false;
            }
        }
        if !proto.rule && self.r.chance(25) {
            let (name, ty) = (self.fresh("v"), self.ty());
            if !matches!(ty, Ty::Id(_)) {
                self.has("var");
                let text = format!("var {name}: {}", self.show(&ty));
                vars.push(RunVar { text, name, ty, segment: None });
            }
        }
        if self.r.chance(25) {
            let (name, ty) = (self.fresh("v"), self.key_type());
            self.has(if proto.rule { "any in a rule" } else { "any" });
            vars.push(RunVar { text: format!("any {name}: {}", self.show(&ty)), name, ty, segment: None });
        }
        self.protos[i].vars = vars;
        if !proto.rule && self.r.chance(25) {
            let number = self.r.below(proto.steps.len());
            let mut scope = self.step_scope(i, number);
            scope.vars.clear();
            let list = self.readable(&scope);
            let list: Vec<_> = list.into_iter().filter(|(n, t)| self.is_kept(n, t)).collect();
            if let Some((text, ty)) = self.r.maybe(&list) {
                self.has("let at");
                let name = self.fresh("v");
                let text = format!("let {name} = {text} at {}", proto.steps[number].name);
                let segment = proto.segment_of(number);
                self.protos[i].vars.push(RunVar { name, ty, text, segment });
            }
        }
    }

    /// Whether something read can be kept in a run variable.
    fn is_kept(&self, text: &str, ty: &Ty) -> bool {
        let unbounded = matches!(ty, Ty::Int(lo, _, _) if *lo == i64::MIN);
        !unbounded && !matches!(ty, Ty::Run(_)) && !text.contains("tail(")
    }

    /// Names at a step.
    pub fn step_scope(&self, i: usize, number: usize) -> Scope {
        let proto = &self.protos[i];
        let step = &proto.steps[number];
        let roles = proto.roles.iter().filter(|r| self.is_bound(proto, r, number));
        let roles = roles.map(|r| (r.name.clone(), r.sort));
        let segment = proto.segment_of(number);
        let vars = |of: Option<usize>| {
            let mine = proto.vars.iter().filter(move |v| v.segment == of);
            mine.map(|v| (v.name.clone(), v.ty.clone())).collect::<Vec<_>>()
        };
        Scope {
            me: Some(step.sort),
            instances: proto.instances_at(number).into_iter().chain(roles).collect(),
            vars: vars(segment),
            // A sub-run reads the variables of its run.
            slots: if segment.is_some() { vars(None) } else { Vec::new() },
            ..Scope::default()
        }
    }

    /// Whether a role is bound whenever a run is at a step, as far as no hand-over skips steps.
    fn is_bound(&self, proto: &Proto, role: &ProtoRole, number: usize) -> bool {
        let at = &proto.steps[number];
        if role.segment.is_some() && role.segment != proto.segment_of(number) {
            return false;
        }
        let binds = |(n, s): (usize, &Step)| {
            let executed = n == number || (n < number && s.chain == at.chain && !s.loops);
            executed && proto.segment_of(n) == role.segment && (s.actor == role.name || n == role.first)
        };
        proto.steps.iter().enumerate().any(binds)
    }

    fn head(&self, proto: &Proto) -> String {
        match proto.subjects.as_slice() {
            [] => String::new(),
            [(name, sort)] if *name == self.sorts[*sort].name => format!(" for each {name}"),
            list => {
                let list: Vec<String> =
                    list.iter().map(|(n, s)| format!("{n}: {}", self.sorts[*s].name)).collect();
                format!(" for each ({})", list.join(", "))
            }
        }
    }

    fn guard(&mut self, percent: usize, scope: &Scope) -> String {
        if !self.r.chance(percent) {
            return String::new();
        }
        let depth = self.r.below(3) as u32;
        let guard = self.condition(depth, scope);
        format!(" {{{guard}}}")
    }

    fn write_rules(&mut self, i: usize) {
        let proto = self.protos[i].clone();
        let mut lines = vec![format!("rules{} {{", self.head(&proto))];
        lines.extend(proto.vars.iter().map(|v| format!("  {}", v.text)));
        for (n, step) in proto.steps.iter().enumerate() {
            // In a rule only the acting role is bound.
            let mut scope = self.step_scope(i, n);
            scope
                .instances
                .retain(|(name, _)| *name == step.actor || proto.subjects.iter().any(|(s, _)| s == name));
            let guard = self.guard(80, &scope);
            lines.push(format!("  {}[{}{guard}]", step.actor, step.name));
            self.write_effect(&step.name, None, &scope);
        }
        lines.push("}".to_owned());
        self.items.push(lines.join("\n"));
    }

    /// `on S { … }`.
    fn write_effect(&mut self, name: &str, split: Option<()>, scope: &Scope) {
        let mut scope = scope.clone();
        scope.old = true;
        let lines = if split.is_some() {
            let two: Vec<String> = (0..2).filter_map(|_| self.assignment(&scope)).collect();
            two.into_iter().map(|l| format!("  {l}")).collect()
        } else {
            let count = 1 + self.r.weighted(&[50, 35, 15]);
            self.block(count, 2, 2, &scope)
        };
        if split.is_some() && lines.len() == 2 {
            self.has("split");
            self.items.push(format!("split {name} after 1"));
        }
        scope.old = false;
        let requires = if self.r.chance(10) {
            self.has("requires");
            format!(" requires {{{}}}", self.condition(1, &scope))
        } else {
            String::new()
        };
        self.items.push(format!("on {name}{requires} {{\n{}\n}}", lines.join("\n")));
    }

    fn write_protocol(&mut self, i: usize) {
        let proto = self.protos[i].clone();
        let mut head: Vec<String> = proto.vars.iter().map(|v| v.text.clone()).collect();
        head.extend(self.bound_early(i));
        head.extend(self.written_segments(&proto));
        let mut chains = vec![String::new(); proto.chains];
        for (n, step) in self.protos[i].steps.clone().into_iter().enumerate() {
            let scope = self.step_scope(i, n);
            let guard = self.guard(50, &scope);
            let chain = &mut chains[step.chain];
            if !chain.is_empty() {
                chain.push_str(" ->\n    ");
            }
            chain.push_str(&format!("{}[{}{guard}]", step.actor, step.name));
            if step.last {
                let word = self.word(i, n, &mut head);
                chains[step.chain].push_str(&format!(" => {word}"));
            }
            if step.loops {
                self.has("loop");
                head.push(format!("loop {}", step.name));
            }
            if !guard.is_empty() && self.r.chance(25) {
                self.write_reject(i, n, &mut head, &scope);
            }
            let detached = self.is_first_of_branch(&proto, n) && self.write_window(&proto, n, &mut head);
            let split = (!step.loops && !detached && self.r.chance(8)).then_some(());
            self.write_effect(&step.name, split, &scope);
        }
        let mut lines = vec![format!("protocol {}{}{} {{", proto.name, self.head(&proto), proto.modifiers)];
        lines.extend(head.into_iter().map(|h| format!("  {h}")));
        for (c, chain) in chains.into_iter().enumerate() {
            if c > 0 {
                self.has("branch");
            }
            lines.push(if c == 0 { format!("  {chain}") } else { format!("    |-> {chain}") });
        }
        lines.push("}".to_owned());
        self.items.push(lines.join("\n"));
    }

    /// `bind role at S`, before the step at which it would be bound.
    fn bound_early(&mut self, i: usize) -> Option<String> {
        let mut late = Vec::new();
        for (n, role) in self.protos[i].roles.iter().enumerate() {
            if role.first > 0 && self.protos[i].steps[role.first].chain == 0 && role.segment.is_none() {
                late.push(n);
            }
        }
        let n = self.r.maybe(&late).filter(|_| self.r.chance(50))?;
        let at = self.r.below(self.protos[i].roles[n].first);
        if self.protos[i].segment_of(at).is_some() {
            return None;
        }
        self.protos[i].roles[n].first = at;
        self.has("bind role");
        let (role, step) = (&self.protos[i].roles[n].name, &self.protos[i].steps[at].name);
        Some(format!("bind {role} at {step}"))
    }

    fn is_first_of_branch(&self, proto: &Proto, n: usize) -> bool {
        proto.steps[n].chain > 0 && proto.steps[n - 1].chain != proto.steps[n].chain
    }

    /// A narrower window for a branch; whether it is detached.
    fn write_window(&mut self, proto: &Proto, n: usize, head: &mut Vec<String>) -> bool {
        let name = &proto.steps[n].name;
        let main: Vec<String> = proto.steps.iter().filter(|s| s.chain == 0).map(|s| s.name.clone()).collect();
        let any = self.r.below(main.len());
        match self.r.below(6) {
            0 => {
                self.has("branch at start");
                head.push(format!("branch {name} at start"));
            }
            1 if main.len() > 1 => {
                self.has("branch after");
                head.push(format!("branch {name} after {}", main[any.min(main.len() - 2)]));
            }
            2 => {
                self.has("branch at");
                head.push(format!("branch {name} at {}", main[any]));
            }
            3 if main.len() > 1 => {
                self.has("branch before");
                head.push(format!("branch {name} before {}", main[any.max(1)]));
            }
            _ => {}
        }
        let detached = proto.steps[n].last && self.r.chance(25);
        if detached {
            self.has("branch detached");
            head.push(format!("branch {name} detached"));
        }
        detached
    }

    /// A word for an outcome, declared if it needs to be.
    fn word(&mut self, i: usize, n: usize, head: &mut Vec<String>) -> String {
        if self.r.chance(12) {
            let word = self.fresh("ends");
            self.has("outcome ends");
            head.push(format!("outcome {word} ends"));
            return word;
        }
        if self.r.chance(25)
            && let Some(handover) = self.handover(i, n)
        {
            let word = self.fresh("then");
            head.push(format!("outcome {word} {handover}"));
            if self.r.chance(50) {
                head.push(format!("outcome {word} ends"));
            }
            return word;
        }
        self.r.pick(WORDS).to_owned()
    }

    /// `starts p at S` or `resumes p at S`, where what p's subjects are is clear.
    fn handover(&mut self, i: usize, n: usize) -> Option<String> {
        let target = self.r.below(self.protos.len());
        let to = self.protos[target].clone();
        if to.rule {
            return None;
        }
        // After sub-runs at the end, whoever acted before them joins.
        let proto = &self.protos[i];
        let joins = proto.segment_of(n).filter(|_| proto.steps[n].last).map(|s| proto.segments[s].from);
        let scope = self.step_scope(i, joins.map_or(n, |from| from.saturating_sub(1)));
        let clear = |sort: usize| {
            let named = scope.instances.iter().filter(|(_, s)| *s == sort).count();
            named == 1 || (named == 0 && scope.me == Some(sort))
        };
        if !to.subjects.iter().all(|(_, s)| clear(*s)) {
            return None;
        }
        let main = to.steps.iter().enumerate().filter(|(n, s)| s.chain == 0 && to.can_be_entered(*n));
        let main: Vec<String> = main.map(|(_, s)| s.name.clone()).collect();
        let starts = to.copies > 1 || self.r.chance(50);
        self.has(if starts { "outcome starts" } else { "outcome resumes" });
        let word = if starts { "starts" } else { "resumes" };
        Some(format!("{word} {} at {}", to.name, self.r.pick(&main)))
    }

    fn write_reject(&mut self, i: usize, n: usize, head: &mut Vec<String>, scope: &Scope) {
        self.has("rejects");
        let name = self.protos[i].steps[n].name.clone();
        let word = self.word(i, n, head);
        let mut scope = scope.clone();
        scope.old = true;
        let body = self.block(1, 1, 2, &scope);
        let body = if body.is_empty() || self.r.chance(40) {
            String::new()
        } else {
            format!(" {{\n{}\n}}", body.join("\n"))
        };
        self.items.push(format!("rejects {name} => {word}{body}"));
    }

    /// `urgent`, `deadline` and `pace`.
    fn write_timing(&mut self) {
        if !self.timed || !self.r.chance(45) {
            return;
        }
        let steps: Vec<String> = self.protos.iter().flat_map(|p| &p.steps).map(|s| s.name.clone()).collect();
        let step = self.r.pick(&steps);
        let n = self.r.between(1, 2);
        let (feature, text) = match self.r.below(3) {
            0 => ("urgent", format!("urgent {step}")),
            1 => ("deadline", format!("deadline {step} within {n}")),
            _ => ("pace", format!("pace {step} every {n}")),
        };
        self.has(feature);
        self.items.push(text);
    }

    /// `fair` and `unfair`.
    pub fn write_fairness(&mut self) {
        let steps: Vec<String> = self.protos.iter().flat_map(|p| &p.steps).map(|s| s.name.clone()).collect();
        for step in steps {
            let (feature, word) = match self.r.weighted(&[70, 17, 13]) {
                0 => continue,
                1 => ("fair", "fair"),
                _ => ("unfair", "unfair"),
            };
            self.has(feature);
            self.items.push(format!("{word} {step}"));
        }
    }

    pub fn write_faults(&mut self) {
        let mut faults = Vec::new();
        for (sort, stops) in self.crashes.clone() {
            self.has(if stops { "crash stops" } else { "crash" });
            faults.push(format!("crash {}{}", self.sorts[sort].name, if stops { " stops" } else { "" }));
        }
        for (a, b) in self.parted.clone() {
            self.has("partition");
            faults.push(format!("partition {} from {}", self.sorts[a].name, self.sorts[b].name));
        }
        for sort in self.skewed.clone() {
            self.has("skew");
            faults.push(format!("skew {} by 1", self.sorts[sort].name));
        }
        let handed_over: Vec<String> = self.protos.iter().flat_map(Proto::handed_over).collect();
        let steps = self.protos.iter().filter(|p| !p.rule).flat_map(|p| &p.steps).map(|s| s.name.clone());
        let is_split = |step: &String| self.items.contains(&format!("split {step} after 1"));
        let steps: Vec<String> = steps.filter(|s| !is_split(s)).collect();
        if self.r.chance(15)
            && let Some(step) = self.r.maybe(&handed_over)
        {
            self.has("lose");
            faults.push(format!("lose {step}"));
        }
        if self.r.chance(30)
            && let Some(step) = self.r.maybe(&steps)
        {
            self.has("duplicate");
            faults.push(format!("duplicate {step} at most {}", 1 + self.r.below(2)));
        }
        for fault in faults {
            let budget = match self.r.below(5) {
                0 if !fault.contains("duplicate") && !fault.contains("skew") => {
                    self.has("unbounded fault");
                    " unbounded"
                }
                1 if !fault.contains("most") => " at most 2",
                _ => "",
            };
            let budget = if fault.starts_with("skew") { "" } else { budget };
            self.items.push(format!("faults {{\n  {fault}{budget}\n}}"));
        }
    }
}
