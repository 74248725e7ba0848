//! What is stored: kinds of rows with keys and columns, and the Rust names of everything.
//!
//! After this pass every name that generated code uses is fixed, and everything that cannot be stored is refused.

use crate::names::{Taken, camel, snake};
use crate::refusal::Refusal;
use crate::stored_names::{column_fault, table_fault};
use arch_base::{Idx, Span};
use arch_ir::{
    EnumId, OrdinalId, Program, Protocol, ProtocolId, RecordId, RoleId, RunVarId, SortId, Status, Type,
    UnionId, VarId, VarOwner,
};
use std::collections::BTreeMap;

/// A kind of row.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Its name in the spec, the schema and the journal.
    pub name: String,
    /// Its struct.
    pub rust: String,
    /// What it holds.
    pub of: KindOf,
    /// Its keys: name, field of key structs, type.
    pub keys: Vec<Column>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Whether it is ghost truth, which services do not store.
    pub ghost: bool,
    /// Where it is declared.
    pub span: Span,
}

/// What a kind holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum KindOf {
    /// A truth object.
    Truth(arch_ir::TruthId),
    /// The locals of an actor.
    Local(SortId),
    /// The runs of a protocol.
    Run(ProtocolId),
}

/// A key or column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name in the schema.
    pub name: String,
    /// Its field.
    pub field: String,
    /// What it holds.
    pub of: ColumnOf,
    /// Its type; of a status, `bool` stands in.
    pub ty: Type,
}

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ColumnOf {
    /// A key.
    Key(usize),
    /// The copy of a run.
    Copy,
    /// A variable.
    Var(VarId),
    /// Where a run is.
    Status,
    /// A role of a run.
    Role(RoleId),
    /// A variable of a run.
    RunVar(RunVarId),
}

impl Kind {
    /// Its name in the spec, which is not that of its table where two would be called the same.
    fn said<'p>(&self, program: &'p Program) -> &'p str {
        match self.of {
            KindOf::Truth(id) => &program.truths[id].name,
            KindOf::Local(id) => &program.sorts[id].name,
            KindOf::Run(id) => &program.protocols[id].name,
        }
    }
}

impl Column {
    /// Its name in the spec, and where it is declared; what the spec does not name is as its kind.
    fn said<'p>(&'p self, program: &'p Program, kind: &Kind) -> (&'p str, Span) {
        match self.of {
            ColumnOf::Var(var) => (&program.vars[var].name, program.vars[var].span),
            _ => (&self.name, kind.span),
        }
    }
}

/// The statuses of a protocol's runs.
#[derive(Clone, Debug)]
pub struct StatusName {
    /// As stored: `idle`, `at_claim`, `done`.
    pub word: String,
    /// The variant.
    pub rust: String,
    /// What it is.
    pub status: Status,
}

/// A union with its variants and their fields.
pub type UnionNames = (String, Vec<(String, Vec<String>)>);

/// All names.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Kinds, ghost truth last.
    pub kinds: Vec<Kind>,
    /// How many are stored by services.
    pub stored: usize,
    /// Newtypes of actors and id types.
    pub sorts: Vec<String>,
    /// Enums, with their variants.
    pub enums: Vec<(String, Vec<String>)>,
    /// Ordinals.
    pub ordinals: Vec<String>,
    /// Records, with their fields.
    pub records: Vec<(String, Vec<String>)>,
    /// Unions, with their variants and fields.
    pub unions: Vec<UnionNames>,
    /// For each protocol its names.
    pub protocols: Vec<ProtocolNames>,
    /// For each variable, where it is: kind and column.
    pub vars: BTreeMap<u32, (usize, usize)>,
}

/// Names of a protocol.
#[derive(Clone, Debug)]
pub struct ProtocolNames {
    /// Its module.
    pub module: String,
    /// The struct of its runs' keys.
    pub key: String,
    /// The enum of statuses.
    pub status: String,
    /// Statuses, idle first.
    pub statuses: Vec<StatusName>,
    /// The struct of each step.
    pub steps: Vec<String>,
    /// The operation's name of each step: `main.claim`.
    pub ops: Vec<String>,
    /// Its kind, if its runs are stored.
    pub kind: Option<usize>,
    /// The fields of its key: subjects, then the copy if there are several.
    pub keys: Vec<Column>,
    /// For a rule, the fields of roles and parameters in what its step acts with.
    pub role_fields: Vec<String>,
    /// See `role_fields`.
    pub var_fields: Vec<String>,
}

