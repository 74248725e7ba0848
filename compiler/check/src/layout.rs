//! Where a state's values are: every scalar part is a *cell*, packed into 64-bit words.
//!
//! A cell's value is a 64-bit integer (see `symbolic::dag`); its field of bits holds the distance from the
//! least value, with 0 for null where null is possible. Parts that can have only one value have no
//! cell. A field does not straddle words.

use crate::error::CompileError;
use crate::neighbours::in_order;
use crate::places::places;
use crate::symbolic::dag::NULL;
use crate::symbolic::sym::{Elements, ElementsCache, is_scalar};
use arch_base::Span;
use arch_ir::time::{TimeClass, TimeClasses};
use arch_ir::{Fault, FaultKind, OrdinalId, Program, Protocol, ProtocolId, Type};
use std::sync::Arc;

/// The most cells of a state.
const MOST_CELLS: usize = 1 << 20;

/// A scalar part of the state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    /// Its least value, null apart.
    pub lo: i64,
    /// Its greatest value.
    pub hi: i64,
    /// Whether it can be null.
    pub nullable: bool,
    /// Its kind, if it holds an ordinal.
    pub ordinal: Option<OrdinalId>,
    /// The word with its field.
    pub word: u32,
    /// Where its field starts.
    pub shift: u32,
    /// The field's bits, at its bottom.
    pub mask: u64,
}

impl Cell {
    /// The value of a part that is not there.
    pub fn zero(&self) -> i64 {
        if self.nullable { NULL } else { self.lo }
    }

    /// The value in a state.
    pub fn get(&self, words: &[u64]) -> i64 {
        let bits = (words[self.word as usize] >> self.shift & self.mask) as i64;
        match (self.nullable, bits) {
            (true, 0) => NULL,
            (true, bits) => self.lo + bits - 1,
            (false, bits) => self.lo + bits,
        }
    }

    /// Writes a value that is in the cell's range; whether it is.
    pub fn set(&self, words: &mut [u64], value: i64) -> bool {
        let fits = if value == NULL { self.nullable } else { (self.lo..=self.hi).contains(&value) };
        let bits = match (self.nullable, value) {
            _ if !fits => 0,
            (true, NULL) => 0,
            (true, value) => (value - self.lo + 1) as u64,
            (false, value) => (value - self.lo) as u64,
        };
        let word = &mut words[self.word as usize];
        *word = *word & !(self.mask << self.shift) | bits << self.shift;
        fits
    }

    fn width(&self) -> Option<u32> {
        let values = self.hi.checked_sub(self.lo)?.checked_add(1 + i64::from(self.nullable))?;
        Some(u64::BITS - (values as u64 - 1).leading_zeros())
    }
}

/// Where the parts of a value are.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A scalar that is always this.
    Fixed(Type, i64),
    /// A scalar in a cell.
    Cell(Type, u32),
    /// A composite optional: a cell that says whether it is present, and the value.
    Opt(u32, Box<Shape>),
    /// A set over an enumerable type: a cell per element.
    Bits(Arc<Elements>, Vec<u32>),
    /// Any other set: for each slot a cell that says whether it is used, and an element.
    Slots(Vec<(u32, Shape)>),
    /// A map: a value per key.
    Map(Arc<Elements>, Vec<Shape>),
    /// A sequence: its length and its items.
    Seq(Box<Shape>, Vec<Shape>),
    /// A record.
    Record(Vec<Shape>),
    /// A union: its tag and the fields of every variant.
    Union(Box<Shape>, Vec<Vec<Shape>>),
}

