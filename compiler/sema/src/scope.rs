//! Where an expression stands: which names it may use besides the global ones.

use arch_base::Span;
use arch_ir::{Actor, Expr, ProtocolId, RoleId, RunVarId, SlotId, SortId, Type};
use std::collections::BTreeMap;

/// The names of one protocol, for the bodies of its steps.
#[derive(Clone, Default)]
pub struct RunNames {
    /// Subjects: position and type, by name.
    pub subjects: BTreeMap<String, (u32, SortId)>,
    /// Roles by every name they go by.
    pub roles: BTreeMap<String, RoleNames>,
    /// Run variables.
    pub vars: BTreeMap<String, RunVarNames>,
    /// `bind Truth = e` in the head, by truth object: index into the head.
    pub truth_keys: BTreeMap<String, usize>,
    /// The run that a sub-run belongs to.
    pub above: Option<Box<Above>>,
    /// For each role, the numbers of the steps, as written, that bind it where it is not bound yet.
    pub bound_by: BTreeMap<RoleId, Vec<usize>>,
}

impl RunNames {
    /// The number of the first step, in order of writing, that binds a role.
    pub fn first_step(&self, role: RoleId) -> usize {
        self.bound_by.get(&role).and_then(|steps| steps.iter().min()).copied().unwrap_or(0)
    }
}

/// The names of the run that a sub-run belongs to.
#[derive(Clone)]
pub struct Above {
    /// Its protocol.
    pub protocol: ProtocolId,
    /// Its names.
    pub names: RunNames,
    /// The numbers of the steps, as written, that it has certainly executed.
    pub certain: Vec<usize>,
}

/// A name for an instance that takes part in a run.
#[derive(Clone, Copy)]
pub struct RoleNames {
    /// The subject or role.
    pub actor: Actor,
    /// Its sort.
    pub sort: SortId,
}

/// A run variable.
#[derive(Clone)]
pub struct RunVarNames {
    /// Its number.
    pub id: RunVarId,
    /// Its type.
    pub ty: Type,
    /// Where it is declared.
    pub span: Span,
}

/// Where an expression stands.
#[derive(Clone)]
pub struct Scope {
    /// Variables bound around it, innermost last.
    pub slots: Vec<SlotBinding>,
    /// What else it may use.
    pub site: Site,
    /// The run's names, where there is a run.
    pub run: RunNames,
    /// Definitions being expanded, outermost first, to find cycles.
    pub expanding: Vec<String>,
    /// Whether `old(…)` may be used.
    pub old: bool,
    /// Whether reads go through the acting instance's views.
    pub through_views: bool,
    /// Keys that an unindexed truth object means here, innermost last: in derived attributes and `all T.a`.
    pub keys: Vec<(String, Vec<Expr>)>,
    /// The truth object whose attributes may be named bare: in its derived attributes.
    pub siblings: Option<String>,
}

/// A bound variable.
#[derive(Clone)]
pub struct SlotBinding {
    /// Its name.
    pub name: String,
    /// Its number.
    pub slot: SlotId,
    /// Its type.
    pub ty: Type,
    /// Where it is bound.
    pub span: Span,
}

/// What an expression may use besides global names.
#[derive(Clone)]
pub enum Site {
    /// Nothing: a property, a constant, a definition on its own.
    Global,
    /// The initial value of an actor's local: `self` is this slot.
    Init(Option<(SlotId, SortId)>),
    /// A run of a protocol.
    Run(RunSite),
}

/// A place in a run.
#[derive(Clone)]
pub struct RunSite {
    /// The protocol.
    pub protocol: ProtocolId,
    /// Its name.
    pub protocol_name: String,
    /// Who acts, if anyone.
    pub actor: Option<(Actor, SortId)>,
    /// The operation, for per-step definitions.
    pub operation: Option<String>,
    /// The numbers of the steps, as written, that every run here has executed or is executing.
    pub executed: Vec<usize>,
}

impl Scope {
    /// The scope of a property or constant.
    pub fn global() -> Scope {
        Scope {
            slots: Vec::new(),
            site: Site::Global,
            run: RunNames::default(),
            expanding: Vec::new(),
            old: false,
            through_views: false,
            keys: Vec::new(),
            siblings: None,
        }
    }

    /// The run site, if there is one.
    pub fn run_site(&self) -> Option<&RunSite> {
        match &self.site {
            Site::Run(site) => Some(site),
            _ => None,
        }
    }

    /// The innermost variable of this name.
    pub fn slot(&self, name: &str) -> Option<&SlotBinding> {
        self.slots.iter().rev().find(|s| s.name == name)
    }

    /// The same place, with one more variable.
    pub fn with_slot(&self, binding: SlotBinding) -> Scope {
        let mut scope = self.clone();
        scope.slots.push(binding);
        scope
    }

    /// Whether a role is certainly bound at this place: every run here has executed a step that binds it.
    pub fn is_bound(&self, role: &RoleNames) -> bool {
        match (role.actor, self.run_site()) {
            (Actor::Subject(_), _) => true,
            (Actor::Role(role), Some(site)) => self
                .run
                .bound_by
                .get(&role)
                .is_some_and(|steps| steps.iter().any(|s| site.executed.contains(s))),
            (Actor::Role(_), None) => false,
        }
    }
}