/// Names that generated modules import.
const RESERVED: &[&str] = &[
    "Action",
    "Arc",
    "BTreeSet",
    "Box",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "Domain",
    "Eq",
    "Err",
    "Excess",
    "Guard",
    "Hash",
    "Instant",
    "Key",
    "Kind",
    "KindCode",
    "KindId",
    "Members",
    "Moved",
    "Nobody",
    "None",
    "Ok",
    "Operation",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Picks",
    "Policy",
    "Protocol",
    "Record",
    "Result",
    "Row",
    "RowKey",
    "Schema",
    "Self",
    "SmolStr",
    "Some",
    "Sort",
    "Spec",
    "Stop",
    "String",
    "Total",
    "Tx",
    "Type",
    "Typed",
    "Value",
    "Vec",
    "Model",
];

/// Names that the modules of handlers, the service and the model import, beside types of the spec.
const RESERVED_TYPES: &[&str] = &[
    "Acts",
    "BoxFuture",
    "Call",
    "Checked",
    "Choose",
    "Claim",
    "Deadline",
    "Down",
    "Fault",
    "FaultKind",
    "Field",
    "Future",
    "HandlerError",
    "KindClass",
    "Plain",
    "Property",
    "Service",
    "Serving",
    "StepClaim",
    "UnionType",
    "Variant",
];

impl Layout {
    /// Names everything in a program.
    ///
    /// # Errors
    /// What cannot be stored.
    pub fn of(program: &Program) -> Result<Layout, Vec<Refusal>> {
        let mut types = Taken::with(&[RESERVED, RESERVED_TYPES].concat());
        let sorts = program.sorts.iter().map(|s| types.take(&camel(&s.name), "Id")).collect();
        let ordinals = program.ordinals.iter().map(|o| types.take(&camel(&o.name), "Ordinal")).collect();
        let enums = program.enums.iter().map(|e| {
            let mut taken = Taken::default();
            let constants = e.constants.iter().map(|c| taken.take(&camel(c), "")).collect();
            (types.take(&camel(&e.name), "Value"), constants)
        });
        let enums = enums.collect();
        let fields = |fields: &[arch_ir::Field]| {
            let mut taken = Taken::default();
            fields.iter().map(|f| taken.take(&snake(&f.name), "_")).collect::<Vec<_>>()
        };
        let records = program
            .records
            .iter()
            .map(|r| (types.take(&camel(&r.name), "Record"), fields(&r.fields)))
            .collect();
        let unions = program.unions.iter().map(|u| {
            let mut taken = Taken::default();
            let variants = u.variants.iter().map(|v| (taken.take(&camel(&v.name), ""), fields(&v.fields)));
            (types.take(&camel(&u.name), "Union"), variants.collect())
        });
        let unions = unions.collect();
        let mut layout = Layout {
            kinds: Vec::new(),
            stored: 0,
            sorts,
            enums,
            ordinals,
            records,
            unions,
            protocols: Vec::new(),
            vars: BTreeMap::new(),
        };
        layout.name_protocols(program, &mut types);
        layout.add_kinds(program, &mut types);
        layout.name_steps(program);
        let refusals = layout.refusals(program);
        if refusals.is_empty() { Ok(layout) } else { Err(refusals) }
    }