impl Shape {
    /// The cells in it, in a fixed order.
    pub fn cells(&self, out: &mut Vec<u32>) {
        match self {
            Shape::Fixed(..) => {}
            Shape::Cell(_, cell) => out.push(*cell),
            Shape::Opt(present, inner) => {
                out.push(*present);
                inner.cells(out);
            }
            Shape::Bits(_, bits) => out.extend(bits),
            Shape::Slots(slots) => slots.iter().for_each(|(present, s)| {
                out.push(*present);
                s.cells(out);
            }),
            Shape::Map(_, list) | Shape::Record(list) => list.iter().for_each(|s| s.cells(out)),
            Shape::Seq(length, items) => {
                length.cells(out);
                items.iter().for_each(|s| s.cells(out));
            }
            Shape::Union(tag, variants) => {
                tag.cells(out);
                variants.iter().flatten().for_each(|s| s.cells(out));
            }
        }
    }
}

/// Where a run's parts are.
#[derive(Clone, Debug)]
pub struct RunShape {
    /// The number of its status in the protocol's [`Statuses`].
    pub status: Shape,
    /// Its roles.
    pub roles: Vec<Shape>,
    /// Its variables.
    pub vars: Vec<Shape>,
}

/// Slots whose contents are a set or a bag, kept sorted.
#[derive(Clone, Debug)]
pub struct Group {
    /// The slots.
    pub slots: Vec<(u32, Shape)>,
    /// Whether equal contents count once.
    pub set: bool,
}

/// The statuses that runs of a protocol can have, by number; 0 is idle.
#[derive(Clone, Debug)]
pub struct Statuses {
    /// In order.
    pub list: Vec<arch_ir::Status>,
}

impl Statuses {
    /// The number of a status; idle if it is not possible.
    pub fn number(&self, status: arch_ir::Status) -> i64 {
        self.list.iter().position(|s| *s == status).unwrap_or(0) as i64
    }
}

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Layout {
    /// All cells.
    pub cells: Vec<Cell>,
    /// For each word of a state how many of its low bits are used.
    pub widths: Vec<u32>,
    /// Sorted slots, inner ones before those that hold them.
    pub groups: Vec<Group>,
    /// For each kind of ordinal the cells that hold one.
    pub ordinals: Vec<Vec<u32>>,
    /// For each variable its elements.
    pub vars: Vec<Vec<Shape>>,
    /// For each protocol its runs; none for rules.
    pub runs: Vec<Vec<RunShape>>,
    /// For each protocol the statuses.
    pub statuses: Vec<Statuses>,
    /// For each sort whether its instances are down.
    pub down: Vec<Vec<Shape>>,
    /// For each sort its instances' offsets.
    pub skew: Vec<Vec<Shape>>,
    /// For each fault what is left of its budget.
    pub budgets: Vec<Option<Shape>>,
    /// For each fault which instances are cut off.
    pub cut: Vec<Vec<Shape>>,
    /// For each fault the deliveries: records of run, actor, roles, variables, locals.
    pub pending: Vec<Vec<(u32, Shape)>>,
    /// For each deadline the runs' counts.
    pub waits: Vec<Vec<Shape>>,
    /// The classes of instants.
    pub times: TimeClasses,
}

/// An integer type with these bounds.
fn int(lo: i64, hi: i64) -> Type {
    Type::Int(arch_ir::IntType { lo, hi, policy: arch_ir::RangePolicy::Report })
}

struct Builder<'p, 'e> {
    program: &'p Program,
    elements: &'e mut ElementsCache,
    cells: Vec<Cell>,
    groups: Vec<Group>,
    ordinals: Vec<Vec<u32>>,
    times: TimeClasses,
}

impl Layout {
    /// Lays out the states of a program.
    pub fn of(program: &Program, elements: &mut ElementsCache) -> Result<Layout, CompileError> {
        program.protocols.iter().try_for_each(|p| few_runs(program, p))?;
        let mut b = Builder {
            program,
            elements,
            cells: Vec::new(),
            groups: Vec::new(),
            ordinals: vec![Vec::new(); program.ordinals.len()],
            times: TimeClasses::of(program),
        };
        let statuses = b.statuses();
        let layout = Layout {
            vars: b.vars()?,
            runs: b.runs(&statuses)?,
            statuses,
            down: b.down()?,
            skew: b.skew()?,
            budgets: b.budgets()?,
            cut: b.cut()?,
            pending: b.pending()?,
            waits: b.waits()?,
            cells: Vec::new(),
            widths: Vec::new(),
            groups: std::mem::take(&mut b.groups),
            ordinals: std::mem::take(&mut b.ordinals),
            times: b.times.clone(),
        };
        let order = in_order(program, &layout);
        layout.packed(b.cells, &order)
    }

