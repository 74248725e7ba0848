//! The matrix fault × property, for people and as JSON.

use super::{json, trace};
use crate::matrix::{Explored, Row};
use crate::outcome::{PropertyOutcome, PropertyVerdict, counted, thousands};
use crate::style::{Paint, Style};
use arch_base::SourceMap;
use serde_json::{Value, json};

/// The row without faults.
const NONE: &str = "no fault";

/// A row per fault, a column per property, and below it the behaviours in which one breaks.
#[must_use]
pub fn table(file: &str, rows: &[Row], sources: &SourceMap, paint: Paint) -> String {
    let columns = columns(rows);
    let faults = rows.len().saturating_sub(1) as u64;
    let title = paint.paint(Style::Name, &format!("FAULTS {file}"));
    let mut out =
        format!("{title} · {} × {}\n\n", counted(faults, "fault"), counted(columns.len() as u64, "property"));
    let width = rows.iter().map(|r| name(r).chars().count()).max().unwrap_or(0);
    out.push_str(&format!("  {:width$} ", ""));
    (1..=columns.len()).for_each(|n| out.push_str(&format!(" {n:>3}")));
    out.push_str("       states\n");
    rows.iter().for_each(|row| out.push_str(&line(row, &columns, width, paint)));
    out.push_str("\n  · holds   number: breaks in so many steps   ? open   - not applicable   * declared\n");
    for (n, column) in columns.iter().enumerate() {
        out.push_str(&format!("  {:>3} {column}\n", n + 1));
    }
    out.push_str(&behaviours(rows, sources, paint));
    out
}

fn name(row: &Row) -> String {
    let mark = if row.declared { " *" } else { "" };
    format!("{}{mark}", row.fault.as_deref().unwrap_or(NONE))
}

/// The properties, in the order of the spec: the same in every row that has any.
fn columns(rows: &[Row]) -> Vec<String> {
    let first = rows.iter().find_map(|r| r.found.as_ref().ok());
    first.map(|e| e.properties.iter().map(|p| p.name.clone()).collect()).unwrap_or_default()
}

fn line(row: &Row, columns: &[String], width: usize, paint: Paint) -> String {
    let mut text = format!("  {:width$} ", name(row));
    match &row.found {
        Ok(explored) => {
            columns.iter().for_each(|column| text.push_str(&cell(explored, column, paint)));
            let open = if explored.complete { "" } else { " explored" };
            text.push_str(&format!(" {:>12}{open}\n", thousands(explored.represented_states)));
        }
        Err(why) => {
            columns.iter().for_each(|_| text.push_str("   -"));
            text.push_str(&format!("       {why}\n"));
        }
    }
    text
}

fn cell(explored: &Explored, column: &str, paint: Paint) -> String {
    let found = explored.properties.iter().find(|p| p.name == *column);
    let (text, style) = match found.map(|p| (&p.verdict, &p.trace)) {
        Some((PropertyVerdict::Holds, _)) => ("·".to_owned(), Style::Good),
        Some((PropertyVerdict::Violated, Some(trace))) => (trace.steps.len().to_string(), Style::Bad),
        Some((PropertyVerdict::Violated, None)) => ("x".to_owned(), Style::Bad),
        Some((
            PropertyVerdict::Inconclusive
            | PropertyVerdict::ProbablyHolds(_)
            | PropertyVerdict::EndsEarly(_)
            | PropertyVerdict::NotChecked(_),
            _,
        )) => ("?".to_owned(), Style::Open),
        None => ("-".to_owned(), Style::Faint),
    };
    format!(" {}", paint.paint(style, &format!("{text:>3}")))
}

/// What breaks under a fault and holds without; what breaks without any is told once.
fn behaviours(rows: &[Row], sources: &SourceMap, paint: Paint) -> String {
    let mut text = String::new();
    let mut told: Vec<&str> = Vec::new();
    for row in rows {
        let Ok(explored) = &row.found else { continue };
        let violated: Vec<&PropertyOutcome> =
            explored.properties.iter().filter(|p| p.violated() && !told.contains(&p.name.as_str())).collect();
        for property in &violated {
            text.push_str(&format!("\n  under {}\n", paint.paint(Style::Name, &name(row))));
            text.push_str(&trace::behaviour(property, &[], sources, paint));
        }
        if row.fault.is_none() {
            told.extend(violated.iter().map(|p| p.name.as_str()));
        }
    }
    text
}

/// One spec's matrix.
#[must_use]
pub fn value(file: &str, instance: Option<&str>, rows: &[Row], sources: &SourceMap) -> Value {
    let row = |row: &Row| {
        let explored = row.found.as_ref().ok();
        json!({
            "fault": row.fault,
            "declared": row.declared,
            "applicable": row.found.is_ok(),
            "reason": row.found.as_ref().err(),
            "distinct_states": explored.map(|e| e.distinct_states),
            "represented_states": explored.map(|e| e.represented_states),
            "complete": explored.is_some_and(|e| e.complete),
            "properties": explored.map_or(Vec::new(), |e| {
                e.properties.iter().map(|p| json::property_value(p, sources)).collect()
            }),
        })
    };
    json!({ "file": file, "instance": instance, "faults": rows.iter().map(row).collect::<Vec<_>>() })
}

/// All matrices as one document.
#[must_use]
pub fn document(specs: &[Value], exit_status: u8) -> String {
    let document = json!({
        "version": json::VERSION,
        "archc": env!("CARGO_PKG_VERSION"),
        "exit_status": exit_status,
        "specs": specs,
    });
    let mut text = serde_json::to_string_pretty(&document).expect("the document has string keys only");
    text.push('\n');
    text
}