    fn name_protocols(&mut self, program: &Program, types: &mut Taken) {
        let mut modules =
            Taken::with(&["mod", "types", "rows", "spec", "model", "handlers", "service", "client", "grpc"]);
        let mut ops = Taken::default();
        for protocol in &program.protocols {
            // The steps of sub-runs are written in the protocol that their runs belong to.
            let written = protocol.parent.map_or(protocol, |parent| &program.protocols[parent.protocol]);
            let module = modules.take(&snake(&protocol.name), "_");
            let key = types.take(&format!("{}Key", camel(&protocol.name)), "Run");
            let status = types.take(&format!("{}Status", camel(&protocol.name)), "Run");
            let op = |s: &arch_ir::Step| {
                // A step that only joins is called `joined …` in the program.
                let name = s.name.replace(' ', "_");
                let name = if protocol.rule { name } else { format!("{}.{name}", written.name) };
                ops.take(&name, "_2")
            };
            let op_names = protocol.steps.iter().map(op).collect();
            let mut fields = Taken::with(&["me"]);
            self.protocols.push(ProtocolNames {
                module,
                key,
                status,
                statuses: statuses(protocol),
                steps: Vec::new(),
                ops: op_names,
                kind: None,
                keys: run_keys(protocol),
                role_fields: protocol.roles.iter().map(|r| fields.take(&snake(&r.name), "_")).collect(),
                var_fields: protocol.vars.iter().map(|v| fields.take(&snake(&v.name), "_")).collect(),
            });
        }
    }

    /// Steps are in modules that use every type and row, so they have other names.
    fn name_steps(&mut self, program: &Program) {
        let types: Vec<String> = self.type_names().cloned().collect();
        let reserved = RESERVED.iter().copied().chain(types.iter().map(String::as_str));
        let reserved = Taken::with(&reserved.collect::<Vec<_>>());
        for (protocol, named) in program.protocols.iter().zip(&mut self.protocols) {
            let mut steps = reserved.clone();
            named.steps = protocol.steps.iter().map(|s| steps.take(&camel(&s.name), "Step")).collect();
        }
    }

    /// What the Rust types of values, rows, keys and statuses are called.
    pub fn type_names(&self) -> impl Iterator<Item = &String> {
        let values = self.sorts.iter().chain(&self.ordinals).chain(self.enums.iter().map(|(name, _)| name));
        let records =
            self.records.iter().map(|(name, _)| name).chain(self.unions.iter().map(|(name, _)| name));
        let runs = self.protocols.iter().flat_map(|p| [&p.key, &p.status]);
        values.chain(records).chain(runs).chain(self.kinds.iter().map(|k| &k.rust))
    }

    fn add_kinds(&mut self, program: &Program, types: &mut Taken) {
        let mut tables = Taken::default();
        let mut all: Vec<Kind> = Vec::new();
        for (id, truth) in program.truths.iter_enumerated() {
            let vars = owned(program, VarOwner::Truth(id));
            let Some(first) = vars.first() else { continue };
            let keys = program.vars[*first].keys.clone();
            let rust = types.take(&camel(&truth.name), "Truth");
            let name = truth.name.clone();
            all.push(var_kind(program, name, rust, KindOf::Truth(id), &keys, &vars, truth.ghost, truth.span));
        }
        for (id, sort) in program.sorts.iter_enumerated() {
            let vars = owned(program, VarOwner::Local(id));
            if !vars.is_empty() {
                let rust = types.take(&format!("{}Locals", camel(&sort.name)), "Row");
                let (keys, of) = ([Type::Id(id)], KindOf::Local(id));
                all.push(var_kind(program, sort.name.clone(), rust, of, &keys, &vars, false, sort.span));
            }
        }
        for (id, protocol) in program.protocols.iter_enumerated().filter(|(_, p)| !p.rule) {
            let rust = types.take(&camel(&protocol.name), "Run");
            let columns = run_columns(protocol);
            let keys = self.protocols[id.index()].keys.clone();
            let (name, span) = (protocol.name.replace(['.', ' '], "_"), protocol.span);
            all.push(Kind { name, rust, of: KindOf::Run(id), keys, columns, ghost: false, span });
        }
        all.sort_by_key(|k| k.ghost);
        self.stored = all.iter().filter(|k| !k.ghost).count();
        for (i, kind) in all.iter_mut().enumerate() {
            if let KindOf::Run(id) = kind.of {
                self.protocols[id.index()].kind = Some(i);
            }
            // Tables are told apart by their names in lower case.
            let table = tables.take(
                &snake(&kind.name),
                match kind.of {
                    KindOf::Truth(_) => "_truth",
                    KindOf::Local(_) => "_locals",
                    KindOf::Run(_) => "_runs",
                },
            );
            if table != snake(&kind.name) {
                kind.name = table;
            }
            for (c, column) in kind.columns.iter().enumerate() {
                if let ColumnOf::Var(var) = column.of {
                    self.vars.insert(var.0, (i, c));
                }
            }
        }
        self.kinds = all;
    }