    /// Gives every cell its field, in this order.
    fn packed(mut self, mut cells: Vec<Cell>, order: &[u32]) -> Result<Layout, CompileError> {
        for kind in &self.ordinals {
            kind.iter().for_each(|&c| cells[c as usize].hi = kind.len() as i64);
        }
        let widths: Option<Vec<u32>> = order.iter().map(|cell| cells[*cell as usize].width()).collect();
        let widths = widths.ok_or_else(|| CompileError::new("a stored integer has too wide a range"))?;
        let places = places(&widths);
        assert_eq!(places.len(), cells.len(), "every cell has a place");
        for ((cell, width), word) in order.iter().zip(widths).zip(places) {
            let cell = &mut cells[*cell as usize];
            self.widths.resize(self.widths.len().max(word + 1), 0);
            cell.word = word as u32;
            cell.shift = self.widths[word];
            cell.mask = if width == u64::BITS { u64::MAX } else { (1 << width) - 1 };
            self.widths[word] += width;
        }
        self.cells = cells;
        Ok(self)
    }

    /// The number of bits that carry information.
    pub fn bits(&self) -> usize {
        self.cells.iter().map(|c| c.mask.count_ones() as usize).sum()
    }
}

impl Builder<'_, '_> {
    fn cell(
        &mut self,
        lo: i64,
        hi: i64,
        nullable: bool,
        ordinal: Option<OrdinalId>,
    ) -> Result<u32, CompileError> {
        let id = self.cells.len();
        if id >= MOST_CELLS {
            return Err(CompileError::new(format!("a state has more than {MOST_CELLS} parts")));
        }
        self.cells.push(Cell { lo, hi, nullable, ordinal, word: 0, shift: 0, mask: 0 });
        if let Some(kind) = ordinal {
            self.ordinals[kind.0 as usize].push(id as u32);
        }
        Ok(id as u32)
    }

    fn flag(&mut self) -> Result<u32, CompileError> {
        self.cell(0, 1, false, None)
    }

    fn range(&mut self, ty: &Type, class: TimeClass) -> (i64, i64) {
        let last = |n: u64| n.saturating_sub(1) as i64;
        match ty.unwrap_optional() {
            Type::Bool => (0, 1),
            Type::Int(int) => (int.lo, int.hi),
            Type::Enum(id) => (0, last(self.program.enums[*id].constants.len() as u64)),
            Type::Id(id) => (0, last(u64::from(self.program.sorts[*id].size))),
            Type::Run(p) => (0, last(u64::from(self.program.run_count(*p)))),
            Type::Time => class.floor.map_or((0, 0), |floor| (floor, class.ceiling)),
            _ => (0, 0),
        }
    }

    /// Lays out a value of a type.
    fn shape(&mut self, ty: &Type, class: TimeClass, span: Span) -> Result<Shape, CompileError> {
        if is_scalar(ty) {
            return self.scalar(ty, class, span);
        }
        match ty {
            Type::Optional(inner) => Ok(Shape::Opt(self.flag()?, Box::new(self.shape(inner, class, span)?))),
            Type::Set(element, max) => self.set(element, *max, class, span),
            Type::Map(key, value) => {
                let keys =
                    self.elements.of(self.program, key).ok_or_else(|| too_many(span, "keys of a map"))?;
                let values: Result<_, _> =
                    keys.values.iter().map(|_| self.shape(value, class, span)).collect();
                Ok(Shape::Map(keys, values?))
            }
            Type::Seq(element, max) => {
                let length = self.scalar(&int(0, i64::from(*max)), class, span)?;
                let items: Result<_, _> = (0..*max).map(|_| self.shape(element, class, span)).collect();
                Ok(Shape::Seq(Box::new(length), items?))
            }
            Type::Record(id) => {
                let program = self.program;
                Ok(Shape::Record(self.shapes(
                    program.records[*id].fields.iter().map(|f| &f.ty),
                    class,
                    span,
                )?))
            }
            Type::Union(id) => {
                let program = self.program;
                let variants = &program.unions[*id].variants;
                let tag = self.scalar(&int(0, variants.len() as i64 - 1), class, span)?;
                let fields: Result<_, _> = variants
                    .iter()
                    .map(|v| self.shapes(v.fields.iter().map(|f| &f.ty), class, span))
                    .collect();
                Ok(Shape::Union(Box::new(tag), fields?))
            }
            _ => Err(CompileError::at(span, "a value of this type cannot be stored")),
        }
    }

