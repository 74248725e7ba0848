//! Why a journal is not a serial execution: the whole graph of version dependencies, for a trace that was refused.
//!
//! [`super::Validator`] refuses the first event that does not fit where it stands. Here all events are at hand, and the
//! question is whether *any* order fits: memory is linear in the trace.

use super::Entry;
use crate::schema::{KindId, Schema};
use crate::value::RowKey;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// What is wrong with a journal as a whole. Events are positions in the list that was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Diagnosis {
    /// Some order of the events is serial; this is one. The journal is only out of order.
    Reordered(Vec<usize>),
    /// No order is: each event must come before the next, and the last before the first. The store was not serialisable.
    Cycle(Vec<(usize, String)>),
    /// Two events wrote the same version of a row: an update was lost. The store was not serialisable.
    LostUpdate {
        /// The row.
        row: String,
        /// The version.
        version: u64,
        /// The two.
        events: (usize, usize),
    },
    /// An event read a version that no event wrote: the journal is not whole.
    Missing {
        /// The row.
        row: String,
        /// The version.
        version: u64,
        /// Who read it.
        event: usize,
    },
}

/// Who must come before whom, and why.
struct Graph {
    after: Vec<Vec<(usize, Why)>>,
}

/// Why an event comes before another.
#[derive(Clone)]
enum Why {
    /// It wrote what the other read.
    Read(String),
    /// It read what the other overwrote.
    Overwrite(String),
    /// It wrote to a kind, before the other did.
    Order(String),
}

impl Why {
    fn text(&self) -> String {
        match self {
            Why::Read(row) => format!("the next event read its version of {row}"),
            Why::Overwrite(row) => format!("it read the version of {row} that the next event overwrote"),
            Why::Order(kind) => format!("it wrote to {kind} before the next event did"),
        }
    }
}

/// Looks for a serial order of a journal's events.
///
/// Where a whole kind was read, only the number of writes to it is known; the writes to such a kind are taken to be in the
/// order of the list.
#[must_use]
pub fn diagnose(entries: &[Entry], schema: &Schema) -> Diagnosis {
    let writers = match writers(entries, schema) {
        Ok(writers) => writers,
        Err(lost) => return lost,
    };
    let mut graph = Graph { after: vec![Vec::new(); entries.len()] };
    for (reader, entry) in entries.iter().enumerate() {
        for (row, version) in &entry.reads {
            if *version > 0 {
                match writers.get(&(row, *version)) {
                    Some(writer) => graph.edge(*writer, reader, || Why::Read(row.text(schema))),
                    None => {
                        let row = row.text(schema);
                        return Diagnosis::Missing { row, version: *version, event: reader };
                    }
                }
            }
            if let Some(writer) = writers.get(&(row, version + 1)) {
                graph.edge(reader, *writer, || Why::Overwrite(row.text(schema)));
            }
        }
    }
    if let Some(missing) = graph.add_scans(entries, schema) {
        return missing;
    }
    graph.order().map_or_else(|rest| Diagnosis::Cycle(graph.cycle(&rest)), Diagnosis::Reordered)
}

type Writers<'a> = HashMap<(&'a RowKey, u64), usize>;

fn writers<'a>(entries: &'a [Entry], schema: &Schema) -> Result<Writers<'a>, Diagnosis> {
    let mut writers = HashMap::new();
    for (i, entry) in entries.iter().enumerate() {
        for write in &entry.writes {
            if let Some(first) = writers.insert((&write.row, write.version), i) {
                let row = write.row.text(schema);
                return Err(Diagnosis::LostUpdate { row, version: write.version, events: (first, i) });
            }
        }
    }
    Ok(writers)
}

impl Graph {
    fn edge(&mut self, before: usize, after: usize, why: impl FnOnce() -> Why) {
        if before != after {
            self.after[before].push((after, why()));
        }
    }

    /// Orders scans among the writes to their kinds; an event that a scan needs and that is not there.
    fn add_scans(&mut self, entries: &[Entry], schema: &Schema) -> Option<Diagnosis> {
        let kinds: BTreeSet<KindId> = entries.iter().flat_map(|e| &e.scans).map(|(k, _)| *k).collect();
        let mut writes: BTreeMap<KindId, Vec<usize>> = kinds.iter().map(|k| (*k, Vec::new())).collect();
        for (i, write) in entries.iter().enumerate().flat_map(|(i, e)| e.writes.iter().map(move |w| (i, w))) {
            writes.entry(write.row.kind).and_modify(|all| all.push(i));
        }
        for (kind, events) in &writes {
            let name = || format!("all of {}", schema.kind(*kind).name);
            events.windows(2).for_each(|w| self.edge(w[0], w[1], || Why::Order(name())));
        }
        for (reader, (kind, sum)) in
            entries.iter().enumerate().flat_map(|(i, e)| e.scans.iter().map(move |s| (i, s)))
        {
            let name = || format!("all of {}", schema.kind(*kind).name);
            let events = &writes[kind];
            let seen = usize::try_from(*sum).unwrap_or(usize::MAX);
            if seen > events.len() {
                return Some(Diagnosis::Missing { row: name(), version: *sum, event: reader });
            }
            if let Some(last) = seen.checked_sub(1) {
                self.edge(events[last], reader, || Why::Read(name()));
            }
            if let Some(next) = events.get(seen) {
                self.edge(reader, *next, || Why::Overwrite(name()));
            }
        }
        None
    }

    /// A topological order, the earliest event first (Kahn's algorithm); else the events on and behind cycles.
    fn order(&self) -> Result<Vec<usize>, BTreeSet<usize>> {
        let mut waits = vec![0usize; self.after.len()];
        self.after.iter().flatten().for_each(|(to, _)| waits[*to] += 1);
        let mut ready: BTreeSet<usize> = (0..waits.len()).filter(|i| waits[*i] == 0).collect();
        let mut order = Vec::with_capacity(waits.len());
        while let Some(event) = ready.pop_first() {
            order.push(event);
            for (to, _) in &self.after[event] {
                waits[*to] -= 1;
                if waits[*to] == 0 {
                    ready.insert(*to);
                }
            }
        }
        if order.len() == waits.len() {
            return Ok(order);
        }
        Err((0..waits.len()).filter(|i| waits[*i] > 0).collect())
    }

    /// A shortest cycle through the first event that is on one.
    fn cycle(&self, rest: &BTreeSet<usize>) -> Vec<(usize, String)> {
        rest.iter().find_map(|start| self.cycle_through(*start, rest)).unwrap_or_default()
    }

    fn cycle_through(&self, start: usize, rest: &BTreeSet<usize>) -> Option<Vec<(usize, String)>> {
        let mut from: HashMap<usize, (usize, &Why)> = HashMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(event) = queue.pop_front() {
            for (to, why) in self.after[event].iter().filter(|(to, _)| rest.contains(to)) {
                if from.contains_key(to) {
                    continue;
                }
                from.insert(*to, (event, why));
                if *to == start {
                    return Some(path(start, &from));
                }
                queue.push_back(*to);
            }
        }
        None
    }
}

fn path(start: usize, from: &HashMap<usize, (usize, &Why)>) -> Vec<(usize, String)> {
    let mut path = Vec::new();
    let mut event = start;
    while let Some((before, why)) = from.get(&event) {
        path.push((*before, why.text()));
        event = *before;
        if event == start {
            break;
        }
    }
    path.reverse();
    path
}