    fn refusals(&self, program: &Program) -> Vec<Refusal> {
        let mut list = Vec::new();
        for kind in &self.kinds {
            let table = snake(&kind.name);
            if let Some(why) = table_fault(&table) {
                list.push(Refusal::name("table", kind.said(program), &table, why, kind.span));
            }
            for column in kind.keys.iter().chain(&kind.columns) {
                if let Some(why) = column_fault(&column.name) {
                    let (said, span) = column.said(program, kind);
                    list.push(Refusal::name("column", said, &column.name, why, span));
                }
            }
            for key in kind.keys.iter().filter(|k| !is_key(&k.ty)) {
                list.push(Refusal::key(&kind.name, &key.name, kind.span));
            }
            for column in &kind.columns {
                if let Some(what) = unstorable(program, &column.ty, true) {
                    let (_, span) = column.said(program, kind);
                    list.push(Refusal::ty(&column.name, what, span));
                }
            }
            if kind.keys.len() > 3 && !matches!(kind.of, KindOf::Run(_)) {
                list.push(Refusal::new(kind.span, format!("`{}` has more than three keys", kind.name)));
            }
        }
        list
    }

    /// The kind of a record.
    #[must_use]
    pub fn kind_of(&self, of: KindOf) -> Option<usize> {
        self.kinds.iter().position(|k| k.of == of)
    }

    /// The newtype of a sort.
    #[must_use]
    pub fn sort(&self, id: SortId) -> &str {
        &self.sorts[id.index()]
    }

    /// The newtype of an ordinal.
    #[must_use]
    pub fn ordinal(&self, id: OrdinalId) -> &str {
        &self.ordinals[id.index()]
    }

    /// An enum.
    #[must_use]
    pub fn enumeration(&self, id: EnumId) -> &(String, Vec<String>) {
        &self.enums[id.index()]
    }

    /// A record.
    #[must_use]
    pub fn record(&self, id: RecordId) -> &(String, Vec<String>) {
        &self.records[id.index()]
    }

    /// A union.
    #[must_use]
    pub fn union(&self, id: UnionId) -> &UnionNames {
        &self.unions[id.index()]
    }

    /// A protocol's names.
    #[must_use]
    pub fn protocol(&self, id: ProtocolId) -> &ProtocolNames {
        &self.protocols[id.index()]
    }
}

impl ProtocolNames {
    /// The variant of a status.
    ///
    /// # Panics
    /// No run of the protocol has it.
    #[must_use]
    pub fn variant(&self, status: Status) -> &StatusName {
        self.statuses.iter().find(|s| s.status == status).expect("a status of the protocol")
    }

    /// The variant of a run that is over with a word.
    #[must_use]
    pub fn ended(&self, protocol: &Protocol, word: &str) -> Option<&StatusName> {
        let number = protocol.endings().iter().position(|w| *w == word)?;
        self.statuses.iter().find(|s| s.status == Status::Ended(number as u32))
    }
}

fn statuses(protocol: &Protocol) -> Vec<StatusName> {
    let (mut words, mut variants) = (Taken::with(&["idle"]), Taken::with(&["Idle"]));
    let mut list = vec![StatusName { word: "idle".into(), rust: "Idle".into(), status: Status::Idle }];
    for (chain, c) in protocol.chains.iter_enumerated() {
        for (i, step) in c.steps.iter().enumerate() {
            let name = &protocol.steps[*step].name;
            let word = words.take(&format!("at_{}", snake(name)), "_2");
            let rust = variants.take(&format!("At{}", camel(name)), "2");
            list.push(StatusName { word, rust, status: Status::At(chain, i as u32) });
        }
    }
    for (i, ending) in protocol.endings().into_iter().enumerate() {
        let word = words.take(&snake(ending), "_ended");
        let rust = variants.take(&camel(ending), "Ended");
        list.push(StatusName { word, rust, status: Status::Ended(i as u32) });
    }
    list
}