    fn shapes<'t>(
        &mut self,
        types: impl Iterator<Item = &'t Type>,
        class: TimeClass,
        span: Span,
    ) -> Result<Vec<Shape>, CompileError> {
        types.map(|ty| self.shape(ty, class, span)).collect()
    }

    fn scalar(&mut self, ty: &Type, class: TimeClass, span: Span) -> Result<Shape, CompileError> {
        if *ty == Type::Null {
            return Ok(Shape::Fixed(ty.clone(), NULL));
        }
        if *ty == Type::Unknown {
            return Err(CompileError::at(span, "this has no type yet"));
        }
        let (lo, hi) = self.range(ty, class);
        let ordinal = match ty.unwrap_optional() {
            Type::Ordinal(kind) => Some(*kind),
            _ => None,
        };
        if lo >= hi && !ty.is_optional() && ordinal.is_none() {
            return Ok(Shape::Fixed(ty.clone(), lo));
        }
        Ok(Shape::Cell(ty.clone(), self.cell(lo, hi, ty.is_optional(), ordinal)?))
    }

    fn set(
        &mut self,
        element: &Type,
        max: Option<u32>,
        class: TimeClass,
        span: Span,
    ) -> Result<Shape, CompileError> {
        if let Some(elements) = self.elements.of(self.program, element) {
            let bits: Result<_, _> = elements.values.iter().map(|_| self.flag()).collect();
            return Ok(Shape::Bits(elements, bits?));
        }
        let max = max.ok_or_else(|| {
            CompileError::at(span, "this set needs a `max`: its elements have no finite list")
        })?;
        let slots = (0..max).map(|_| Ok((self.flag()?, self.shape(element, class, span)?)));
        let slots = slots.collect::<Result<Vec<_>, _>>()?;
        self.groups.push(Group { slots: slots.clone(), set: true });
        Ok(Shape::Slots(slots))
    }

    fn vars(&mut self) -> Result<Vec<Vec<Shape>>, CompileError> {
        let program = self.program;
        let mut all = Vec::new();
        for (id, var) in program.vars.iter_enumerated() {
            let count =
                self.key_count(&var.keys).ok_or_else(|| too_many(var.span, "elements of this variable"))?;
            let class = self.times.var(id);
            let shapes: Result<_, _> = (0..count).map(|_| self.shape(&var.ty, class, var.span)).collect();
            all.push(shapes?);
        }
        Ok(all)
    }

    fn key_count(&self, keys: &[Type]) -> Option<u64> {
        let counts = keys.iter().map(|k| self.program.cardinality(k));
        let count = counts.into_iter().try_fold(1u64, |n, c| n.checked_mul(c?))?;
        (count <= MOST_CELLS as u64).then_some(count)
    }

    fn runs(&mut self, statuses: &[Statuses]) -> Result<Vec<Vec<RunShape>>, CompileError> {
        let program = self.program;
        let mut all = Vec::new();
        for (id, protocol) in program.protocols.iter_enumerated() {
            let count = if protocol.rule { 0 } else { program.run_count(id) };
            let runs: Result<_, _> =
                (0..count).map(|_| self.run(id, protocol, &statuses[id.0 as usize])).collect();
            all.push(runs?);
        }
        Ok(all)
    }

    fn run(
        &mut self,
        id: ProtocolId,
        protocol: &Protocol,
        statuses: &Statuses,
    ) -> Result<RunShape, CompileError> {
        let none = TimeClass::default();
        let status = self.scalar(&int(0, statuses.list.len() as i64 - 1), none, protocol.span)?;
        let mut roles = Vec::new();
        for role in &protocol.roles {
            roles.push(self.scalar(&Type::Optional(Box::new(Type::Id(role.sort))), none, role.span)?);
        }
        let mut vars = Vec::new();
        for (v, var) in protocol.vars.iter_enumerated() {
            vars.push(self.shape(&var.ty, self.times.run_var(id, v), var.span)?);
        }
        Ok(RunShape { status, roles, vars })
    }

    fn statuses(&self) -> Vec<Statuses> {
        let all = self.program.protocols.iter_enumerated();
        all.map(|(id, protocol)| statuses(self.program, id, protocol)).collect()
    }

    fn down(&mut self) -> Result<Vec<Vec<Shape>>, CompileError> {
        let program = self.program;
        let downs = |f: &Fault, s| matches!(f.kind, FaultKind::Crash { sort, down } if sort == s && down != arch_ir::Down::Instant);
        let sorts = program.sorts.iter_enumerated();
        sorts
            .map(|(id, sort)| {
                let count = if program.faults.iter().any(|f| downs(f, id)) { sort.size } else { 0 };
                (0..count).map(|_| self.scalar(&Type::Bool, TimeClass::default(), sort.span)).collect()
            })
            .collect()
    }

    fn skew(&mut self) -> Result<Vec<Vec<Shape>>, CompileError> {
        let program = self.program;
        let mut all = Vec::new();
        for (id, sort) in program.sorts.iter_enumerated() {
            let by = program.faults.iter().filter_map(|f| match f.kind {
                FaultKind::Skew { sort, by } if sort == id => Some(i64::from(by)),
                _ => None,
            });
            let by = by.max();
            let count = if by.is_some() { sort.size } else { 0 };
            let ty = int(-by.unwrap_or(0), by.unwrap_or(0));
            let shapes: Result<_, _> =
                (0..count).map(|_| self.scalar(&ty, TimeClass::default(), sort.span)).collect();
            all.push(shapes?);
        }
        Ok(all)
    }

    fn budgets(&mut self) -> Result<Vec<Option<Shape>>, CompileError> {
        let program = self.program;
        let faults = program.faults.iter();
        faults
            .map(|f| match (f.budget, &f.kind) {
                (None, _) | (_, FaultKind::Skew { .. }) => Ok(None),
                (Some(budget), _) => {
                    self.scalar(&int(0, i64::from(budget)), TimeClass::default(), f.span).map(Some)
                }
            })
            .collect()
    }

    fn cut(&mut self) -> Result<Vec<Vec<Shape>>, CompileError> {
        let program = self.program;
        let faults = program.faults.iter();
        faults
            .map(|f| {
                let count = match f.kind {
                    FaultKind::Partition { from, .. } => program.sorts[from].size,
                    _ => 0,
                };
                (0..count).map(|_| self.scalar(&Type::Bool, TimeClass::default(), f.span)).collect()
            })
            .collect()
    }

    fn pending(&mut self) -> Result<Vec<Vec<(u32, Shape)>>, CompileError> {
        let program = self.program;
        program.faults.iter().map(|f| self.deliveries(f)).collect()
    }

    fn deliveries(&mut self, fault: &Fault) -> Result<Vec<(u32, Shape)>, CompileError> {
        let FaultKind::Duplicate { protocol, .. } = &fault.kind else { return Ok(Vec::new()) };
        let budget = fault
            .budget
            .ok_or_else(|| CompileError::at(fault.span, "a `duplicate` needs a finite budget"))?;
        let slots = (0..budget).map(|_| Ok((self.flag()?, self.delivery(fault, *protocol)?)));
        let slots = slots.collect::<Result<Vec<_>, _>>()?;
        self.groups.push(Group { slots: slots.clone(), set: false });
        Ok(slots)
    }

    fn delivery(&mut self, fault: &Fault, id: ProtocolId) -> Result<Shape, CompileError> {
        let FaultKind::Duplicate { step, vars, roles, locals, .. } = &fault.kind else {
            return Ok(Shape::Record(Vec::new()));
        };
        let (program, none) = (self.program, TimeClass::default());
        let protocol = &program.protocols[id];
        let actor = protocol.acting_sort(*step);
        let mut parts = vec![self.scalar(&Type::Run(id), none, fault.span)?];
        parts.push(self.scalar(&Type::Id(actor), none, fault.span)?);
        for (p, role) in roles {
            let ty = Type::Optional(Box::new(Type::Id(program.protocols[*p].roles[*role].sort)));
            parts.push(self.scalar(&ty, none, fault.span)?);
        }
        for (p, var) in vars {
            let ty = &program.protocols[*p].vars[*var].ty;
            parts.push(self.shape(ty, self.times.run_var(*p, *var), fault.span)?);
        }
        for local in locals {
            parts.push(self.shape(&program.vars[*local].ty, self.times.var(*local), fault.span)?);
        }
        Ok(Shape::Record(parts))
    }

    fn waits(&mut self) -> Result<Vec<Vec<Shape>>, CompileError> {
        let program = self.program;
        let deadlines = program.deadlines.iter();
        deadlines
            .map(|d| {
                let ty = int(0, i64::from(d.within));
                let runs = program.run_count(d.protocol);
                (0..runs).map(|_| self.scalar(&ty, TimeClass::default(), d.span)).collect()
            })
            .collect()
    }
}

