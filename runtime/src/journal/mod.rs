//! The journal: one entry for every committed transition, written in the same commit. It is the trace.
//!
//! [`Entry`] and its JSON line (`entry`, `wire`), whole traces with a header and an end (`file`), and the proof that a trace is
//! a serial execution (`validate`; `graph` explains why one is not; `replay` evaluates
//! the steps again; `audit` compares a whole store with its journal).

mod audit;
mod entry;
mod export;
mod file;
mod graph;
mod lines;
mod replay;
mod validate;
mod wire;

pub use audit::{AuditError, audit};
pub use entry::{Cursor, Entry, Write};
pub use export::{ExportError, export};
pub use file::{
    END, Header, TraceError, check_events, check_trace, read_entries, read_header, write_end, write_entry,
    write_header,
};
pub use graph::{Diagnosis, diagnose};
pub use replay::Replay;
pub use validate::{Accept, Fault, Judge, RowState, State, Validator, Violation};