fn run_keys(protocol: &Protocol) -> Vec<Column> {
    let mut taken = Taken::default();
    let mut keys = Vec::new();
    for (i, subject) in protocol.subjects.iter().enumerate() {
        let name = taken.take(&snake(&subject.name), "_");
        keys.push(Column { field: name.clone(), name, of: ColumnOf::Key(i), ty: Type::Id(subject.sort) });
    }
    if protocol.copies > 1 {
        let name = taken.take("copy", "_");
        keys.push(Column { field: name.clone(), name, of: ColumnOf::Copy, ty: copy_type(protocol) });
    }
    keys
}

/// The type of a run's copy.
#[must_use]
pub fn copy_type(protocol: &Protocol) -> Type {
    let policy = arch_ir::RangePolicy::Report;
    Type::Int(arch_ir::IntType { lo: 0, hi: i64::from(protocol.copies) - 1, policy })
}

fn run_columns(protocol: &Protocol) -> Vec<Column> {
    let keys: Vec<String> = run_keys(protocol).into_iter().map(|k| k.name).collect();
    let mut taken = Taken::with(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    let mut add = |name: &str, of, ty| {
        let name = taken.take(&snake(name), "_");
        Column { field: name.clone(), name, of, ty }
    };
    let mut columns = vec![add("status", ColumnOf::Status, Type::Bool)];
    for (id, role) in protocol.roles.iter_enumerated() {
        columns.push(add(&role.name, ColumnOf::Role(id), Type::Optional(Box::new(Type::Id(role.sort)))));
    }
    for (id, var) in protocol.vars.iter_enumerated() {
        columns.push(add(&var.name, ColumnOf::RunVar(id), var.ty.clone()));
    }
    columns
}

#[allow(clippy::too_many_arguments)] // the parts of one kind
fn var_kind(
    program: &Program,
    name: String,
    rust: String,
    of: KindOf,
    keys: &[Type],
    vars: &[VarId],
    ghost: bool,
    span: Span,
) -> Kind {
    let mut taken = Taken::default();
    let mut column = |name: &str, of, ty: &Type| {
        let name = taken.take(&snake(name), "_");
        Column { field: name.clone(), name, of, ty: ty.clone() }
    };
    let key_name = |i: usize, ty: &Type| match ty.unwrap_optional() {
        Type::Id(sort) => program.sorts[*sort].name.clone(),
        Type::Enum(id) => program.enums[*id].name.clone(),
        _ if keys.len() == 1 => "key".to_owned(),
        _ => format!("key{}", i + 1),
    };
    let keys: Vec<Column> =
        keys.iter().enumerate().map(|(i, ty)| column(&key_name(i, ty), ColumnOf::Key(i), ty)).collect();
    let columns = vars.iter().map(|var| {
        let declared = &program.vars[*var];
        let attribute = declared.name.rsplit('.').next().unwrap_or_default();
        column(attribute, ColumnOf::Var(*var), &declared.ty)
    });
    Kind { columns: columns.collect(), keys, name, rust, of, ghost, span }
}

fn owned(program: &Program, owner: VarOwner) -> Vec<VarId> {
    program.vars.iter_enumerated().filter(|(_, v)| v.owner == owner).map(|(id, _)| id).collect()
}

fn is_key(ty: &Type) -> bool {
    matches!(ty, Type::Bool | Type::Int(_) | Type::Enum(_) | Type::Id(_))
}

/// What keeps a type from being a column.
fn unstorable(program: &Program, ty: &Type, outermost: bool) -> Option<&'static str> {
    let fields = |fields: &[arch_ir::Field]| fields.iter().find_map(|f| unstorable(program, &f.ty, false));
    match ty {
        Type::Map(..) if !outermost => Some("a map inside another type"),
        Type::Map(key, _) if !is_key(key) => Some("a map with such keys"),
        Type::Map(_, value) if program.holds_time(value) => Some("a map of instants"),
        Type::Map(_, value) => unstorable(program, value, false),
        Type::Optional(of) | Type::Set(of, _) | Type::Seq(of, _) => unstorable(program, of, false),
        Type::Record(id) => fields(&program.records[*id].fields),
        Type::Union(id) => program.unions[*id].variants.iter().find_map(|v| fields(&v.fields)),
        Type::Run(_) | Type::Unknown | Type::Null => Some("a type that is not stored"),
        _ => None,
    }
}