/// A protocol has so few runs that they can be numbered.
fn few_runs(program: &Program, protocol: &Protocol) -> Result<(), CompileError> {
    let sizes = protocol.subjects.iter().map(|s| program.sorts[s.sort].size);
    let count = sizes.chain([protocol.copies]).try_fold(1u32, u32::checked_mul);
    match count {
        Some(count) if u64::from(count) <= arch_ir::types::MAX_ENUMERATED => Ok(()),
        _ => Err(too_many(protocol.span, "runs of this protocol")),
    }
}

fn too_many(span: Span, what: &str) -> CompileError {
    CompileError::at(span, format!("there are too many {what}"))
}

/// Idle, every position that a run can be at, every ending.
fn statuses(program: &Program, id: ProtocolId, protocol: &Protocol) -> Statuses {
    use arch_ir::{ChainId, Status};
    let mut list = vec![Status::Idle];
    if protocol.rule {
        return Statuses { list };
    }
    let mut positions: Vec<(ChainId, u32)> = Vec::new();
    if !protocol.begin.is_empty() {
        positions.push((ChainId(0), 0));
    }
    positions.extend(program.handovers().filter(|h| h.protocol == id).map(|h| (ChainId(0), h.position)));
    let below = program.protocols.iter().filter_map(|p| p.parent).filter(|parent| parent.protocol == id);
    positions.extend(below.map(|parent| (ChainId(0), parent.position)));
    for (c, chain) in protocol.chains.iter_enumerated() {
        if chain.window.as_ref().is_some_and(|w| w.detached) {
            continue;
        }
        for (i, step) in chain.steps.iter().enumerate() {
            if protocol.steps[*step].loops {
                positions.push((c, i as u32));
            } else if i + 1 < chain.steps.len() {
                positions.push((c, i as u32 + 1));
            }
        }
    }
    positions.sort_unstable();
    positions.dedup();
    list.extend(positions.into_iter().map(|(c, i)| Status::At(c, i)));
    list.extend((0..protocol.endings().len() as u32).map(Status::Ended));
    Statuses { list }
}
